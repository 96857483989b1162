"""The layout that most datasets arrive in: `<day>/<category>/**`, on a disk or in a bucket."""

from __future__ import annotations

import datetime as dt

from image_assets.ingest.source import FileTree, Listing, SourceFile
from image_assets.workers import Progress


class DayFolders:
    """A source whose files lie under `<day>/<category>/`, at any depth.

    Args:
        tree: Where they lie.
    """

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree

    def days(self) -> list[dt.date]:
        """Days that have a folder, ascending; folders with other names are none."""
        return days_among(self.tree.folders(""))

    def categories(self, day: dt.date) -> list[str]:
        """Printable names of the folders of a day, sorted."""
        return self.tree.folders(day.isoformat())

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Bring near what the tree cannot hand out where it is."""
        self.tree.fetch(f"{day.isoformat()}/{category}", progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """Files of a day's category."""
        return self.tree.files(f"{day.isoformat()}/{category}")

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source`."""
        return self.tree.read(file, max_bytes)


def days_among(names: list[str]) -> list[dt.date]:
    """The days that folders are named after, ascending."""
    return sorted(day for name in names if (day := _day(name)) is not None)


def _day(name: str) -> dt.date | None:
    """The day a folder is named after; `20261120` and `2026-W47-5` are dates to Python but no such name."""
    try:
        day = dt.date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
