"""The source of annotated datasets: a day's images lie anywhere below its folder, annotations decide the category."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from image_assets.ingest.annotated.arrived import arrived_images, read_in_doubt
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.day_folders import beside_days, days_of, misnamed_days
from image_assets.ingest.source import FileTree, Listing, Source, SourceFile, Unplaced
from image_assets.workers import Progress


def selection_of(source: Source) -> LabelSelection:
    """What the annotations say, of a source that has them."""
    if not isinstance(source, AnnotatedSource):
        raise TypeError(
            f"{type(source).__name__} has no annotations; only datasets of annotated sources have this asset"
        )
    return source.selection


class AnnotatedSource:
    """Images under `<day>/**`, whose annotations say what they are.

    A file that is no image of any category is not loaded; it is counted in `Listing.ignored` and `Listing.unselected`.
    One of which it is not certain which image it is, is listed and cannot be read, so that it gets into quarantine.

    Args:
        tree: Where the images lie.
        selection: What the annotations say.
        beside: Names of what lies beside the days: the annotations.
    """

    def __init__(self, tree: FileTree, selection: LabelSelection, beside: Collection[str] = ()) -> None:
        self.tree = tree
        self.selection = selection
        self.beside = tuple(beside)

    def days(self) -> list[dt.date]:
        """Days that have a folder, ascending. Raises `SourceError` as `days_of`."""
        return days_of(self.tree, "<day>/… with images at any depth", self.beside)

    def misnamed(self) -> dict[str, dt.date]:
        """Folders that mean a day and are named otherwise."""
        return misnamed_days(self.tree)

    def beside_days(self, categories: Collection[str]) -> list[str]:
        """Pictures and archives beside the folders of days, whose other names mean nothing."""
        del categories
        return beside_days(self.tree, ())

    def categories(self, day: dt.date) -> list[str]:
        """The categories of the files that arrived on a day, sorted; where none is selected, what came instead."""
        files = self.tree.files(day.isoformat()).files
        found = {one.category for one in arrived_images(files, self.selection.matcher())}
        if files and not found:
            what = f"{len(files):,} files that are no selected images of the annotations, such as {files[0].source}"
            return [f"{what} (compare their names with those in the annotation files)"]
        return sorted(found)

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        """Nothing has another category's name; what has none by its annotations is counted in `Listing.unselected`."""
        del day, categories
        return Unplaced((), 0)

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Bring near what the tree cannot hand out where it is: all of the day, whatever the category."""
        del category
        self.tree.fetch(day.isoformat(), progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """The files of a day that are images of a category."""
        there = self.tree.files(day.isoformat())
        found = arrived_images(there.files, self.selection.matcher())
        unselected = len(there.files) - len(found)
        files = tuple(one.file for one in found if one.category == category)
        return Listing(files, there.ignored + unselected, unselected)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source`."""
        content = read_in_doubt(self.tree, file, max_bytes)
        return self.tree.read(file, max_bytes) if content is None else content
