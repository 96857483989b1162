"""Folders of one's own, as people have them: the categories that they are, and the shapes that are asked about instead.

A shape is refused where it would give categories that nobody means, with what was found and how it is to be given.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_assets.ingest.archives.closed import closed_archive
from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.day_folders import days_among
from image_assets.ingest.folder import is_ignored
from image_assets.ingest.landing import LandingError
from image_assets.ingest.source import printable
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.wording import some

_PARTS_OF_A_SPLIT = re.compile(r"(train|training|val|valid|validation|dev|test|testing|eval|holdout)([-_ ]?\d+)?")
_ANNOTATIONS = ("annotations", "labels")


@dataclass(frozen=True)
class OwnFolders:
    """A folder of one's own.

    Attributes:
        categories: Category name → its folders, sorted by folder name: one, or one in every part of a split.
        left_out: Printable names of what lies beside the folders and belongs to no category.
    """

    categories: dict[str, tuple[Path, ...]]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What lies in a folder, by kind, sorted by name; without what is no arrival."""

    top: Path
    folders: list[Path]
    files: list[Path]

    @property
    def name(self) -> str:
        """The folder, for a person."""
        return printable(str(self.top))


def own_folders(folder: str | Path, apart: Collection[Path] = ()) -> OwnFolders:
    """The categories of a folder of one's own: every folder directly in it is one, or in `train`, `val` and the like.

    Args:
        folder: Holds `<category>/**` or `<part of a split>/<category>/**`; what is no arrival is passed over.
        apart: What may lie there and is not meant, absolute: the landing zone, the store, dataset files.

    Returns:
        The categories. Accents are dropped from their names, and what a name cannot hold becomes `_`.

    Raises:
        LandingError: no such folder, no folder in it, images or archives beside the folders, folders that are no
            categories by their shape, a name of which nothing is left, or two that become the same.
    """
    top = Path(folder)
    layout = f"expected {printable(str(top))}/<category>/**, a folder of images for every category"
    try:
        found = _look(top, apart)
    except OSError as error:
        raise LandingError(f"{printable(str(top))}: {error.strerror}; {layout}") from None
    for ask in _QUESTIONS:
        if question := ask(found):
            raise LandingError(f"{question}; {layout}")
    if not found.folders:
        raise LandingError(f"{found.name}: no folders in it; {layout}")
    folders = [folder for part in _split(found) for folder in _look(part).folders] or found.folders
    return OwnFolders(_named(folders), tuple(printable(file.name) for file in found.files))


def _named(folders: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    categories: dict[str, tuple[Path, ...]] = {}
    taken: dict[str, Path] = {}
    for folder in folders:
        name = _category_name(folder.name)
        if not name:
            raise LandingError(f"{printable(str(folder))}: no letter or digit of A-Z, 0-9 to name it by; rename it")
        if taken.get(name.lower(), folder).name != folder.name:
            both = f"{printable(str(taken[name.lower()]))} and {printable(str(folder))}"
            raise LandingError(f"{both} both become category {name!r}; rename one of them")
        taken[name.lower()] = folder
        categories[name] = (*categories.get(name, ()), folder)
    return categories


def _category_name(name: str) -> str:
    letters = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[^A-Za-z0-9_-]+", "_", letters).strip("_-")[:64]


def _look(top: Path, apart: Collection[Path] = ()) -> _Found:
    """What lies directly in a folder. Raises `OSError`."""
    ignore = no_arrivals()
    meant = (e for e in top.iterdir() if not is_ignored(e.name, ignore) and e.absolute() not in apart)
    entries = sorted(meant, key=lambda e: e.name)
    return _Found(top, [e for e in entries if e.is_dir()], [e for e in entries if not e.is_dir()])


def _look_or_nothing(top: Path) -> _Found:
    try:
        return _look(top)
    except OSError:  # whoever brings it in says why it cannot be opened
        return _Found(top, [], [])


def _loose_images(found: _Found) -> str | None:
    loose = [file for file in found.files if _is_image(file)]
    return f"{printable(str(loose[0]))}: {len(loose)} image(s) lie outside of any category" if loose else None


def _is_image(file: Path) -> bool:
    return (mimetypes.guess_type(file.name, strict=False)[0] or "").startswith("image/")


def _loose_archives(found: _Found) -> str | None:
    opened = [file for file in found.files if is_archive_name(file.name)]
    closed = [file for file in found.files if closed_archive(file.name)]
    if opened:
        first = opened[0]
        place = printable(str(found.top / first.name.partition(".")[0] / first.name))
        how = f"put each into its category's folder, where it is opened, such as {place}, or unpack it"
        return f"{found.name}: {_some(opened)} lie(s) beside the folders, in no category: {how}"
    if closed:
        return f"{found.name}: {_some(closed)} lie(s) beside the folders: {closed_archive(closed[0].name)}"
    return None


def _days(found: _Found) -> str | None:
    days = days_among([folder.name for folder in found.folders])
    if not days:
        return None
    return f"{found.name}: holds folders of days, such as {days[0]}: give it as `--landing` to `image-assets run`"


def _split(found: _Found) -> list[Path]:
    """The parts of a split that hold folders of categories and nothing else; none where that is not certain."""
    inside = [_look_or_nothing(folder) for folder in found.folders]
    certain = all(
        _PARTS_OF_A_SPLIT.fullmatch(part.top.name.lower())
        and part.folders
        and not (_loose_images(part) or _loose_archives(part))
        for part in inside
    )
    several = len(inside) > 1 or any(len(part.folders) > 1 for part in inside)
    return found.folders if certain and several else []


def _parts_of_a_split(found: _Found) -> str | None:
    if _split(found):
        return None
    parts = [folder for folder in found.folders if _PARTS_OF_A_SPLIT.fullmatch(folder.name.lower())]
    others = [folder for folder in found.folders if folder not in parts and folder.name.lower() not in _ANNOTATIONS]
    with_folders = [part for part in parts if _look_or_nothing(part).folders]
    if len(with_folders) < 2 and (others or not parts or (len(parts) == 1 and not with_folders)):
        return None
    held = with_folders and _look_or_nothing(with_folders[0]).folders
    within = f" with {_some(held)} in {with_folders[0].name}" if held else ""
    first = printable(str((with_folders or parts)[0]))
    return (
        f"{found.name}: found {_some(parts)}{within}: the parts of a split stand where the categories must; put the "
        f"folders of all parts together by category, or give one part, such as {first}: the platform splits by itself"
    )


def _annotations(found: _Found) -> str | None:
    beside = [folder for folder in found.folders if folder.name.lower() in _ANNOTATIONS]
    files = [file for folder in beside for file in _look_or_nothing(folder).files]
    if not any(file.suffix.lower() in (".json", ".csv", ".xml", ".txt") for file in files):
        return None
    return (
        f"{found.name}: found {_some(beside)} with {_some(files)} beside {_some(found.folders)}: annotations say what "
        "the images are; a dataset file with `source: {kind: coco}` or `{kind: open_images}` reads COCO's and Open "
        "Images' (docs/open-images-and-coco.md)"
    )


def _one_around_all(found: _Found) -> str | None:
    within = found
    if _split(found):
        return None
    while len(within.folders) == 1 and (within is found or not within.files):
        within = _look_or_nothing(within.folders[0])
    if within is found or within.files or not within.folders:
        return None
    return (
        f"{found.name}: found one folder around all others, {printable(str(within.top))} with {_some(within.folders)} "
        f"in it: give that one, or rename and merge its folders if they are one category"
    )


_QUESTIONS: tuple[Callable[[_Found], str | None], ...] = (
    _loose_images,
    _loose_archives,
    _days,
    _parts_of_a_split,
    _annotations,
    _one_around_all,
)
"""Each says what is to be asked about, or nothing."""


def _some(paths: Sequence[Path]) -> str:
    return some(printable(path.name) + ("/" if path.is_dir() else "") for path in paths)
