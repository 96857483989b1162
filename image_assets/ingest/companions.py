"""Files that come along with pictures and are none: what cameras, programs and exports write beside them."""

from __future__ import annotations

from collections.abc import Iterable

_ENDINGS = (".supplemental-metadata.json", ".json", ".xmp", ".aae", ".cls", ".txt", ".xml", ".csv")


def companions(refused: Iterable[str], listed: Iterable[str]) -> set[str]:
    """Those of the refused files that are companions: named as a listed file, `a.jpg.json` or `a.xmp` beside `a.jpg`.

    Args:
        refused: Provenance of files that are no pictures by their content.
        listed: Provenance of all files of the partition.
    """
    names = {name for source in listed if _base(source) is None for name in (source, _stem(source))}
    return {source for source in refused if _base(source) in names}


def _base(source: str) -> str | None:
    """The name without a companion's ending; none where it has no such ending."""
    ending = next((one for one in _ENDINGS if source.lower().endswith(one)), None)
    return source[: -len(ending)] if ending else None


def _stem(source: str) -> str:
    folder, slash, name = source.rpartition("/")
    return folder + slash + name.rpartition(".")[0]
