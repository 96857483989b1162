"""Members of a zip archive, by its directory: where that is lost, as of one that was cut off, none is known."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from functools import partial

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.member import ArchiveBroken, GuardedStream, Member, MemberRefused, refused
from image_assets.ingest.archives.zip_content import content
from image_assets.ingest.archives.zip_records import (
    LOCAL,
    ZipRecord,
    directory_records,
    find_directory,
    local_record,
    read_fully,
)


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
        raise ArchiveBroken(
            "its directory, which comes last, is missing or damaged: it was cut off; bring it again, whole"
        )
    if directory.parts > 1:
        raise ArchiveBroken(
            f"it is the last of {directory.parts:,} parts of a split archive; put them together, as `zip -s 0` does",
            Reason.ARCHIVE_NOT_OPENED,
        )
    packed = 0
    for record in directory_records(stream, directory):
        if record.position + record.packed > stream.size:
            cut = refused(Reason.MEMBER_DAMAGED, f"the archive ends before its {record.packed:,} bytes do")
            yield Member(record.text, record.size, packed, False, cut, passed_unread=True)
            continue
        packed += record.packed
        if packed > stream.size:
            raise ArchiveBroken("its members overlap: together they are larger than the archive")
        is_folder = not record.size and (record.text.endswith("/") or stat.S_ISDIR(record.mode))
        chunks = partial(_content, stream, record, meter)
        yield Member(record.text, record.size, packed, is_folder, chunks, passed_unread=True)
    if directory.base and _begins_as_zip(stream):
        raise ArchiveBroken(
            f"in its first {directory.base:,} bytes is another zip archive, of which nothing is loaded: take them apart"
        )


def _begins_as_zip(stream: GuardedStream) -> bool:
    """Whether what stands before the archive is no program that unpacks it, but an archive too."""
    stream.seek(0)
    return read_fully(stream, len(LOCAL)) == LOCAL


def _content(stream: GuardedStream, record: ZipRecord, meter: Callable[[int], None]) -> Iterator[bytes]:
    record.check_kind()
    local = local_record(stream, record.position)
    if local is None:
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"no record of it at byte {record.position:,}, where one must be")
    if local[0].name != record.name:
        raise MemberRefused(Reason.MEMBER_DAMAGED, f"the archive also names it {local[0].text[:200]!r}")
    yield from content(stream, record, local[1], meter)
