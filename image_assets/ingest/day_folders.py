"""The layout that most datasets arrive in: `<day>/<category>/**`, on a disk or in a bucket."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.archives.packed_categories import packed_categories
from image_assets.ingest.source import FileTree, Listing, SourceError, SourceFile
from image_assets.workers import Progress

_NAMED = 5


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

    def categories(self, day: dt.date) -> list[str]:
        """Printable names of what lies in a day's folder and in its archives, sorted: folders, and files in none.

        An archive that was not opened yet, or is damaged, may hold all of them.
        """
        names = {name for name in self.tree.folders(day.isoformat()) if not is_archive_name(name)}
        names.update(file.source.partition("/")[2] for file in self.tree.loose_files(day.isoformat()))
        for path in self._archives(day):
            files = self.tree.files(path).files
            packed = packed_categories(path, files, self.known)
            names.update(packed.folders, packed.loose, self.known if packed.in_all else ())
        return sorted(names)

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

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source`."""
        return self.tree.read(file, max_bytes)

    def _archives(self, day: dt.date) -> list[str]:
        return [f"{day}/{name}" for name in self.tree.folders(day.isoformat()) if is_archive_name(name)]


def days_among(names: list[str]) -> list[dt.date]:
    """The days that folders are named after, ascending."""
    return sorted(day for name in names if (day := _day(name)) is not None)


def days_of(tree: FileTree, layout: str) -> list[dt.date]:
    """The days that have a folder at the top of a landing zone, ascending; folders with other names are none.

    Args:
        tree: The landing zone.
        layout: What is expected in it, for the error.

    Raises:
        SourceError: the landing zone is not there, or something is in it and no folder of a day.
    """
    names = tree.folders("")
    days = days_among(names)
    found = [] if days else [*names, *(file.source for file in tree.loose_files(""))]
    if found:
        more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
        meant = next((f"; {name} must be named {day}" for name in names if (day := _date(name))), "")
        raise SourceError(
            f"the landing zone has no folder named after a day; found {', '.join(found[:_NAMED])}{more}; expected "
            f"{layout}, such as 2026-11-20/…{meant}; `image-assets land` brings folders in"
        )
    return days


def _day(name: str) -> dt.date | None:
    """The day a folder is named after; `20261120` and `2026-W47-5` are dates to Python but no such name."""
    day = _date(name)
    return day if day is not None and day.isoformat() == name else None


def _date(name: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(name)
    except ValueError:
        return None
