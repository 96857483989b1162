"""Where the categories are in an archive that holds several: at its top, or in one folder around everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from image_assets.ingest.archives.formats import ARCHIVE_SUFFIXES
from image_assets.ingest.source import SourceFile

_DEEPEST = 3  # folders around everything


@dataclass(frozen=True)
class PackedCategories:
    """The categories of an archive.

    Attributes:
        path: The archive.
        folders: Name of a category → its folder below the landing zone; the archive itself where it is one category.
        loose: Printable paths below the day of files that lie in none.
        in_all: Whether the archive itself is listed, being damaged or not opened: whatever it holds may be missing.
    """

    path: str
    folders: dict[str, str]
    loose: frozenset[str]
    in_all: bool

    def holds(self, file: SourceFile, category: str) -> bool:
        """Whether a file of the archive is listed under a category."""
        if file.source == self.path:
            return self.in_all or category in self.folders
        folder = self.folders.get(category)
        return folder is not None and file.source.startswith(f"{folder}/")


def packed_categories(path: str, files: Sequence[SourceFile], known: Collection[str]) -> PackedCategories:
    """The categories of an archive.

    Args:
        path: The archive, below the landing zone.
        files: What is listed of it.
        known: The dataset's categories; where none is given, whatever folders lie at the top are categories.
    """
    listed = any(file.source == path for file in files)
    begin = f"{path}/"
    names = [file.source.removeprefix(begin) for file in files if file.source.startswith(begin)]
    around = _around(names, known)
    within = [name.removeprefix(around) for name in names]
    folders = {name.partition("/")[0] for name in within if "/" in name}
    if known and folders.isdisjoint(known) and (own := _stem(path)) in known:
        return PackedCategories(path, {own: path}, frozenset(), in_all=False)
    day_below = path.partition("/")[2]
    loose = frozenset(f"{day_below}/{around}{name}" for name in within if "/" not in name)
    return PackedCategories(path, {name: f"{begin}{around}{name}" for name in folders}, loose, in_all=listed)


def _around(names: Sequence[str], known: Collection[str]) -> str:
    """The folders around everything, if categories lie in them; else nothing."""
    around = ""
    for _ in range(_DEEPEST):
        tops = {name.removeprefix(around).partition("/")[::2] for name in names}
        firsts = {first for first, _ in tops}
        if not firsts.isdisjoint(known):
            return around
        if len(firsts) != 1 or any(not rest for _, rest in tops):
            return ""
        around += f"{firsts.pop()}/"
    return ""


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return next((name[: -len(ending)] for ending in ARCHIVE_SUFFIXES if name.lower().endswith(ending)), name)
