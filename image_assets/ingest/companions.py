"""Files that come along with pictures and are none: what cameras, programs and exports write beside them.

Told by their names, here; whether one is no picture, its content says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_ENDINGS = (".json", ".xmp", ".aae", ".cls", ".txt", ".xml", ".csv")
_ALWAYS = (".xmp", ".aae", ".cls")
"""Nothing but companions ends so, whether their picture has come too or not."""
_LABEL_FOLDERS = ("labels", "annotations", "metadata")
# Google Takeout writes `a.jpg.supplemental-metadata.json`, of which it keeps 46 characters before `.json`, and puts
# the number of `a(1).jpg` behind all that.
_TAKEOUT, _TAKEOUT_LONGEST = ".supplemental-metadata", 46
_COPY = re.compile(r"(?P<name>.*)(?P<number>\(\d+\))", re.DOTALL)


def companions(listed: Iterable[str]) -> dict[str, str | None]:
    """Those files that are companions by their names.

    Named after a picture are `a.jpg.json` and `a.xmp` beside `a.jpg`, what Takeout makes of it, and `labels/a.txt`
    beside `images/a.jpg`.

    Args:
        listed: Provenance of all files of the partition.

    Returns:
        Companion → the picture that it is named after, the first of several; None for what is nothing else and has no
        picture there.
    """
    sources = list(listed)
    candidates = {source for source in sources if source.lower().endswith(_ENDINGS)}
    wanted: dict[str, list[str]] = {}
    for source in candidates:
        for name in _after(source):
            wanted.setdefault(name, []).append(source)
    found: dict[str, str | None] = {source: None for source in candidates if source.lower().endswith(_ALWAYS)}
    if wanted:
        for picture in sources:
            if picture not in candidates:
                for name in _names(picture):
                    for source in wanted.get(name, ()):
                        found[source] = min(found.get(source) or picture, picture)
    return found


def _after(source: str) -> Iterator[str]:
    """What a picture may be called, as `_names` has it, that a companion is named after."""
    base = source[: source.rindex(".")]
    folder, slash, name = base.rpartition("/")
    yield base
    above, _, own = folder.rpartition("/")
    if own.lower() in _LABEL_FOLDERS:
        yield f"{above}/*/{name}"
    if source.lower().endswith(".json"):
        copy = _COPY.fullmatch(name)
        kept, dot, tail = (copy["name"] if copy else name).rpartition(".")
        picture = kept if dot and len(tail) > 1 and _TAKEOUT.startswith(f".{tail}") else kept + dot + tail
        stem, dot, ending = picture.rpartition(".")
        number = copy["number"] if copy else ""
        yield f"{folder}{slash}{stem}{number}{dot}{ending}" if stem else f"{folder}{slash}{picture}{number}"


def _names(picture: str) -> Iterator[str]:
    """What a companion of a picture may be called before its ending."""
    folder, slash, name = picture.rpartition("/")
    stem = name.rpartition(".")[0]
    yield picture
    yield f"{folder}{slash}{stem}"
    if len(name) > _TAKEOUT_LONGEST:
        yield f"{folder}{slash}{name[:_TAKEOUT_LONGEST]}"
    if slash:
        above = folder.rpartition("/")[0]
        yield f"{above}/*/{name}"
        yield f"{above}/*/{stem}"
