"""The layout that most datasets arrive in: `<day>/<category>/**`, on a disk or in a bucket."""

from __future__ import annotations

import datetime as dt

from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.source import FileTree, Listing, SourceError, SourceFile
from image_assets.workers import Progress

_NAMED = 5


class DayFolders:
    """A source whose files lie under `<day>/<category>/`, at any depth.

    An archive directly in a day's folder holds categories: `<day>/photos.zip/<category>/**`.

    Args:
        tree: Where they lie.
    """

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree

    def days(self) -> list[dt.date]:
        """Days that have a folder, ascending. Raises `SourceError` as `days_of`."""
        return days_of(self.tree, "<day>/<category>/…")

    def categories(self, day: dt.date) -> list[str]:
        """Printable names of what lies in a day's folder and in its archives, sorted: folders, and files in none."""
        names = {name for name in self.tree.folders(day.isoformat()) if not is_archive_name(name)}
        names.update(file.source.partition("/")[2] for file in self.tree.loose_files(day.isoformat()))
        for path in self._archives(day):
            names.update(self.tree.folders(path))
            names.update(file.source.partition("/")[2] for file in self.tree.loose_files(path))
        return sorted(names)

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Bring near what the tree cannot hand out where it is."""
        for path in (f"{day.isoformat()}/{category}", *self._archives(day)):
            self.tree.fetch(path, progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """Files of a day's category."""
        own = self.tree.files(f"{day.isoformat()}/{category}")
        packed = [self.tree.files(f"{path}/{category}") for path in self._archives(day)]
        files = sorted((file for part in (own, *packed) for file in part.files), key=lambda file: file.source)
        return Listing(tuple(files), own.ignored + sum(part.ignored for part in packed))

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
