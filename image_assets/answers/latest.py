"""What takes long to find out is kept until what it was found out of is something else."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """The last answer of each dataset, made anew where its version is another. Who asks meanwhile waits for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[tuple[str, str], tuple[object, T]] = {}

    def get(self, key: tuple[str, str], version: object, make: Callable[[], T]) -> T:
        """That of a dataset, by its store and name, in this version; raises what making it raises.

        Versions are compared: whatever the answer depends on has to be in them.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != version:
                kept = self._kept[key] = (version, make())
            return kept[1]

    def kept(self, key: tuple[str, str], version: object) -> T | None:
        """The same where it is there already; None where it would have to be made. Nobody waits."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0] == version else None
