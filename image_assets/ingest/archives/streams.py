"""Compressed tar archives as plain streams: of one compressed stream or several, in memory of bounded size."""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import ArchiveBroken, GuardedStream, StreamFailed

if TYPE_CHECKING:
    from backports import zstd
else:
    try:
        from compression import zstd  # Python 3.14 and later
    except ImportError:
        from backports import zstd

_PIECE = 1 << 16  # bytes read at once
_BUFFER = 1 << 17
_WINDOW_LOG = 31  # of zstd: `--long=31`, the largest window that its own program writes
_MOST_MEMORY = 1 << _WINDOW_LOG  # bytes; both take only as much as is unpacked
Decompressor = bz2.BZ2Decompressor | lzma.LZMADecompressor | zstd.ZstdDecompressor


def bzip2_stream(stream: GuardedStream) -> BinaryIO:
    """What a bzip2 file holds; those of parallel programs are many streams."""
    return _buffered(stream, bz2.BZ2Decompressor)


def xz_stream(stream: GuardedStream) -> BinaryIO:
    """What an xz file holds."""
    return _buffered(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY))


def zstd_stream(stream: GuardedStream) -> BinaryIO:
    """What a zstd file holds, with a window of up to 2 GiB; those of parallel programs are many frames."""
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return _buffered(stream, lambda: zstd.ZstdDecompressor(options=options))


def _buffered(stream: GuardedStream, new: Callable[[], Decompressor]) -> BinaryIO:
    stream.seek(0)
    # The libraries' own files have no bound of memory for xz and for zstd too low a one, which they do not let alone.
    return cast(BinaryIO, io.BufferedReader(_Decompressed(stream, new), _BUFFER))


class _Decompressed(io.RawIOBase):
    """Compressed streams, one after the other, with nothing but zeros between them."""

    def __init__(self, stream: GuardedStream, new: Callable[[], Decompressor]) -> None:
        self._stream = stream
        self._new = new
        self._one = new()
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer as far as the next piece goes; 0 at the end.

        Raises:
            ArchiveBroken: unpacking takes more memory than is given to it.
            StreamFailed: there is not so much memory now.
        """
        try:
            content = self._next(len(buffer))
        except (lzma.LZMAError, zstd.ZstdError) as error:
            if "emory" not in str(error):
                raise
            said = f"unpacking takes more than {_MOST_MEMORY:,} bytes of memory; pack it anew with a smaller window"
            raise ArchiveBroken(said, Reason.ARCHIVE_NOT_OPENED) from None
        except MemoryError:
            raise StreamFailed("there is too little memory to unpack it") from None
        buffer[: len(content)] = content
        return len(content)

    def _next(self, size: int) -> bytes:
        while not self._ended:
            if self._one.eof:
                self._go_on()
                continue
            packed, self._waiting = self._waiting, b""
            if not packed and self._one.needs_input:
                packed = self._stream.read(_PIECE)
                if not packed:
                    raise EOFError("they end before their end mark")
            if content := self._one.decompress(packed, size):
                return content
        return b""

    def _go_on(self) -> None:
        """Begin with the stream that follows, if one does."""
        rest = self._one.unused_data.lstrip(b"\0")
        while not rest:
            piece = self._stream.read(_PIECE)
            if not piece:
                self._ended = True
                return
            rest = piece.lstrip(b"\0")
        self._one, self._waiting = self._new(), rest
