"""Files of tables that no commit lists: earlier versions of partitions, and what killed runs finished and left.

They are removed by age. A run that has found such a file may commit it at any moment, so a file is moved away first,
and put back where a commit lists it after all; it is deleted by a later call, when that has not happened for long.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import obstore
from obstore.store import ObjectStore

from image_assets.schema import TABLES, TableSchema
from image_assets.store.objects import remove
from image_assets.store.store import Store

REMOVED = "removed"
"""The folder of a dataset that files are moved to before they are deleted, below the time at which they were."""
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Unlisted:
    """A file that no commit lists: its path below the dataset's folder, and its size in bytes."""

    path: str
    bytes: int


@dataclass(frozen=True)
class Collected:
    """What was moved away, what was put back because a commit lists it, and what was deleted that was moved before."""

    moved: tuple[Unlisted, ...]
    put_back: tuple[str, ...]
    deleted: tuple[Unlisted, ...]


class UnlistedFiles:
    """The unlisted files of a dataset's tables.

    Args:
        store: Where they are.
        dataset: Its name.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset = store, dataset
        self._objects: ObjectStore = store.objects(dataset)

    def find(self, before: dt.datetime) -> list[Unlisted]:
        """Those that were written before a moment, with a time zone.

        Raises:
            Damaged: a table's log cannot be read, so what it lists is not known.
        """
        return [one for schema in TABLES for one in self._of(schema, before)]

    def moved_before(self, before: dt.datetime) -> list[Unlisted]:
        """Those that were moved away before a moment, where they are now."""
        found = ((one["path"], one["size"]) for page in obstore.list(self._objects, f"{REMOVED}/") for one in page)
        return [Unlisted(path, size) for path, size in found if _moved_at(path) < before]

    def collect(self, before: dt.datetime, now: dt.datetime) -> Collected:
        """Move away what is unlisted and was written before a moment, and delete what was moved away before it.

        Raises:
            Damaged: a table's log cannot be read; nothing was changed.
        """
        found = self.find(before)
        back = [*self._put_back(self.moved_before(now))]
        long_gone = self.moved_before(before)
        remove(self._objects, *(one.path for one in long_gone))
        moved = [*self._move(found, now)]
        back += self._put_back(moved)
        return Collected(tuple(one for one in found if one.path not in back), tuple(back), tuple(long_gone))

    def _of(self, schema: TableSchema, before: dt.datetime) -> Iterator[Unlisted]:
        # Listed first: what is committed in between is then among what the log lists.
        there = [one for page in obstore.list(self._objects, f"{schema.name}/") for one in page]
        files = [one for one in there if one["path"].endswith(".parquet") and "/_delta_log/" not in one["path"]]
        if not files:
            return
        listed = self._listed(schema)
        for one in files:
            if one["path"] not in listed and one["last_modified"] < before:
                yield Unlisted(one["path"], one["size"])

    def _listed(self, schema: TableSchema) -> Collection[str]:
        return {f"{schema.name}/{path}" for path in self._store.table(self._dataset, schema).snapshot().files["path"]}

    def _move(self, found: Iterable[Unlisted], now: dt.datetime) -> Iterator[Unlisted]:
        for one in found:
            place = f"{REMOVED}/{now.astimezone(dt.UTC):{_TIME}}/{one.path}"
            try:
                obstore.rename(self._objects, one.path, place)
            except FileNotFoundError:
                continue
            yield Unlisted(place, one.bytes)

    def _put_back(self, moved: Iterable[Unlisted]) -> Iterator[str]:
        """Put back what a commit lists; its content is what its name says, so one that is there again is the same."""
        moved = list(moved)
        names = {one.path.split("/")[2] for one in moved}
        listed = {path for schema in TABLES if schema.name in names for path in self._listed(schema)}
        for one in moved:
            path = one.path.split("/", 2)[2]
            if path in listed:
                obstore.rename(self._objects, one.path, path)
                yield path


def _moved_at(path: str) -> dt.datetime:
    return dt.datetime.strptime(path.split("/")[1], _TIME).replace(tzinfo=dt.UTC)
