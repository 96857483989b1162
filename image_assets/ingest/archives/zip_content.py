"""The content of a member of a zip archive, decompressed in pieces of bounded size.

`zipfile`'s own reader decompresses bzip2 and LZMA without a bound: a few kilobytes become gigabytes of memory.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import DAMAGE, GuardedStream, MemberRefused
from image_assets.ingest.archives.streams import Decompressor
from image_assets.ingest.archives.zip_records import ZipRecord

_PIECE = 1 << 16  # bytes read at once
_CHUNK = 1 << 20  # most bytes handed out at once
_LARGEST_DICTIONARY = 64 << 20  # bytes; LZMA takes that much memory at once, and 7-Zip's strongest setting that much
_LZMA_HEADER = struct.Struct("<2sHBL")  # APPNOTE 5.8.8: version, size of the properties, the properties


def content(stream: GuardedStream, record: ZipRecord, start: int, meter: Callable[[int], None]) -> Iterator[bytes]:
    """A member's content, from `start` on. Raises `MemberRefused` where it is not what the record says."""
    record.check_kind()
    got, crc = 0, 0
    try:
        for chunk in _unpacked(record.method, _pieces(stream, start, record.packed)):
            got, crc = got + len(chunk), zlib.crc32(chunk, crc)
            if got > record.size:
                raise ValueError("there is more than that")
            meter(len(chunk))
            yield chunk
    except DAMAGE as error:
        said = str(error) or "its data end too early"
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"after {got:,} of {record.size:,} bytes: {said}") from None
    if got != record.size:
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"{got:,} bytes where {record.size:,} are stated")
    if crc != record.crc:
        raise MemberRefused(Reason.MEMBER_DAMAGED, "its checksum is wrong")


def _pieces(stream: GuardedStream, start: int, size: int) -> Iterator[bytes]:
    stream.seek(start)
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece


def _unpacked(method: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    match method:
        case zipfile.ZIP_STORED:
            return pieces
        case zipfile.ZIP_DEFLATED:
            return _inflated(pieces)
        case zipfile.ZIP_BZIP2:
            return _decompressed(bz2.BZ2Decompressor(), pieces)
        case _:
            return _lzma(pieces)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        while piece and not inflate.eof:
            yield inflate.decompress(piece, _CHUNK)
            piece = inflate.unconsumed_tail
    while not inflate.eof and (chunk := inflate.decompress(b"", _CHUNK)):
        yield chunk
    if not inflate.eof:
        raise EOFError


def _lzma(pieces: Iterator[bytes]) -> Iterator[bytes]:
    first = next(pieces, b"")
    _, length, settings, dictionary = _LZMA_HEADER.unpack_from(first)
    if length != 5 or dictionary > _LARGEST_DICTIONARY or settings >= 9 * 5 * 5:
        raise MemberRefused(Reason.MEMBER_UNSUPPORTED, "LZMA with settings that are not known; pack it anew")
    filters = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary, 4096),
        "lc": settings % 9,
        "lp": settings // 9 % 5,
        "pb": settings // 45,
    }

    def rest() -> Iterator[bytes]:
        yield first[_LZMA_HEADER.size :]
        yield from pieces

    return _decompressed(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters]), rest())


def _decompressed(decompressor: Decompressor, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """An end that does not come is noticed by the size: LZMA in zip archives needs no end mark."""
    for piece in pieces:
        while not decompressor.eof:
            yield decompressor.decompress(piece, _CHUNK)
            piece = b""
            if decompressor.needs_input:
                break
