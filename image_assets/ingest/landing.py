"""Bringing images into the landing zone: copies that lose nothing, overwrite nothing and can be run again.

The door that a person or a delivery job uses; reading what has landed is the sources' part.
"""

from __future__ import annotations

import datetime as dt
import errno
import filecmp
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_assets.errors import Explained
from image_assets.ingest.folder import IN_PROGRESS, Walk, is_ignored, local_path, walk
from image_assets.ingest.source import printable
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.settings.section import name_problem
from image_assets.whole_files import beside
from image_assets.workers import Progress, no_progress

_LONGEST_NAME = 255  # bytes, on every common file system


class LandingError(Explained):
    """Files that cannot be brought into the landing zone: the message names the path and what to do."""


@dataclass(frozen=True)
class LandingReport:
    """What became of the files that were to be landed.

    Attributes:
        copied: Files that are new in the landing zone.
        already_there: Files that lay there under the same name with the same content.
        ignored: Entries that the patterns leave out; an ignored folder counts once.
        bytes: Size of the copied files together, bytes.
        refused: What is no file and was not copied, as `path: reason`.
    """

    copied: int
    already_there: int
    ignored: int
    bytes: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Arrival:
    """A file to be landed and its path below the category's folder."""

    path: str
    below: str
    bytes: int


def land_files(
    paths: Iterable[str | Path],
    landing: str | Path,
    day: dt.date,
    category: str,
    progress: Progress = no_progress,
    only: Callable[[str], bool] = lambda _: True,
) -> LandingReport:
    """Copy files and nested folders into `LANDING/<day>/<category>/`.

    A folder keeps its name and what lies below it, so the path in the landing zone tells where a file came from. A
    file of the same name and content is left as it is; where the content differs, the new file's name gets the
    beginning of its SHA-256. Every file appears at once and whole, so a run that is killed can be run again.

    Args:
        paths: Files and folders; links to files are copied as files.
        landing: Folder of the landing zone, as a path or `file://` URL; made where it is missing.
        day: Day of arrival.
        category: Category of all the files.
        progress: Called after every file with the number of files done and of all files.
        only: Asked with the path that a file would have below the category's folder; what it declines is neither
            landed nor counted nor refused.

    Raises:
        LandingError: a path is missing, is ignored as a whole or holds the landing zone, the day or category is
            none, or the disk refuses a copy. What was copied until then stays, and a second run goes on from there.
        SourceError: the landing zone is not local.
    """
    folder = local_path(landing) / _checked_day(day).isoformat() / _checked_category(category)
    ignore = no_arrivals()
    given = [_checked_path(path, folder, ignore) for path in paths]
    ignored, refused = 0, list[str]()
    arrivals: list[_Arrival] = []
    for path in given:
        ignored += _gather(path, ignore, only, arrivals, refused)
    copied = _place_all(arrivals, folder, progress)
    size = sum(arrival.bytes for arrival in copied)
    return LandingReport(len(copied), len(arrivals) - len(copied), ignored, size, tuple(refused))


def _checked_day(day: dt.date) -> dt.date:
    if not isinstance(day, dt.date) or isinstance(day, dt.datetime):
        raise LandingError(f"day {day!r}: expected a date such as 2026-11-20, without a time")
    return day


def _checked_category(category: str) -> str:
    if problem := name_problem(category):
        raise LandingError(f"category {category!r}: {problem}")
    return category


def _checked_path(path: str | Path, folder: Path, ignore: Sequence[str]) -> str:
    full = os.path.abspath(path)
    if not os.path.lexists(full):
        raise LandingError(f"{printable(os.fspath(path))}: no such file or folder")
    if is_ignored(os.path.basename(full), ignore):
        raise LandingError(
            f"{printable(full)}: this name is ignored in the landing zone; rename it or give its content"
        )
    landing = folder.parents[1]
    if Path(os.path.realpath(landing)).is_relative_to(os.path.realpath(full)):
        raise LandingError(f"{printable(full)}: holds the landing zone {printable(str(landing))} itself")
    return full


def _gather(
    path: str, ignore: Sequence[str], only: Callable[[str], bool], arrivals: list[_Arrival], refused: list[str]
) -> int:
    """Add what lies at or below `path` to `arrivals` and `refused`, in the order of names; how much was ignored."""
    found = walk(path, ignore) if os.path.isdir(path) else Walk([path], 0)
    parent = os.path.dirname(path)
    for leaf in sorted(found.paths):
        below = os.path.relpath(leaf, parent)
        if not only(below):
            continue
        try:
            arrivals.append(_Arrival(leaf, below, _size(leaf)))
        except OSError as error:
            refused.append(f"{printable(leaf)}: {error.strerror or error}")
    return found.ignored


def _size(path: str) -> int:
    """Size of a file in bytes, links followed. Raises `OSError` for what is no file."""
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        os.scandir(path).close()  # a folder is here because it could not be opened: say why
        raise OSError("a link to a folder, which is not followed; give the folder itself")
    if not stat.S_ISREG(status.st_mode):
        raise OSError("no regular file")
    return status.st_size


def _place_all(arrivals: Sequence[_Arrival], folder: Path, progress: Progress) -> list[_Arrival]:
    """Copy the files below `folder`; those that were not there already."""
    copied: list[_Arrival] = []
    for done, arrival in enumerate(arrivals, start=1):
        if _place(arrival, folder / arrival.below):
            copied.append(arrival)
        progress(done, len(arrivals))
    return copied


def _place(arrival: _Arrival, target: Path) -> bool:
    """Copy a file to its place or, where another holds it, beside it; False if it lay there already."""
    what = f"{printable(arrival.path)} cannot be copied to {printable(str(target))}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for candidate in _names(arrival.path, target):
            if not os.path.lexists(candidate) and _copy(arrival.path, candidate):
                return True
            if candidate.is_file() and filecmp.cmp(arrival.path, candidate, shallow=False):
                return False
    except OSError as error:
        # Of a full disk the system names the file that was read.
        named = error.filename if error.errno != errno.ENOSPC else None
        culprit = f" ({printable(os.fsdecode(named))})" if named else ""
        raise LandingError(f"{what}: {error.strerror or error}{culprit}") from None
    raise LandingError(f"{what}: every name for it is taken by other content")


def _names(path: str, target: Path) -> Iterator[Path]:
    """The file's own name, then names that its content gives it."""
    yield target
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for mark in (f"-{digest[:16]}{target.suffix}", f"-{digest}{target.suffix}"):
        stem = target.stem
        while len(os.fsencode(stem + mark)) > _LONGEST_NAME and stem:
            stem = stem[:-1]
        yield target.with_name(stem + mark)


def _copy(path: str, target: Path) -> bool:
    """Copy a file so that it appears whole or not at all; False if another took the name meanwhile."""
    with beside(target, IN_PROGRESS) as partial:
        shutil.copyfile(path, partial)
        try:
            os.link(partial, target)  # unlike a rename, never over another file
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            os.replace(partial, target)
        return True
