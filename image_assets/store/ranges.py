"""A stored object as a file of which only the parts that are asked for are read."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from obstore.store import ObjectStore


def open_ranges(store: ObjectStore, path: str) -> RangedStream:
    """A stored object as a stream. Raises `FileNotFoundError` where there is none."""
    return RangedStream(store.head(path)["size"], lambda start, end: bytes(store.get_range(path, start=start, end=end)))


class RangedStream(io.RawIOBase):
    """An object as a seekable stream. obstore's own forgets its buffer at every seek, which archives do often.

    Args:
        size: Bytes of the object.
        read_range: Gives the bytes from a first to before a last one.
    """

    def __init__(self, size: int, read_range: Callable[[int, int], bytes]) -> None:
        self._size = size
        self._read_range = read_range
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes, all that are left by default, in one request."""
        end = min(self._at + size, self._size) if size >= 0 else self._size
        content = self._read_range(self._at, end) if self._at < end else b""
        self._at += len(content)
        return content

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as there is content."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position, as in any file."""
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True
