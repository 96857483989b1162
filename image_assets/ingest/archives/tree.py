"""A tree of files in which archives are folders."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.closed import closed_archive
from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.archives.manifest import Shelf
from image_assets.ingest.archives.unpack import Unpacker
from image_assets.ingest.source import FileTree, Listing, SourceFile, SourceReadError, SourceUnreadable
from image_assets.ingest.staging import held
from image_assets.settings.arrivals import Archives
from image_assets.workers import Progress

# Part of every shelf's name: what is staged by another version of this code is not taken for ours.
_LAYOUT = 2
_INNER, _MEMBER, _REFUSED = "inner:", "member:", "refused:"


class UnpackedTree:
    r"""Wraps a tree: an archive is a folder named like it, `photos.zip/inner/a.jpg` a file in it.

    `fetch` brings members into staging. An archive that is damaged, empty or reaches a cap is listed itself, beside
    those of its members that could be had. Of members that share a name, the second's provenance ends in `\#2`, which
    no name can be printed as. What has the name of an archive and is none is a file. Archives of other kinds, and parts
    of split ones, are listed as what is not opened.

    Args:
        inner: Where files and archives lie.
        staging: Local folder for members.
        caps: What an archive may cost.
        ignore: Shell patterns of file and folder names that are no arrivals, in archives too.
    """

    def __init__(self, inner: FileTree, staging: Path, caps: Archives, ignore: Sequence[str] = ()) -> None:
        self.inner = inner
        self.staging = staging
        self.caps = caps
        self.ignore = tuple(ignore)

    def folders(self, path: str) -> list[str]:
        """Printable names of the folders and archives directly below, sorted; see `FileTree`."""
        if (found := self._archive_at(path)) is not None:
            archive, within = found
            below = self._below(archive, within).files
            return sorted({name.split("/")[0] for name in _names_in(below, path) if "/" in name})
        archives = [_name(file) for file in self.inner.loose_files(path) if is_archive_name(file.source)]
        return sorted({*self.inner.folders(path), *archives})

    def loose_files(self, path: str) -> list[SourceFile]:
        """Files directly in a folder or archive, no archives among them; see `FileTree`."""
        if (found := self._archive_at(path)) is not None:
            files = self._below(*found).files
            return [f for f in files if f.source != found[0].source and "/" not in f.source[len(path) + 1 :]]
        return [_of_inner(f) for f in self.inner.loose_files(path) if not is_archive_name(f.source)]

    def fetch(self, path: str, progress: Progress) -> None:
        """Unpack the archives below; see `FileTree`. Progress counts members; their total is estimated."""
        if (found := self._archive_at(path)) is not None:
            archives = [found[0]]
        else:
            self.inner.fetch(path, progress)
            archives = [file for file in self.inner.files(path).files if is_archive_name(file.source)]
        told = _Told(progress, sum(file.bytes for file in archives))
        unpacker = Unpacker(self.caps, self.ignore)
        for file in archives:
            shelf = self._shelf(file)
            with held(shelf.folder.with_suffix(".lock")):
                unpacker.unpack(lambda file=file: self.inner.open(file), file.bytes, shelf, told.member)
            told.archive(file.bytes)

    def files(self, path: str) -> Listing:
        """Everything below, members of archives in their places; see `FileTree`."""
        if (found := self._archive_at(path)) is not None:
            return self._below(*found)
        listing = self.inner.files(path)
        files: list[SourceFile] = []
        ignored = listing.ignored
        for file in listing.files:
            if is_archive_name(file.source):
                members, left_out = self._members(file)
                files += members
                ignored += left_out
            else:
                files.append(_closed(file) or _of_inner(file))
        return Listing(_told_apart(files), ignored)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `FileTree`."""
        if file.locator.startswith(_INNER):
            return self.inner.read(_to_inner(file), max_bytes)
        with self.open(file) as stream:
            return stream.read(min(file.bytes, max_bytes + 1))

    def open(self, file: SourceFile) -> BinaryIO:
        """A listed file as a seekable stream; see `FileTree`."""
        kind, _, rest = file.locator.partition(":")
        if f"{kind}:" == _INNER:
            return self.inner.open(_to_inner(file))
        if f"{kind}:" == _REFUSED:
            reason, _, detail = rest.partition(":")
            raise SourceReadError(f"{file.source}: {detail}", Reason(reason))
        try:
            stream = open(self.staging / rest, "rb")  # noqa: SIM115  # the caller's
        except OSError as error:
            raise SourceUnreadable(f"{file.source}: {error.strerror} in staging; run it again") from None
        if stream.seek(0, 2) != file.bytes:
            stream.close()
            raise SourceUnreadable(f"{file.source}: it is not whole in staging; run it again")
        stream.seek(0)
        return stream

    def _archive_at(self, path: str) -> tuple[SourceFile, str] | None:
        """The archive that a path leads to or into, and what of the path lies within it."""
        parts = path.split("/")
        for depth, part in enumerate(parts, start=1):
            if is_archive_name(part):
                here = "/".join(parts[:depth])
                for file in self.inner.loose_files("/".join(parts[: depth - 1])):
                    if file.source == here:
                        return file, "/".join(parts[depth:])
        return None

    def _below(self, archive: SourceFile, within: str) -> Listing:
        """Members in a folder of an archive, and the archive itself where it is listed."""
        members, ignored = self._members(archive)
        begin = f"{archive.source}/{within}/" if within else f"{archive.source}/"
        kept = [file for file in members if file.source.startswith(begin) or file.source == archive.source]
        return Listing(_told_apart(kept), 0 if within else ignored)

    def _members(self, archive: SourceFile) -> tuple[list[SourceFile], int]:
        """What an archive is listed as, and how many entries of it are ignored."""
        shelf = self._shelf(archive)
        end = shelf.end()
        if end is None:
            return [_refused(archive, Reason.UNREADABLE, "it has not been unpacked as it is now; run it again")], 0
        if not end.is_archive:
            return [_of_inner(archive)], 0
        return self._listed(shelf, archive)

    def _listed(self, shelf: Shelf, archive: SourceFile) -> tuple[list[SourceFile], int]:
        records, _, left_out = shelf.records()
        files: list[SourceFile] = []
        ignored = len(left_out)
        for record in records:
            source = f"{archive.source}/{record.name}"
            where = self._locator(shelf, record.number)
            member = SourceFile(source, record.bytes, f"{archive.version}/{record.number}", where)
            if record.reason is not None:
                files.append(_refused(member, record.reason, record.detail))
            elif record.is_archive:
                members, more = self._listed(shelf.nested(record.number), member)
                files += members
                ignored += more
            else:
                files.append(_closed(member) or member)
        end = shelf.end()
        if end is not None and end.reason is not None:
            files.append(_refused(archive, end.reason, end.detail))
        return files, ignored

    def _locator(self, shelf: Shelf, number: int) -> str:
        return _MEMBER + shelf.file(number).relative_to(self.staging).as_posix()

    def _shelf(self, archive: SourceFile) -> Shelf:
        made_of = [_LAYOUT, archive.source, archive.version, self.caps.model_dump(), self.ignore]
        mark = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
        return Shelf(self.staging / "archives" / mark[:2] / mark)


class _Told:
    """Turns positions in archives into an estimate of how many members there are."""

    def __init__(self, progress: Progress, size: int) -> None:
        self._progress = progress
        self._size = size
        self._before = self._members = 0

    def member(self, position: int) -> None:
        """A member is done; the archive was read up to `position`."""
        self._members += 1
        self._tell(self._before + position)

    def archive(self, size: int) -> None:
        """An archive is done."""
        self._before += size
        self._tell(self._before)

    def _tell(self, read: int) -> None:
        total = self._members * self._size / read if read else self._members
        self._progress(self._members, max(self._members, round(total)))


def _name(file: SourceFile) -> str:
    return file.source.rpartition("/")[2]


def _names_in(files: Sequence[SourceFile], path: str) -> Iterator[str]:
    return (file.source.removeprefix(f"{path}/") for file in files if file.source.startswith(f"{path}/"))


def _of_inner(file: SourceFile) -> SourceFile:
    return dataclasses.replace(file, locator=_INNER + file.locator)


def _to_inner(file: SourceFile) -> SourceFile:
    return dataclasses.replace(file, locator=file.locator.removeprefix(_INNER))


def _refused(file: SourceFile, reason: Reason, detail: str) -> SourceFile:
    # Without a size: its own would be compared with the limit of an image, and give another reason.
    return dataclasses.replace(file, bytes=0, locator=f"{_REFUSED}{reason}:{detail}")


def _closed(file: SourceFile) -> SourceFile | None:
    """What is listed of an archive that is not opened; None for what is none."""
    said = closed_archive(_name(file))
    return _refused(file, Reason.ARCHIVE_NOT_OPENED, said) if said else None


def _told_apart(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """The files sorted by provenance, those that share one numbered in the order given."""
    seen: dict[str, int] = {}
    apart: list[SourceFile] = []
    for file in files:
        count = seen[file.source] = seen.get(file.source, 0) + 1
        apart.append(file if count == 1 else dataclasses.replace(file, source=f"{file.source}\\#{count}"))
    return tuple(sorted(apart, key=lambda file: file.source))
