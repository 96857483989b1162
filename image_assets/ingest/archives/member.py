"""What a reader of archives hands out, and how it says that something cannot be read."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile

from image_assets.images.reasons import Reason, WithReason

if TYPE_CHECKING:
    from backports.zstd import ZstdError
else:
    try:
        from compression.zstd import ZstdError  # Python 3.14 and later
    except ImportError:
        from backports.zstd import ZstdError

DAMAGE = (zlib.error, lzma.LZMAError, ZstdError, BadZipFile, EOFError, OSError, ValueError, struct.error)
"""What decompressors raise on damaged data; the archive's own stream raises `StreamFailed` instead."""


class ArchiveBroken(Exception):
    """From here on the archive cannot be read: the message says why.

    Attributes:
        reason: The code that the archive gets in quarantine.
    """

    def __init__(self, detail: str, reason: Reason = Reason.ARCHIVE_DAMAGED) -> None:
        super().__init__(detail)
        self.reason = reason


class MemberRefused(WithReason):
    """This member cannot be had; those after it can."""


class StreamFailed(Exception):
    """The archive could not be read where it lies. That may pass, and says nothing about the archive."""


@dataclass(frozen=True)
class Member:
    """An entry of an archive. Its content can be had until the reader goes on to the next one.

    Attributes:
        name: As the archive has it; may hold anything, surrogate escapes too. A name for people, never a path.
        bytes: Size that the archive states, or None.
        consumed: Position in the archive as it lies, bytes, for progress.
        is_folder: Whether it is an entry for a folder, without content.
        chunks: The content, piece by piece; raises `MemberRefused` or `ArchiveBroken`.
        passed_unread: Whether going on without asking for the content reads none of it.
        link: Name of the member before it whose content this one has too, as a hard link of a tar; None for all else.
    """

    name: str
    bytes: int | None
    consumed: int
    is_folder: bool
    chunks: Callable[[], Iterator[bytes]]
    passed_unread: bool = False
    link: str | None = None

    @property
    def path(self) -> str:
        """The name as it is listed; see `listed_path`."""
        return listed_path(self.name)


def listed_path(name: str) -> str:
    """A member's name without the `.` that `tar -C folder .` begins it with; one that leads out stays as it is."""
    parts = name.split("/")
    kept = "/".join(part for part in parts if part != ".")
    return kept if kept and ".." not in parts else name


def refused(reason: Reason, detail: str) -> Callable[[], Iterator[bytes]]:
    """The content of a member that is not to be had."""

    def chunks() -> Iterator[bytes]:
        raise MemberRefused(reason, detail)
        yield b""

    return chunks


class GuardedStream(io.RawIOBase):
    """The stream of an archive, whose own errors cannot be taken for damage of the archive."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = stream.tell()
        self.size = stream.seek(0, io.SEEK_END)
        stream.seek(self._at)

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes. Raises `StreamFailed`."""
        try:
            content = self._stream.read(size)
        except Exception as error:  # each kind of store has its own
            raise StreamFailed(f"it cannot be read at byte {self._at:,}: {error}") from error
        self._at += len(content)
        return bytes(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a position; none lies before the beginning."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the beginning")
        if base + offset != self._at:
            self._at = self._stream.seek(min(base + offset, self.size))
        return self._at

    def tell(self) -> int:
        """The position, bytes."""
        return self._at

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True
