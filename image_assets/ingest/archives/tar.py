"""Members of a tar archive, in the order of a stream that is read once.

Headers are decoded by `tarfile.TarInfo.frombuf`. The walk from header to header is here and not `TarFile`'s, which
ends without a word at a damaged header, keeps every header in memory, reads extended headers of any size into memory
and follows sizes below zero. Format: POSIX.1-2001 (ustar and pax) and GNU tar's `L`, `K`, `S`, `D` and `V` entries.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import DAMAGE, ArchiveBroken, Member, refused

BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20  # bytes of one extended header: names are at most a few thousand
_AFTER_THE_END = 1 << 20  # bytes after the end mark that are looked at
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=]+)=")
_EXTENDED = frozenset((tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK))
_GNU_DUMPDIR, _GNU_VOLUME_LABEL = b"D", b"V"
_FOLDERS = (tarfile.DIRTYPE, _GNU_DUMPDIR)
_MAGIC, _NAME = slice(257, 263), slice(0, 100)
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a pipe",
}


class Readable(Protocol):
    """What tar needs of a stream."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        ...


@dataclass
class _Extended:
    """What extended headers say of the entry that follows them."""

    name: str | None = None
    link: str | None = None
    size: int | None = None
    keywords: set[str] = field(default_factory=set)

    def apply(self, records: dict[str, str]) -> None:
        self.keywords |= records.keys()
        self.name = records.get("path", self.name)
        self.link = records.get("linkpath", self.link)
        if "size" in records:
            self.size = _number(records["size"])


def tar_members(stream: Readable, position: Callable[[], int], meter: Callable[[int], None]) -> Iterator[Member]:
    """The members of a tar archive.

    Args:
        stream: The archive, decompressed.
        position: Where the reading is in the archive as it lies.
        meter: Told of every byte that was unpacked, whatever it is; may raise to end it.

    Raises:
        ArchiveBroken: from there on it cannot be read.
    """
    reader = _Blocks(stream, meter)
    for_all, for_next = _Extended(), _Extended()
    while (header := reader.header()) is not None:
        if header.type in _EXTENDED or header.type == tarfile.XGLTYPE:
            content = reader.extended_header(header.size)
            if header.type == tarfile.GNUTYPE_LONGNAME:
                for_next.name = content.split(b"\0")[0].decode("utf-8", "surrogateescape")
            elif header.type == tarfile.GNUTYPE_LONGLINK:
                for_next.link = content.split(b"\0")[0].decode("utf-8", "surrogateescape")
            else:
                (for_all if header.type == tarfile.XGLTYPE else for_next).apply(_pax_records(content))
            continue
        if header.type == _GNU_VOLUME_LABEL:  # names the archive, and is no member of it
            reader.extended_header(header.size)
            for_next = _Extended()
            continue
        size = _size_of(header, for_next, for_all)
        chunks = _content_of(header, for_next, reader)
        name = next((n for n in (for_next.name, for_all.name) if n is not None), header.name)
        link = (for_next.link or header.linkname) if header.type == tarfile.LNKTYPE else None
        reader.begin(size)
        yield Member(name, None if link else size, position(), header.type in _FOLDERS, chunks, bool(link), link)
        for _ in reader.rest():  # what nobody asked for
            pass
        for_next = _Extended()
    reader.expect_no_more()


def _size_of(header: tarfile.TarInfo, for_next: _Extended, for_all: _Extended) -> int:
    """Bytes of content after the header."""
    sizes = (for_next.size, for_all.size, header.size)
    size = next(size for size in sizes if size is not None)
    if size < 0:
        raise ArchiveBroken(f"a header states a size of {size:,} bytes")
    # Links state the size of what they link to, devices and folders at times too: no content follows those.
    return 0 if header.type in _KINDS or header.type == tarfile.DIRTYPE else size


def _content_of(header: tarfile.TarInfo, extended: _Extended, reader: _Blocks) -> Callable[[], Iterator[bytes]]:
    if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in extended.keywords):
        return refused(Reason.MEMBER_UNSUPPORTED, "a sparse file; pack it anew without --sparse")
    if header.type in _KINDS:
        return refused(Reason.MEMBER_NO_FILE, f"{_KINDS[header.type]}, no file")
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE):
        return refused(Reason.MEMBER_NO_FILE, f"an entry of type {header.type!r}, no file")
    return reader.rest


class _Blocks:
    """The stream, block by block; every error of it is an `ArchiveBroken`."""

    def __init__(self, stream: Readable, meter: Callable[[int], None]) -> None:
        self._stream = stream
        self._meter = meter
        self._content = self._padding = 0

    def header(self) -> tarfile.TarInfo | None:
        """The next header; None at the end mark."""
        block = self._read(BLOCK)
        if not block:
            raise ArchiveBroken("it ends without its end mark, so it may be cut off")
        if not any(block) and len(block) == BLOCK:
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ArchiveBroken(f"no header where one must be: {error}") from None
        if block[_MAGIC] != tarfile.POSIX_MAGIC[:6]:
            # Only POSIX has a prefix of the name: GNU's headers hold times there, which `frombuf` takes for one.
            header.name = block[_NAME].split(b"\0")[0].decode("utf-8", "surrogateescape")
        if header.size < 0:
            raise ArchiveBroken(f"a header states a size of {header.size:,} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:
            self._skip_sparse_map(block)
        return header

    def extended_header(self, size: int) -> bytes:
        """The content of an extended header."""
        if size > _LONGEST_HEADER:
            raise ArchiveBroken(f"an extended header of {size:,} bytes; at most {_LONGEST_HEADER:,} are read")
        self.begin(size)
        return b"".join(self.rest())

    def begin(self, size: int) -> None:
        """Content of `size` bytes comes now."""
        self._content, self._padding = size, -size % BLOCK

    def rest(self) -> Iterator[bytes]:
        """What is left of the content, and past its padding."""
        while self._content:
            chunk = self._read(min(self._content, _CHUNK))
            if not chunk:
                raise ArchiveBroken(f"it ends {self._content:,} bytes too early")
            self._content -= len(chunk)
            yield chunk
        padding, self._padding = self._padding, 0
        if len(self._read(padding)) < padding:
            raise ArchiveBroken("it ends too early, within the padding of a member")

    def expect_no_more(self) -> None:
        """Only padding follows the end mark; reading it has the compression compare its checksum, which comes last."""
        if any(self._read(_AFTER_THE_END)):
            raise ArchiveBroken("more follows after its end mark, and is not loaded")

    def _skip_sparse_map(self, header: bytes) -> None:
        more = header[482]
        while more:
            block = self._read(BLOCK)
            if len(block) < BLOCK:
                raise ArchiveBroken("it ends within the map of a sparse file")
            more = block[504]

    def _read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end."""
        parts: list[bytes] = []
        try:
            while size and (part := self._stream.read(size)):
                parts.append(part)
                size -= len(part)
                self._meter(len(part))
        except DAMAGE as error:
            raise ArchiveBroken(f"its compressed data are damaged or cut off: {error}") from None
        return b"".join(parts)


def _pax_records(content: bytes) -> dict[str, str]:
    """Keywords and values of a pax header: `<length> <keyword>=<value>` and a line feed, one after the other."""
    records: dict[str, str] = {}
    at = 0
    while at < len(content) and content[at]:
        match = _PAX_RECORD.match(content, at)
        end = at + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content):
            raise ArchiveBroken("an extended header that is not made of pax records")
        keyword = match[2].decode("utf-8", "surrogateescape")
        records[keyword] = content[match.end() : end - 1].decode("utf-8", "surrogateescape")
        at = end
    return records


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,19}", text, re.ASCII):
        raise ArchiveBroken(f"an extended header states a size of {text[:40]!r} bytes")
    return int(text)
