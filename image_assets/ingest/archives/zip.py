"""Members of a zip archive: by its directory, at random; where that is lost, by the records before each member."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import DAMAGE, ArchiveBroken, GuardedStream, Member, MemberRefused, refused
from image_assets.ingest.archives.zip_content import content
from image_assets.ingest.archives.zip_records import (
    CENTRAL,
    END,
    SIZES_FOLLOW,
    Directory,
    ZipRecord,
    directory_records,
    find_directory,
    local_record,
    read_fully,
)

_DEFLATED = 8
_CHUNK = 1 << 16
_DESCRIPTOR = b"PK\x07\x08"


def zip_members(stream: GuardedStream, meter: Callable[[int], None]) -> Iterator[Member]:
    """The members of a zip archive.

    Args:
        stream: The archive.
        meter: Told of every byte that was unpacked; may raise to end it.

    Raises:
        ArchiveBroken: from there on it cannot be read.
    """
    directory = find_directory(stream)
    if directory is None:
        yield from _found_members(stream, meter)
    elif directory.parts > 1:
        raise ArchiveBroken(
            f"it is the last of {directory.parts:,} parts of a split archive; put them together, as `zip -s 0` does",
            Reason.ARCHIVE_NOT_OPENED,
        )
    else:
        yield from _listed_members(stream, directory, meter)


def _listed_members(stream: GuardedStream, directory: Directory, meter: Callable[[int], None]) -> Iterator[Member]:
    packed = 0
    for record in directory_records(stream, directory):
        if record.position + record.packed > stream.size:
            yield Member(record.text, record.size, packed, False, _cut(record), passed_unread=True)
            continue
        packed += record.packed
        if packed > stream.size:
            raise ArchiveBroken("its members overlap: together they are larger than the archive")
        is_folder = _is_folder(record)
        chunks = partial(_listed_content, stream, record, meter)
        yield Member(record.text, record.size, packed, is_folder, chunks, passed_unread=True)


def _listed_content(stream: GuardedStream, record: ZipRecord, meter: Callable[[int], None]) -> Iterator[bytes]:
    record.check_kind()
    local = local_record(stream, record.position)
    if local is None:
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"no record of it at byte {record.position:,}, where one must be")
    if local[0].name != record.name:
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"the archive also names it {local[0].text[:200]!r}")
    yield from content(stream, record, local[1], meter)


def _found_members(stream: GuardedStream, meter: Callable[[int], None]) -> Iterator[Member]:
    """Members as they lie one after the other in an archive whose end, and so its directory, is lost."""
    at = 0
    while (found := local_record(stream, at)) is not None:
        record, start = found
        if record.flags & SIZES_FOLLOW and not record.packed:
            walk = _Deflated(stream, record, start, meter)
            yield Member(record.text, None, at, False, walk.chunks)
            at = walk.end()
        else:
            is_folder = _is_folder(record)
            cut = start + record.packed > stream.size
            chunks = _cut(record) if cut else partial(content, stream, record, start, meter)
            yield Member(record.text, record.size, at, is_folder, chunks, passed_unread=True)
            at = start + record.packed
    stream.seek(at)
    what = read_fully(stream, 4)
    if at > stream.size:
        where = f"it ends at byte {stream.size:,}, within a member"
    else:
        where = f"{'it ends' if what in (b'', CENTRAL, END) else 'no member is'} at byte {at:,}"
    raise ArchiveBroken(f"its directory, which comes last, is missing or damaged, and {where}")


def _is_folder(record: ZipRecord) -> bool:
    return not record.size and (record.text.endswith("/") or stat.S_ISDIR(record.mode))


def _cut(record: ZipRecord) -> Callable[[], Iterator[bytes]]:
    return refused(Reason.MEMBER_DAMAGED, f"the archive ends before its {record.packed:,} bytes do")


class _Deflated:
    """A member whose size is stated only after it: deflate knows its own end."""

    def __init__(self, stream: GuardedStream, record: ZipRecord, start: int, meter: Callable[[int], None]) -> None:
        self._stream = stream
        self._record = record
        self._start = start
        self._meter = meter
        self._end: int | None = None

    def chunks(self) -> Iterator[bytes]:
        """The content."""
        self._record.check_kind()
        if self._record.method != _DEFLATED:
            raise ArchiveBroken("its directory is missing, and a member does not state where it ends")
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        at, crc = self._start, 0
        try:
            while not inflate.eof:
                packed = inflate.unconsumed_tail
                if not packed:
                    self._stream.seek(at)
                    packed = self._stream.read(_CHUNK)
                    at += len(packed)
                    if not packed:
                        raise ArchiveBroken("its directory is missing, and it ends within a member")
                piece = inflate.decompress(packed, _CHUNK)
                crc = zlib.crc32(piece, crc)
                self._meter(len(piece))
                yield piece
        except DAMAGE as error:
            raise ArchiveBroken(f"its directory is missing, and a member is damaged: {error}") from None
        self._end = self._after_descriptor(at - len(inflate.unused_data), crc)

    def end(self) -> int:
        """Where the next member may begin."""
        if self._end is None:
            try:
                for _ in self.chunks():
                    pass
            except MemberRefused:
                raise ArchiveBroken("its directory is missing, and a member does not state where it ends") from None
        assert self._end is not None
        return self._end

    def _after_descriptor(self, at: int, crc: int) -> int:
        self._stream.seek(at)
        following = read_fully(self._stream, 24)
        signed = 4 if following.startswith(_DESCRIPTOR) else 0
        if following[signed : signed + 4] != crc.to_bytes(4, "little"):
            raise ArchiveBroken("its directory is missing, and the checksum of a member is wrong")
        # Sizes of 32 or, in zip64, of 64 bits: what follows tells them apart.
        short = following[signed + 12 :].startswith(b"PK") or len(following) < signed + 20
        return at + signed + (12 if short else 20)
