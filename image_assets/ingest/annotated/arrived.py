"""Which of a day's files are images of the annotations: those that are for certain, and those that may be."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from image_assets.images.reasons import Reason
from image_assets.ingest.annotated.matching import Match, Matcher
from image_assets.ingest.source import FileTree, SourceFile, SourceReadError
from image_assets.wording import some

# Begins no path.
_IN_DOUBT = "\0in doubt "
_SHOWN = 3


@dataclass(frozen=True)
class Arrived:
    """A file that is a selected image, or may be one.

    Attributes:
        file: The file. One in doubt is read by `read_in_doubt`.
        category: Of the image; of the first of several that it may be.
    """

    file: SourceFile
    category: str


def arrived_images(files: Iterable[SourceFile], matcher: Matcher) -> list[Arrived]:
    """The selected images among a day's files, in their order.

    Of several files that one image may be, only those whose paths agree best with its name are that image. Where these
    are several, they are in doubt unless they are the same byte by byte; and so is a file that may be several images.
    """
    listed = [(file, matcher.find(file.source)) for file in files]
    nearest = _nearest(listed)
    found = []
    for file, match in listed:
        if match is None:
            continue
        category = next(matcher.categories[key] for key in match.keys if key in matcher.categories)
        rivals = nearest.get(match.key or "", [])
        if match.key is None:
            what = f"it may be any of {len(match.keys)} images of the annotations: {some(match.keys, _SHOWN)}"
            found.append(Arrived(_in_doubt(file, what, []), category))
        elif matcher.by_stem or rivals == [file]:
            found.append(Arrived(file, category))
        elif file in rivals:
            others = [one for one in rivals if one != file]
            what = f"image {match.key} of the annotations may be {some((one.source for one in others), _SHOWN)} as well"
            found.append(Arrived(_in_doubt(file, what, others), category))
    return found


def _nearest(listed: Iterable[tuple[SourceFile, Match | None]]) -> dict[str, list[SourceFile]]:
    """Key → of the files that can only be this image, those whose paths agree best with its name."""
    nearest: dict[str, list[SourceFile]] = defaultdict(list)
    closest: dict[str, tuple[int, int, bool]] = {}
    for file, match in listed:
        if match is None or match.key is None:
            continue
        if match.closeness > closest.setdefault(match.key, match.closeness):
            closest[match.key] = match.closeness
            nearest[match.key].clear()
        if match.closeness == closest[match.key]:
            nearest[match.key].append(file)
    return nearest


def read_in_doubt(tree: FileTree, file: SourceFile, max_bytes: int) -> bytes | None:
    """The content of a file in doubt whose rivals have the same; None for a file that is not in doubt.

    Raises:
        SourceReadError: `ambiguous_name`, with what it may be.
    """
    if not file.locator.startswith(_IN_DOUBT):
        return None
    what, locator, *others = json.loads(file.locator.removeprefix(_IN_DOUBT))
    if others:
        content = tree.read(SourceFile(file.source, file.bytes, file.version, locator), max_bytes)
        if all(tree.read(SourceFile(*one), max_bytes) == content for one in others):
            return content
        what += ", and their content differs"
    raise SourceReadError(f"{file.source}: {what}", Reason.AMBIGUOUS_NAME)


def _in_doubt(file: SourceFile, what: str, others: list[SourceFile]) -> SourceFile:
    rivals = [(one.source, one.bytes, one.version, one.locator) for one in others]
    return SourceFile(file.source, file.bytes, file.version, _IN_DOUBT + json.dumps([what, file.locator, *rivals]))
