"""The logs of tables: every commit, every checkpoint, and the hint that names the last checkpoint.

A table is opened from its last checkpoint and the commits since then. Others are read as well: where that checkpoint is
lost, the table is still whole as long as they are.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from collections.abc import Iterator
from functools import cached_property
from urllib.parse import unquote

import pyarrow.parquet as pq
from obstore.store import ObjectStore

from image_assets.schema import Partition, TableSchema
from image_assets.store.objects import content_of, sizes_below
from image_assets.store.tables.log_damage import (
    HINT,
    checkpoints_of,
    commits_of,
    wrong_checkpoint,
    wrong_commit,
    wrong_hint,
)
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy
from image_assets.verification.tables import remedy_of

_LOG = "_delta_log"
_PARTITION = re.compile(r"date=(\d{4}-\d{2}-\d{2})/category=([^/]+)/")


def verify_log(objects: ObjectStore, schema: TableSchema) -> tuple[LookedAt, list[Finding]]:
    """Read a table's log.

    Args:
        objects: The object store rooted at the dataset's folder.
        schema: The table.
    """
    log = _Log(objects, schema)
    found = [*log.wrong_checkpoints(), *log.wrong_hint(), *log.wrong_commits()]
    sizes = [size for path, size in log.sizes.items() if path.startswith(f"{_LOG}/")]
    return LookedAt(len(sizes), sum(sizes)), found


class _Log:
    def __init__(self, objects: ObjectStore, schema: TableSchema) -> None:
        self._objects, self._schema = objects, schema
        below = f"{schema.name}/"
        self.sizes = {path.removeprefix(below): size for path, size in sizes_below(objects, below).items()}
        paths = sorted(self.sizes)
        self._commits, self._checkpoints = commits_of(paths), checkpoints_of(paths)
        self._damaged = {
            version: wrong
            for version, path in self._checkpoints.items()
            if (wrong := wrong_checkpoint(self._content(path)))
        }

    @cached_property
    def _sound(self) -> list[int]:
        return [version for version in self._checkpoints if version not in self._damaged]

    def wrong_checkpoints(self) -> Iterator[Finding]:
        for version, wrong in self._damaged.items():
            begin = max((one for one in self._sound if one < version), default=-1)
            # Without it the table is read from the checkpoint before and all commits since then.
            whole = all(one in self._commits for one in range(begin + 1, version + 1))
            yield self._finding(self._checkpoints[version], wrong, Remedy.ASIDE if whole else Remedy.COPY)

    def wrong_hint(self) -> Iterator[Finding]:
        if HINT not in self.sizes:
            return
        if wrong := wrong_hint(self._content(HINT), self._sound):
            yield self._finding(HINT, wrong, Remedy.ASIDE)

    def wrong_commits(self) -> Iterator[Finding]:
        last, checkpoint = max(self._commits, default=-1), max(self._sound, default=-1)
        for version, path in self._commits.items():
            if not (wrong := wrong_commit(self._content(path))):
                continue
            if version <= checkpoint:
                yield self._finding(path, wrong, Remedy.ASIDE)  # a later checkpoint says all that it said
            else:
                yield self._of_commit(path, wrong, is_last=version == last != 0)
        for version in range(max(self._checkpoints, default=-1) + 1, last):
            if version not in self._commits:
                yield self._finding(f"{_LOG}/{version:020}.json", "is missing", Remedy.COPY)

    def _of_commit(self, path: str, wrong: str, *, is_last: bool) -> Finding:
        """The last commit can be made again by who made it: whose files nobody else names."""
        if not is_last:
            return self._finding(path, wrong, Remedy.COPY)
        if not self._schema.partitioned:
            return self._finding(path, wrong, remedy_of(self._schema))
        unnamed = sorted(self._unnamed_partitions())
        return self._finding(path, wrong, remedy_of(self._schema) if unnamed else Remedy.COPY, *unnamed)

    def _unnamed_partitions(self) -> set[Partition]:
        """The partitions that have files which no sound part of the log names."""
        named = {*self._named()}
        files = (path for path in self.sizes if path.endswith(".parquet") and not path.startswith(_LOG))
        found = (_PARTITION.match(path) for path in files if path not in named)
        return {Partition(dt.date.fromisoformat(match[1]), unquote(match[2])) for match in found if match}

    def _named(self) -> Iterator[str]:
        """The files that were ever added, as far as commits and checkpoints can be read."""
        for path in self._commits.values():
            content = self._content(path)
            if not wrong_commit(content):
                actions = map(json.loads, content.splitlines())
                yield from (unquote(one["add"]["path"]) for one in actions if "add" in one)
        for version in self._sound:
            rows = pq.read_table(io.BytesIO(self._content(self._checkpoints[version])), columns=["add"])["add"]
            yield from (unquote(one["path"]) for one in rows.to_pylist() if one)

    def _finding(self, path: str, wrong: str, remedy: Remedy, *partitions: Partition) -> Finding:
        name = self._schema.name
        return Finding(Part.LOGS, f"{name}/{path}", wrong, remedy, partitions, table=name)

    def _content(self, path: str) -> bytes:
        return content_of(self._objects, f"{self._schema.name}/{path}") or b""
