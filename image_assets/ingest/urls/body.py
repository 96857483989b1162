"""What an answer's body holds, whatever its headers say: many servers' are careless, and what counts are the bytes."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp

from image_assets.images.decode import decode
from image_assets.images.formats import ACCEPTED, ImageFormat, sniff
from image_assets.images.iso_boxes import end_of_boxes
from image_assets.images.reasons import Reason, Rejected
from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.settings.stages import Limits

_SELDOM_THE_ORIGINAL = (ImageFormat.AVIF, ImageFormat.HEIC, ImageFormat.JPEG_XL)
ACCEPT = ", ".join([*(f"image/{one}" for one in ACCEPTED if one not in _SELDOM_THE_ORIGINAL), "*/*;q=0.1"])
"""What the door takes, and whatever else there is where a server has none of that: many would make an AVIF for us."""

_CHUNK = 65_536
_BEGINNING = 64  # bytes by which an image is known
_INFLATED = 1_048_576
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


async def decompressed(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    """The body in pieces, decompressed where it is compressed: identity was asked for, some servers do it all the same.

    Raises:
        DownloadFailed: more bytes than are allowed, also decompressed; compressed in a way that was not asked for, or
            not whole.
    """
    too_many = DownloadFailed(
        Reason.TOO_MANY_BYTES, f"more than the {max_bytes:,} bytes that limits.max_bytes allows; not downloaded whole"
    )
    if (response.content_length or 0) > max_bytes:
        raise too_many
    first = await _beginning(response)
    inflate = _decompressor(response.headers.get("Content-Encoding", ""), first)
    size = 0
    async for chunk in _chunks(first, response):
        for piece in [chunk] if inflate is None else _inflated(inflate, chunk):
            size += len(piece)
            if size > max_bytes:
                raise too_many
            yield piece
    if inflate is not None and not inflate.eof:
        raise DownloadFailed(Reason.CONNECTION_FAILED, "the compressed content breaks off", can_pass=True)


def is_whole_picture(path: Path, max_bytes: int) -> bool:
    """Whether a file is a whole picture though its download was cut short: a server promised more bytes than it has.

    By the format's own end, which a picture of several frames has behind the last one, and by the door.
    """
    try:
        content = path.read_bytes()
        found = sniff(content)
        ends = found is not None and _ends(content, found)
        return ends and bool(decode(content, Limits(max_bytes=max_bytes)))
    except (OSError, Rejected):
        return False


def _ends(content: bytes, image_format: ImageFormat) -> bool:
    match image_format:
        case ImageFormat.JPEG:
            return content.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
        case ImageFormat.PNG:
            return content.endswith(b"IEND\xaeB`\x82")
        case ImageFormat.GIF:
            return content.endswith(b";")
        case ImageFormat.WEBP:
            return len(content) == int.from_bytes(content[4:8], "little") + 8
        case ImageFormat.BMP:
            return len(content) == int.from_bytes(content[2:6], "little")
        case ImageFormat.AVIF | ImageFormat.HEIC:
            return len(content) == end_of_boxes(content)
    return False  # a bare JPEG XL does not tell its length, a TIFF's pages may lie anywhere


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    first = b""
    async for chunk in response.content.iter_chunked(_CHUNK):
        first += chunk
        if len(first) >= _BEGINNING:
            break
    return first


async def _chunks(first: bytes, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    yield first
    async for chunk in response.content.iter_chunked(_CHUNK):
        yield chunk


def _decompressor(encodings: str, first: bytes) -> zlib._Decompress | None:
    """What decompresses a body that begins so; None for one that is an image already, or is not compressed."""
    named = [one.strip().lower() for one in encodings.split(",")]
    named = [one for one in named if one not in ("", "identity")]
    if not named or sniff(first) in ACCEPTED:
        return None
    if named in (["gzip"], ["x-gzip"], ["deflate"]):
        is_raw = named == ["deflate"] and (first[:1] != b"\x78" or int.from_bytes(first[:2], "big") % 31 != 0)
        return zlib.decompressobj(-zlib.MAX_WBITS if is_raw and first[:2] != b"\x1f\x8b" else _GZIP_OR_ZLIB)
    shown = ", ".join(named)[:40]
    raise DownloadFailed(Reason.HTTP_ERROR, f"content encoding {shown!r}, though none was asked for")


def _inflated(inflate: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """What a chunk decompresses to, in pieces that stay small however well it was compressed."""
    piece = b""
    while chunk or len(piece) == _INFLATED:
        piece = inflate.decompress(chunk, _INFLATED)
        chunk = inflate.unconsumed_tail
        yield piece
