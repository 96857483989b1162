"""The records of a zip archive.

Format: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.3. Unlike `ZipFile` this reads the central directory record by
record, whatever number of them it holds or states, and keeps none in memory.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import ArchiveBroken, GuardedStream, MemberRefused

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
ENCRYPTED, UTF8 = 0x1, 0x800
_ZIP64_END, _ZIP64_LOCATOR = b"PK\x06\x06", b"PK\x06\x07"
_END = struct.Struct("<4s4H2LH")
_ZIP64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_BYTES = 20
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_LONGEST_RECORD = _CENTRAL.size + 3 * 0xFFFF
_UNKNOWN, _UNKNOWN_PART = 0xFFFFFFFF, 0xFFFF
_ZIP64_FIELD, _UNICODE_NAME_FIELD = 0x0001, 0x7075
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_UNIX = 3
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Directory:
    """Where the central directory lies: bytes of the archive, and what all positions in it are counted from.

    Of a split archive, `parts` of which this is the last, the positions are those in other files.
    """

    start: int
    end: int
    base: int
    parts: int = 1


@dataclass(frozen=True)
class ZipRecord:
    """What a record says of a member; sizes in bytes, `position` that of its local record, `unicode` another name."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    position: int
    mode: int
    unicode: bytes = b""

    @property
    def text(self) -> str:
        """The name: as the extra field of Unicode has it, UTF-8 where it says so or is so, else DOS's code page."""
        if self.unicode:
            return _with_slashes(self.unicode.decode("utf-8", "surrogateescape"))
        if self.flags & UTF8:
            return _with_slashes(self.name.decode("utf-8", "surrogateescape"))
        try:
            return _with_slashes(self.name.decode("utf-8"))
        except UnicodeDecodeError:
            return self.name.decode("cp437")

    def check_kind(self) -> None:
        """Raise `MemberRefused` for what is no file or cannot be unpacked."""
        if self.mode and not stat.S_ISREG(self.mode):
            kind = "a symbolic link" if stat.S_ISLNK(self.mode) else "a folder, device or pipe"
            raise MemberRefused(Reason.MEMBER_NO_FILE, f"{kind}, no file")
        if self.flags & ENCRYPTED:
            raise MemberRefused(Reason.MEMBER_ENCRYPTED, "it is encrypted; pack it anew without a password")
        if self.method not in _METHODS:
            known = "stored, deflate, bzip2, LZMA"
            raise MemberRefused(
                Reason.MEMBER_UNSUPPORTED, f"compressed by method {self.method}; known are {known}; pack it anew"
            )


def find_directory(stream: GuardedStream) -> Directory | None:
    """The central directory, or None where there is none."""
    begin = max(0, stream.size - _LONGEST_COMMENT - _END.size)
    stream.seek(begin)
    tail = read_fully(stream, stream.size - begin)
    at = tail.rfind(END, 0, len(tail) - _END.size + len(END))
    if at < 0:
        return None
    _, part, *_, size, offset, _comment = _END.unpack_from(tail, at)
    end = begin + at
    if 0 < part < _UNKNOWN_PART:
        return Directory(max(0, end - size), end, 0, part + 1)
    zip64 = end - _LOCATOR_BYTES - _ZIP64.size
    if zip64 >= 0:
        stream.seek(zip64)
        records = read_fully(stream, _ZIP64.size + _LOCATOR_BYTES)
        if records.startswith(_ZIP64_END) and records[_ZIP64.size :].startswith(_ZIP64_LOCATOR):
            *_, size, offset = _ZIP64.unpack_from(records)
            end = zip64
    base = end - size - offset  # more than 0 where something was put before the archive
    return Directory(end - size, end, base) if base >= 0 else None


def directory_records(stream: GuardedStream, directory: Directory) -> Iterator[ZipRecord]:
    """The records of the central directory. Raises `ArchiveBroken` where there is none though one must be."""
    at, window, window_at = directory.start, b"", 0
    while at < directory.end:
        # By the window, as members are read between two records and the archive may lie in a bucket.
        if len(window) - window_at < _LONGEST_RECORD:
            stream.seek(at)
            window, window_at = read_fully(stream, min(_CHUNK, directory.end - at)), 0
        head = window[window_at : window_at + _CENTRAL.size]
        if len(head) < _CENTRAL.size or not head.startswith(CENTRAL):
            raise ArchiveBroken(f"its directory is damaged at byte {at:,}")
        (_, made_by, _, flags, method, _, _, crc, packed, size, n_name, n_extra, n_comment, _, _, attributes, position
         ) = _CENTRAL.unpack(head)  # fmt: skip
        name_at = window_at + _CENTRAL.size
        name, extra = window[name_at : name_at + n_name], window[name_at + n_name : name_at + n_name + n_extra]
        size, packed, position = _zip64(extra, size, packed, position)
        mode = attributes >> 16 if made_by >> 8 == _UNIX else 0
        mode = mode if stat.S_IFMT(mode) else 0
        length = _CENTRAL.size + n_name + n_extra + n_comment
        at, window_at = at + length, window_at + length
        if at > directory.end:
            raise ArchiveBroken("its directory is damaged: a record leads out of it")
        position += directory.base
        yield ZipRecord(name, flags, method, crc, packed, size, position, mode, _unicode_name(extra, name))


def local_record(stream: GuardedStream, at: int) -> tuple[ZipRecord, int] | None:
    """The record before a member's content and the position of the content; None where no such record is."""
    stream.seek(at)
    head = read_fully(stream, _LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(LOCAL):
        return None
    _, _, flags, method, _, _, crc, packed, size, n_name, n_extra = _LOCAL.unpack(head)
    name, extra = read_fully(stream, n_name), read_fully(stream, n_extra)
    if len(name) < n_name or len(extra) < n_extra:
        return None
    size, packed, _ = _zip64(extra, size, packed, 0)
    record = ZipRecord(name, flags, method, crc, packed, size, at, 0, _unicode_name(extra, name))
    return record, at + _LOCAL.size + n_name + n_extra


def read_fully(stream: GuardedStream, size: int) -> bytes:
    """`size` bytes, fewer at the end."""
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _with_slashes(name: str) -> str:
    """The name with its folders parted by slashes. Some writers on Windows part them by backslashes only.

    A name that would lead out of a folder is no path of such a writer, and stays as it is; so do names in other code
    pages, where a backslash may be half of a character.
    """
    parts = name.split("\\")
    leads_out = not parts[0] or parts[0].endswith(":") or ".." in parts
    return name if "/" in name or leads_out else "/".join(parts)


def _zip64(extra: bytes, size: int, packed: int, position: int) -> tuple[int, int, int]:
    """The three figures, those that do not fit into 32 bits taken from the extra field of zip64."""
    figures = [size, packed, position]
    for kind, content in _fields(extra):
        if kind == _ZIP64_FIELD:
            values = list(struct.unpack_from(f"<{len(content) // 8}Q", content))
            figures = [values.pop(0) if figure == _UNKNOWN and values else figure for figure in figures]
    return figures[0], figures[1], figures[2]


def _unicode_name(extra: bytes, name: bytes) -> bytes:
    """The name in UTF-8 that an extra field gives, if it still belongs to the name beside it."""
    for kind, content in _fields(extra):
        if kind == _UNICODE_NAME_FIELD and content[:5] == b"\1" + zlib.crc32(name).to_bytes(4, "little"):
            return content[5:]
    return b""


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length
