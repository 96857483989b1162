"""Which files are archives, and the reader of each format: the name says where to look, the content decides."""

from __future__ import annotations

import gzip
import re
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, cast

from image_assets.ingest.archives.member import GuardedStream, Member
from image_assets.ingest.archives.streams import bzip2_stream, xz_stream, zstd_stream
from image_assets.ingest.archives.tar import BLOCK, tar_members
from image_assets.ingest.archives.zip import zip_members
from image_assets.ingest.archives.zip_records import find_directory, read_fully

ARCHIVE_SUFFIXES = (
    ".zip",
    ".tar",
    *(".tar.gz", ".tgz"),
    *(".tar.bz2", ".tbz2", ".tbz"),
    *(".tar.xz", ".txz"),
    *(".tar.zst", ".tzst"),
)
_ZIP, _GZIP, _BZIP2, _XZ = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"
# Frames, and frames that are to be skipped, which parallel programs begin with.
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")

Meter = Callable[[int], None]
"""Told of every byte that was unpacked; may raise to end it."""
ArchiveReader = Callable[[GuardedStream, Meter], Iterator[Member]]


def is_archive_name(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def reader_of(stream: GuardedStream) -> ArchiveReader | None:
    """What reads an archive of this content; None where it is no archive, whatever its name."""
    stream.seek(0)
    head = read_fully(stream, BLOCK)
    if head.startswith(_ZIP):
        return zip_members
    if head.startswith(_GZIP):
        return _tar_gz_members
    for begins, unpacked in ((_BZIP2, bzip2_stream), (_XZ, xz_stream)):
        if head.startswith(begins):
            return partial(_tar_members, unpacked)
    if _ZSTD.match(head):
        return partial(_tar_members, zstd_stream)
    if _is_tar_header(head):
        return _plain_tar_members
    # Something may stand before a zip archive: a program that unpacks it.
    directory = find_directory(stream)
    return zip_members if directory and directory.start < directory.end else None


def _is_tar_header(head: bytes) -> bool:
    if head[257:262] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _plain_tar_members(stream: GuardedStream, meter: Meter) -> Iterator[Member]:
    stream.seek(0)
    return tar_members(stream, stream.tell, meter)


def _tar_gz_members(stream: GuardedStream, meter: Meter) -> Iterator[Member]:
    stream.seek(0)
    with gzip.GzipFile(fileobj=cast(BinaryIO, stream), mode="rb") as unpacked:
        yield from tar_members(unpacked, stream.tell, meter)


def _tar_members(
    unpacked: Callable[[GuardedStream], BinaryIO], stream: GuardedStream, meter: Meter
) -> Iterator[Member]:
    yield from tar_members(unpacked(stream), stream.tell, meter)
