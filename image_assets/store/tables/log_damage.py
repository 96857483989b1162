"""Looking for what is wrong with the log of a Delta table, once it cannot be read.

The library says that something is, in a text without a name. A commit or a checkpoint is cut where the disk was full
or a copy of the store was not finished.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import ObjectStore

from image_assets.store.objects import sizes_below
from image_assets.store.tables.damage import DamagedLog

_FOLDER = "_delta_log"
HINT = f"{_FOLDER}/_last_checkpoint"
"""Names the last checkpoint, so that nobody has to look for it."""
_COMMIT = re.compile(r"_delta_log/(\d{20})\.json")
_CHECKPOINT = re.compile(r"_delta_log/(\d{20})\.checkpoint.*\.parquet")


def damage_in_log(url: str, objects: ObjectStore) -> DamagedLog | None:
    """The first damage in a table's log, from its last checkpoint on; None where there is none to be seen.

    Args:
        url: Where the table lies.
        objects: The object store rooted there.
    """
    paths = sorted(sizes_below(objects, _FOLDER))
    commits, checkpoints = commits_of(paths), checkpoints_of(paths)
    before, begin = [-1, -1, *sorted(checkpoints)][-2:]
    if begin >= 0 and (wrong := wrong_checkpoint(_read(objects, checkpoints[begin]))):
        if all(version in commits for version in range(before + 1, begin + 1)):
            return DamagedLog.done_without(url, checkpoints[begin], wrong)
        return DamagedLog.of(url, checkpoints[begin], wrong, is_last=False)
    if HINT in paths and (wrong := wrong_hint(_read(objects, HINT), checkpoints)):
        return DamagedLog.done_without(url, HINT, wrong)
    wanted = range(begin + 1, max(commits, default=-1) + 1)
    for version in wanted:
        if version not in commits:
            return DamagedLog.of(url, f"{_FOLDER}/{version:020}.json", "is missing", is_last=False)
        if wrong := wrong_commit(_read(objects, commits[version])):
            return DamagedLog.of(url, commits[version], wrong, is_last=version == max(commits) != 0)
    return None


def wrong_commit(content: bytes) -> str:
    """What is wrong with a commit, to come after its name; empty where nothing is."""
    if not content.strip():
        return "is damaged: it is empty"
    for number, line in enumerate(content.splitlines(), 1):
        try:
            json.loads(line)
        except ValueError:
            return f"is damaged: line {number} is cut or no JSON"
    return ""


def commits_of(paths: Iterable[str]) -> dict[int, str]:
    """The commits among paths below a table: version → path."""
    return {int(found[1]): path for path in paths if (found := _COMMIT.fullmatch(path))}


def checkpoints_of(paths: Iterable[str]) -> dict[int, str]:
    """The checkpoints among paths below a table: version → path."""
    return {int(found[1]): path for path in paths if (found := _CHECKPOINT.fullmatch(path))}


def wrong_checkpoint(content: bytes) -> str:
    """What is wrong with a checkpoint, to come after its name; empty where nothing is."""
    try:
        pq.ParquetFile(io.BytesIO(content)).read()
    except (pa.ArrowException, OSError):
        return "is damaged: it is cut or no Parquet file"
    return ""


def wrong_hint(content: bytes, sound: Collection[int]) -> str:
    """What is wrong with the hint, to come after its name; empty where nothing is.

    Args:
        content: Of it.
        sound: Versions of which there is a checkpoint.
    """
    try:
        named = int(json.loads(content)["version"])
    except (ValueError, TypeError, LookupError):
        return "is damaged: it names no version"
    return "" if named in sound else f"names the checkpoint of version {named}, which is not whole"


def _read(objects: ObjectStore, path: str) -> bytes:
    return bytes(obstore.get(objects, path).bytes())
