"""Files on a local disk, at any depth, under any name a disk can hold.

The walk is `os.scandir`'s, not the object store's: obstore's local listing fails on names with control characters.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from image_assets.ingest.source import (
    Listing,
    SourceAway,
    SourceChanged,
    SourceError,
    SourceFile,
    SourceReadError,
    SourceUnreadable,
    printable,
)
from image_assets.places import Place, PlaceError, folder_of, place_of
from image_assets.workers import Progress

# What is still being copied into the landing zone starts so; no source lists it, whatever the dataset's patterns say.
_NAMES = re.compile(r"[^/]+")  # of a path
IN_PROGRESS = ".arriving-"
# Within so long of a change another one may leave the same times: of two seconds are FAT's, the coarsest.
_SETTLED_SECONDS = 3
# A network file system that has lost its server.
_MAY_PASS = (errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EAGAIN)


@dataclass(frozen=True)
class Walk:
    """What lies below a folder.

    Attributes:
        paths: All that is no folder, and folders that cannot be opened.
        ignored: Entries that the patterns leave out; an ignored folder counts once.
    """

    paths: list[str]
    ignored: int


def landing_place(landing: str | Path) -> Place:
    """The place that a landing zone means. Raises `SourceError` where it means none."""
    try:
        return place_of(landing, "landing zone")
    except PlaceError as error:
        raise SourceError(str(error)) from None


def source_folder(named: str, what: str) -> Path:
    """The absolute path of a folder beside the landing zone. Raises `SourceError` where the name means none."""
    try:
        return folder_of(named, what)
    except PlaceError as error:
        raise SourceError(str(error)) from None


def local_path(landing: str | Path) -> Path:
    """The absolute path of a landing zone that is to be a local folder. Raises `SourceError` where it is none."""
    place = landing_place(landing)
    if place.folder is None:
        raise SourceError(
            f"landing zone {printable(os.fspath(landing))}: a folder source takes a local folder or a file:/// URL; "
            "for a bucket set `source: {kind: bucket}` in the dataset file"
        )
    return place.folder


def is_ignored(name: str, ignore: Iterable[str]) -> bool:
    """Whether a file or folder name is no arrival: by the shell patterns, or because it is still being copied."""
    return name.startswith(IN_PROGRESS) or _any_of(tuple(ignore)).match(name) is not None


def ignored_part(path: str, ignore: Iterable[str], start: int = 0) -> str | None:
    """The part of a path that the patterns leave out, down to the name that one of them means; from `start` on."""
    for match in _NAMES.finditer(path, start):
        if match[0] not in (".", "..") and is_ignored(match[0], ignore):
            return path[: match.end()]
    return None


@lru_cache(maxsize=64)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What matches a name that one of the shell patterns means: asked of every name, so all of them at once."""
    return re.compile("|".join(map(translate, patterns)) or "(?!)")


def walk(top: str, ignore: Sequence[str]) -> Walk:
    """Everything below the folder `top`; links are not followed. A folder that is gone is an empty one."""
    paths: list[str] = []
    ignored = 0
    folders = [top]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if is_ignored(entry.name, ignore):
                        ignored += 1
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        paths.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            paths.append(folder)  # what it holds must not vanish unseen: reading it will say why
    return Walk(paths, ignored)


class LocalTree:
    """A folder and all that lies below it.

    Links to files within the folder are followed. All else that is no regular file (links that lead out of it, to
    folders or nowhere, devices, pipes, folders that cannot be opened) is listed as a file whose `read` raises, so that
    it ends in quarantine and not in silence.

    Args:
        root: Folder, as a path or `file://` URL.
        ignore: Shell patterns of file and folder names that are no arrivals.

    Raises:
        SourceError: the folder is not local.
    """

    def __init__(self, root: str | Path, ignore: Sequence[str] = ()):
        self.root = local_path(root)
        self.ignore = tuple(ignore)

    def folders(self, path: str) -> list[str]:
        """Printable names of the folders directly below, sorted; see `FileTree`."""
        folder = self._folder(path)
        if folder is None:
            return []
        with os.scandir(folder) as entries:
            return sorted(printable(e.name) for e in entries if e.is_dir() and not is_ignored(e.name, self.ignore))

    def loose_files(self, path: str) -> list[SourceFile]:
        """What lies directly in a folder and is no folder, sorted; see `FileTree`."""
        folder = self._folder(path)
        if folder is None:
            return []
        below, real = len(os.path.join(self.root, "")), os.path.realpath(self.root)
        with os.scandir(folder) as entries:
            paths = [e.path for e in entries if not e.is_dir() and not is_ignored(e.name, self.ignore)]
        files = (_describe(path, path[below:], real) for path in paths)
        return sorted((file for file in files if file), key=lambda file: file.source)

    def fetch(self, path: str, progress: Progress) -> None:
        """Nothing: a disk is near."""

    def files(self, path: str) -> Listing:
        """Everything below.

        Raises:
            SourceError: the root is missing, or something else stands where a folder must.
        """
        folder = self._folder(path)
        if folder is None:
            return Listing((), 0)
        found = walk(str(folder), self.ignore)
        below, real = len(os.path.join(self.root, "")), os.path.realpath(self.root)
        files = (_describe(path, path[below:], real) for path in found.paths)
        return Listing(tuple(sorted((f for f in files if f), key=lambda file: file.source)), found.ignored)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file, cut off after `max_bytes + 1` bytes.

        Raises:
            SourceReadError: it is no regular file, leads out of the landing zone or nowhere.
            SourceChanged: it is gone, or is being written to.
            SourceUnreadable: there is no right to read it, or the disk fails.
        """
        path = os.path.join(self.root, file.locator)
        try:
            with _open_regular(path, self.root) as stream:
                content = _read_within(stream, max_bytes)
                now = _version(os.fstat(stream.fileno()))
        except OSError as error:
            raise _read_error(file, path, error) from None
        if file.version not in ("", now):
            raise SourceChanged(f"{file.source}: it is being written to, or was replaced, since it was listed")
        return content

    def open(self, file: SourceFile) -> BinaryIO:
        """A listed file as a seekable stream. Raises `SourceReadError` as `read`."""
        path = os.path.join(self.root, file.locator)
        try:
            return _open_regular(path, self.root)
        except OSError as error:
            raise _read_error(file, path, error) from None

    def _folder(self, path: str) -> Path | None:
        """The folder at `path`, or None where there is none; each part of the path must be a folder."""
        if not self.root.is_dir():
            raise SourceAway(
                f"landing zone {printable(str(self.root))}: no such folder; "
                "name another one or bring images into it with `image-assets land`"
            )
        folder = self.root
        for part in filter(None, path.split("/")):
            folder /= part
            if not _is_folder(folder):
                return None
        return folder


def _is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises `SourceError` where anything else is: it would hide what arrived."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SourceError(f"{printable(str(path))}: cannot be looked into: {error.strerror}") from None
    if not stat.S_ISDIR(mode):
        kind = "a link, which may lead out of the landing zone" if stat.S_ISLNK(mode) else "no folder"
        raise SourceError(f"{printable(str(path))}: this is {kind}; put a folder with the files in its place")
    return True


def _describe(path: str, locator: str, real_root: str) -> SourceFile | None:
    """The listed file at `path`, or None if it has gone since."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode) and _is_within(os.path.realpath(path), real_root) and os.path.isfile(path):
            status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:  # a name too long to be looked up at all; reading it will say so
        return SourceFile(printable(locator), 0, "", locator)
    regular = stat.S_ISREG(status.st_mode)
    size = status.st_size if regular else 0
    settled = regular and time.time() - max(status.st_mtime, status.st_ctime) > _SETTLED_SECONDS
    return SourceFile(printable(locator), size, _version(status), locator, settled)


def _version(status: os.stat_result) -> str:
    # The time of the last change (ctime) nobody can set: a file of the same size and time of writing shows by it.
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"


class _NoFile(OSError):
    """What lies there is no file to be read, whoever reads it."""


class _BeingWritten(OSError):
    """A file grew or shrank while it was read."""


def _read_error(file: SourceFile, path: str, error: OSError) -> Exception:
    """What an error at reading a listed file says: of the file, of its place, or that it has changed."""
    said = f"{file.source}: cannot be read: {error.strerror or error}"
    if isinstance(error, FileNotFoundError) and not os.path.islink(path):
        return SourceChanged(f"{file.source}: it is gone since it was listed")
    if isinstance(error, _BeingWritten):
        return SourceChanged(said)
    if isinstance(error, _NoFile | FileNotFoundError) or error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return SourceReadError(said)
    if error.errno in _MAY_PASS:
        return SourceAway(said)
    return SourceUnreadable(f"{said}; nothing was loaded or refused: give the right to read it, or look at the disk")


def _is_within(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _open_regular(path: str, root: Path) -> BinaryIO:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        path = os.path.realpath(path, strict=True)
        _check_within(path, root)
        status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        os.scandir(path).close()  # it is here because it could not be opened: this says why
    if not stat.S_ISREG(status.st_mode):  # before opening: opening alone may act on a device
        raise _NoFile("it is no regular file")
    # Should it have become a pipe or a link since: opening does not wait for a writer, and does not follow.
    stream = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb")  # noqa: SIM115  # the caller's
    try:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise _NoFile("it is no regular file")
        _check_within(_real_path(stream, path), root)
    except OSError:
        stream.close()
        raise
    return stream


def _real_path(stream: BinaryIO, path: str) -> str:
    """Where an open file lies: as Linux says, which is one question instead of one for each folder on the way."""
    try:
        return os.readlink(f"/proc/self/fd/{stream.fileno()}")
    except OSError:
        return os.path.realpath(path, strict=True)


def _check_within(path: str, root: Path) -> None:
    # A path without links that begins with the root's: there are none in that either.
    if not _is_within(path, str(root)) and not _is_within(path, os.path.realpath(root)):
        raise _NoFile("it is a link that leads out of the landing zone")


def _read_within(stream: BinaryIO, max_bytes: int) -> bytes:
    size = os.fstat(stream.fileno()).st_size
    content = stream.read(min(size, max_bytes) + 1)
    if len(content) != min(size, max_bytes + 1):
        raise _BeingWritten(f"it is being written to: {size} bytes when opened, {len(content)} or more when read")
    return content
