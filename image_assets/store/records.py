"""Small records of a dataset in its store: a JSON file each, which appears whole or not at all.

What belongs here: how records are kept. What they say is the matter of whoever writes them. They lie in the store, not
in Dagster's home, so that what they say is of this store whatever else that home has seen, and stays when old runs are
deleted there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import obstore

from image_assets.store.objects import content_of, remove, sizes_below
from image_assets.store.store import Store

_READERS = 16


class Records:
    """The records in one folder of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
        folder: Their folder below the dataset's.
    """

    def __init__(self, store: Store, dataset: str, folder: str) -> None:
        self._store, self._dataset, self._folder = store, dataset, folder

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Keep a record under a name, in the place of the one that is there."""
        text = json.dumps(content, ensure_ascii=False)
        obstore.put(self._store.objects(self._dataset), self._path(name), text.encode())

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of a name; none where there is none, or something else is in its place."""
        return self._read(self._path(name)) if self._is_there() else None

    def names(self) -> list[str]:
        """The names of all records, in no order."""
        if not self._is_there():
            return []
        prefix = f"{self._folder}/"
        paths = sizes_below(self._store.objects(self._dataset), prefix)
        return [path.removeprefix(prefix).removesuffix(".json") for path in paths if path.endswith(".json")]

    def all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and records, in no order."""
        names = self.names()
        if self._store.local is not None:  # to hand thousands of small files to threads takes longer than to read them
            for name in names:
                if (record := self._read(self._path(name))) is not None:
                    yield name, record
            return
        with ThreadPoolExecutor(_READERS) as readers:
            for name, record in zip(names, readers.map(self._read, map(self._path, names)), strict=True):
                if record is not None:
                    yield name, record

    def remove(self, name: str) -> None:
        """Keep no record under a name."""
        remove(self._store.objects(self._dataset), self._path(name))

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
