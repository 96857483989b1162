"""Units of a partition that stay as they are when files come or go beside them: a day that grows costs what came.

What stays of a partition's units depends only on what is committed of it and on the files to be loaded: a run that was
killed cuts the same units again.
"""

from __future__ import annotations

from collections.abc import Sequence

from image_assets.engines.engine import UNIT_FILES
from image_assets.ingest.fingerprint import Fingerprint
from image_assets.ingest.units import Loader, unit_name
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile

# A unit joins the files that have come if it has no more than twice as many, and is not half full: the units of a
# partition then stay few however often it grows, and a file is decoded again a few times, not every time.
_JOINS = 2
_HALF_FULL = UNIT_FILES // 2

_Key = tuple[str, str]


def cut_units(prints: Sequence[Fingerprint], loader: Loader, committed: Snapshot) -> list[Sequence[Fingerprint]]:
    """The files in units: those that are committed and would be made again of the same files, and the rest.

    Args:
        prints: Files to be loaded, in the order of their sources.
        loader: What they are loaded with.
        committed: The table `raw_images` as it is.
    """
    wanted = {_key(one): one for one in prints}
    there = (_files_of(file, loader, wanted) for file in committed.of(loader.partition).written_files())
    kept = sorted((unit for unit in there if unit), key=len)
    taken = {_key(one) for unit in kept for one in unit}
    rest = [one for one in prints if _key(one) not in taken]
    while kept and rest and len(kept[0]) <= min(_JOINS * len(rest), _HALF_FULL):
        rest += kept.pop(0)
    rest.sort(key=lambda one: one.file.source)
    new = [rest[start : start + UNIT_FILES] for start in range(0, len(rest), UNIT_FILES)]
    return sorted([*kept, *new], key=lambda unit: unit[0].file.source)


def _files_of(file: WrittenFile, loader: Loader, wanted: dict[_Key, Fingerprint]) -> list[Fingerprint]:
    """The files that a committed unit was made of, if these rules would make it of them today; none otherwise.

    Its name says so: it is that of the files and of all that decides what becomes of them.
    """
    name = loader.raw_images.name_of(file)
    refused = loader.quarantine.find_file(loader.partition, name)
    if refused is None:
        return []
    try:
        keys = [*_keys(loader.raw_images, file), *_keys(loader.quarantine, refused)]
    except DamagedFile:  # loaded anew
        return []
    if not all(key in wanted for key in keys):
        return []
    prints = sorted((wanted[key] for key in keys), key=lambda one: one.file.source)
    return prints if unit_name(prints, loader) == name else []


def _keys(table: PartitionedTable, file: WrittenFile) -> list[_Key]:
    frames = table.files.frames(file.path, ["image_id", "source"])
    return [key for frame in frames for key in frame.iter_rows()]


def _key(one: Fingerprint) -> _Key:
    return one.image_id, one.file.source
