"""Small records of a dataset in its store: a JSON file each, which appears whole or not at all.

What belongs here: how records are kept. What they say is the matter of whoever writes them. They lie in the store, not
in Dagster's home, so that what they say is of this store whatever else that home has seen, and stays when old runs are
deleted there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import obstore

from image_assets.store.listing import Listing
from image_assets.store.objects import content_of, lying_below, remove
from image_assets.store.store import Store

_READERS = 16
_One = TypeVar("_One")
NO_RECORD = (LookupError, TypeError, ValueError, AttributeError)
"""What is raised where a file of the records' folder is read as what it is not."""


class _Known(NamedTuple):
    """A record as it was read, and the version of the file that it was read from."""

    version: str
    record: dict[str, Any]


# What was read last of each folder, by path. A console asks for thousands of records with every page, of which few are
# others than before.
_KNOWN: dict[tuple[str, str, str], dict[str, _Known]] = {}
_LOCK = Lock()


class Records:
    """The records in one folder of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
        folder: Their folder below the dataset's.
        there: What lies there, where it is known already: `names` and `all` are then of that moment.
    """

    def __init__(self, store: Store, dataset: str, folder: str, there: Listing | None = None) -> None:
        self._store, self._dataset, self._folder, self._there = store, dataset, folder, there

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Keep a record under a name, in the place of the one that is there."""
        text = json.dumps(content, ensure_ascii=False)
        obstore.put(self._store.objects(self._dataset), self._path(name), text.encode())

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of a name; none where there is none, or something else is in its place."""
        return self._read(self._path(name)) if self._is_there() else None

    def names(self) -> list[str]:
        """The names of all records, in no order."""
        return [self._name(path) for path in self._versions()]

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and records, in no order. A record is not to be changed: whoever asks next is given the same one.

        What was read before and is of the same version is not read again.
        """
        versions, folder = self._versions(), (self._store.url, self._dataset, self._folder)
        with _LOCK:
            known = {path: one for path, one in _KNOWN.get(folder, {}).items() if versions.get(path) == one.version}
        # A file that is replaced between the two is kept under the version before, and so is read again.
        for path, record in self._read_all([path for path in versions if path not in known]):
            if record is not None:
                known[path] = _Known(versions[path], record)
        with _LOCK:
            _KNOWN[folder] = known
        return ((self._name(path), one.record) for path, one in known.items())

    def parsed(self, parse: Callable[[str, dict[str, Any]], _One]) -> dict[str, _One]:
        """What is made of the records, by name; without files that are none: cut, or of other content.

        Args:
            parse: Makes something of a name and a record; raises one of `NO_RECORD` where it is none.
        """
        found: dict[str, _One] = {}
        for name, record in self.all():
            with suppress(*NO_RECORD):
                found[name] = parse(name, record)
        return found

    def damaged(self, parse: Callable[[str, dict[str, Any]], object]) -> list[str]:
        """The files that `parsed` leaves out, below the dataset's folder."""
        found = self.parsed(parse)
        return sorted(self._path(name) for name in self.names() if name not in found)

    def remove(self, name: str) -> None:
        """Keep no record under a name."""
        remove(self._store.objects(self._dataset), self._path(name))

    def _versions(self) -> dict[str, str]:
        """The paths of all records, each with its version."""
        if self._there is not None:
            lying = self._there.below(self._folder)
            return {f"{self._folder}/{name}": one.version for name, one in lying.items() if name.endswith(".json")}
        if not self._is_there():
            return {}
        found = lying_below(self._store.objects(self._dataset), f"{self._folder}/")
        return {path: one.version for path, one in found.items() if path.endswith(".json")}

    def _read_all(self, paths: list[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
        if self._store.local is not None:  # to hand thousands of small files to threads takes longer than to read them
            yield from ((path, self._read(path)) for path in paths)
            return
        with ThreadPoolExecutor(_READERS) as readers:
            yield from zip(paths, readers.map(self._read, paths), strict=True)

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self._folder}/").removesuffix(".json")

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}.json"

    def _is_there(self) -> bool:
        """Reading makes no folder."""
        return self._store.local is None or (self._store.local / self._dataset / self._folder).is_dir()

    def _read(self, path: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self._content(path) or b"")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _content(self, path: str) -> bytes | None:
        if self._store.local is None:
            return content_of(self._store.objects(self._dataset), path)
        try:
            return (self._store.local / self._dataset / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
