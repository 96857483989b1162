"""The layout that most datasets arrive in: `<day>/<category>/**`, on a disk or in a bucket."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence

from image_assets.ingest.archives.closed import closed_archive
from image_assets.ingest.archives.formats import ARCHIVE_SUFFIXES, is_archive_name
from image_assets.ingest.archives.packed_categories import packed_categories
from image_assets.ingest.archives.tree import UnpackedTree
from image_assets.ingest.source import (
    FileTree,
    Listing,
    Source,
    SourceError,
    SourceFile,
    SourceUnreadable,
    Unplaced,
)
from image_assets.schema import Partition
from image_assets.wording import some
from image_assets.workers import Progress

# How names of pictures end; what they are, their content says.
_PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".jxl"),
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?:(?P<by>[-_. ])(?P<month>\d{1,2})(?P=by)(?P<day>\d{1,2})|(?P<m>\d\d)(?P<d>\d\d))(?:\D.*)?",
    re.DOTALL,
)
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})(?P<by>[-_. ])(?P<month>\d{1,2})(?P=by)(?P<year>\d{4})")


class DayFolders:
    """A source whose files lie under `<day>/<category>/`, at any depth.

    An archive directly in a day's folder holds categories: `<day>/photos.zip/<category>/**`, also within one folder
    around everything, `<day>/photos.zip/photos/<category>/**`; or it is named after the one category that it holds.

    Args:
        tree: Where they lie.
        known: The dataset's categories: archives are arranged in more than one way, and these tell which.
    """

    def __init__(self, tree: FileTree, known: Collection[str] = ()) -> None:
        self.tree = tree
        self.known = frozenset(known)

    def days(self) -> list[dt.date]:
        """Days that have a folder, ascending. Raises `SourceError` as `days_of`."""
        return days_of(self.tree, "<day>/<category>/…")

    def misnamed(self) -> dict[str, dt.date]:
        """Folders that mean a day and are named otherwise."""
        return misnamed_days(self.tree)

    def categories(self, day: dt.date) -> list[str]:
        """Printable names of what lies in a day's folder and in its archives, sorted: folders, and files in none.

        An archive that was not opened yet, or is damaged, may hold all of them.
        """
        folders, loose = self._found(day)
        return sorted(folders | loose)

    def beside_days(self, categories: Collection[str]) -> list[str]:
        """Pictures, archives and folders of categories beside the folders of days."""
        return beside_days(self.tree, categories)

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        """What arrived on a day in none of the categories."""
        folders, loose = (found.difference(categories) for found in self._found(day))
        files = len(loose) + sum(files_below(self, day, name) for name in folders)
        misnamed = [name for name, meant in self.misnamed().items() if meant == day]
        files += sum(len(self.tree.files(name).files) for name in misnamed)
        said = (f"{name} (must be named {day})" for name in misnamed)
        return Unplaced((*sorted(folders | loose), *said), files)

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Bring near what the tree cannot hand out where it is."""
        for path in (f"{day.isoformat()}/{category}", *self._archives(day)):
            self.tree.fetch(path, progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """Files of a day's category."""
        own = self.tree.files(f"{day.isoformat()}/{category}")
        files = list(own.files)
        for path in self._archives(day):
            there = self.tree.files(path).files
            packed = packed_categories(path, there, self.known)
            files += [file for file in there if packed.holds(file, category)]
        return Listing(tuple(sorted(files, key=lambda file: file.source)), own.ignored)

    def lying(self, day: dt.date, category: str) -> tuple[SourceFile, ...]:
        """What lies in a category's folder of a day, sorted; an archive is a file, and nothing is opened for it."""
        return self._closed_tree.files(f"{day.isoformat()}/{category}").files

    def archives(self, day: dt.date) -> list[SourceFile]:
        """The archives that lie beside a day's categories, closed, sorted."""
        return [file for file in self._closed_tree.loose_files(day.isoformat()) if is_archive_name(file.source)]

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source`."""
        return self.tree.read(file, max_bytes)

    @property
    def _closed_tree(self) -> FileTree:
        return self.tree.inner if isinstance(self.tree, UnpackedTree) else self.tree

    def _found(self, day: dt.date) -> tuple[set[str], set[str]]:
        """Names of folders in a day's folder and in its archives, and of files that lie in none."""
        folders = {name for name in self.tree.folders(day.isoformat()) if not is_archive_name(name)}
        loose = {file.source.partition("/")[2] for file in self.tree.loose_files(day.isoformat())}
        for path in self._archives(day):
            packed = packed_categories(path, self.tree.files(path).files, self.known)
            folders.update(packed.folders, self.known if packed.in_all else ())
            loose.update(packed.loose)
        return folders, loose

    def _archives(self, day: dt.date) -> list[str]:
        return [f"{day}/{name}" for name in self.tree.folders(day.isoformat()) if is_archive_name(name)]


def files_below(source: Source, day: dt.date, name: str) -> int:
    """How many files arrived on a day in a folder that is no category; 1 for one that cannot be looked into."""
    try:
        return len(source.list_files(day, name).files)
    except SourceUnreadable:
        raise
    except SourceError:
        return 1


def archive_sizes(source: Source, partition: Partition) -> dict[str, int]:
    """The archives of which a partition's files may come: provenance → bytes. None of sources without folders of days.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    if not isinstance(source, DayFolders):
        return {}
    lying = [*source.lying(partition.date, partition.category), *source.archives(partition.date)]
    return {file.source: file.bytes for file in lying if is_archive_name(file.source)}


def days_among(names: list[str]) -> list[dt.date]:
    """The days that folders are named after, ascending."""
    return sorted(day for name in names if (day := _day(name)) is not None)


def days_of(tree: FileTree, layout: str, beside: Collection[str] = ()) -> list[dt.date]:
    """The days that have a folder at the top of a landing zone, ascending; folders with other names are none.

    Args:
        tree: The landing zone.
        layout: What is expected in it, for the error.
        beside: Names of what may lie there before any day does.

    Raises:
        SourceError: the landing zone is not there, or something is in it and no folder of a day.
    """
    names = tree.folders("")
    days = days_among(names)
    found = [] if days else [*names, *(file.source for file in tree.loose_files(""))]
    found = [name for name in found if name not in beside]
    if found:
        meant = "".join(f"; {name} must be named {day}" for name, day in list(_misnamed(names).items())[:1])
        raise SourceError(
            f"the landing zone has no folder named after a day; found {some(found)}; expected "
            f"{layout}, such as 2026-11-20/…{meant}; `image-assets land` brings folders in"
        )
    return days


def misnamed_days(tree: FileTree) -> dict[str, dt.date]:
    """Folders at the top of a landing zone whose names mean a day and are written otherwise → the day they mean."""
    return _misnamed(tree.folders(""))


def beside_days(tree: FileTree, categories: Collection[str]) -> list[str]:
    """What lies at the top of a landing zone, in no day, and is meant to be in one, sorted by name.

    Args:
        tree: The landing zone.
        categories: The dataset's; a folder of one of these names is meant, as pictures and archives are.
    """
    known = {name.lower() for name in categories}
    folders = [name for name in tree.folders("") if name.lower() in known or is_archive_name(name)]
    loose = [file.source for file in tree.loose_files("")]
    files = [name for name in loose if name.lower().endswith((*_PICTURES, *ARCHIVE_SUFFIXES)) or closed_archive(name)]
    return sorted(name for name in [*folders, *files] if meant_day(name) is None)


def _misnamed(names: Sequence[str]) -> dict[str, dt.date]:
    found = {name: meant_day(name) for name in names if _day(name) is None}
    return {name: day for name, day in found.items() if day is not None}


def _day(name: str) -> dt.date | None:
    """The day a folder is named after; `20261120` and `2026-W47-5` are dates to Python but no such name."""
    day = _date(name)
    return day if day is not None and day.isoformat() == name else None


def meant_day(name: str) -> dt.date | None:
    """The day that a name means for certain: other separators or none, the day first, something behind it."""
    if found := _YEAR_FIRST.fullmatch(name.strip()):
        return _of(found["year"], found["month"] or found["m"], found["day"] or found["d"])
    if found := _DAY_FIRST.fullmatch(name.strip()):
        day = _of(found["year"], found["month"], found["day"])
        # Where both could be the month, only a full stop says that the day comes first.
        return day if day and (found["by"] == "." or int(found["day"]) > 12) else None
    return _date(name)


def _of(year: str, month: str, day: str) -> dt.date | None:
    return _date(f"{year}-{month:0>2}-{day:0>2}")


def _date(name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(name)
    except ValueError:
        return None
