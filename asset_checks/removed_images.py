"""What must hold of images that were removed for good: they are nowhere any more."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.embedding.kept_regions import FOLDER as MAP
from image_assets.removal.derived import files_with, id_columns
from image_assets.removal.models import champions_among, still_there
from image_assets.removal.tombstones import TombstoneBook, Tombstones
from image_assets.removal.traces import Sought
from image_assets.schema import TABLES
from image_assets.shards.manifest import MANIFEST, list_files, path_of, shards_prefix
from image_assets.store.objects import sizes_below

_AGAIN = "Give `image-assets remove` with these ids again: it finishes what was not finished."


@check("No image that was removed for good is in a table, a shard or a manifest of the partition.")
def removed_images_stay_out(subject: Subject) -> Outcome:
    """The ids of tombstones, looked for in every table and shard of the day and category."""
    tombstones = _tombstones(subject)
    found = _in_tables(subject, tombstones, partitioned=True)
    prefix = shards_prefix(subject.dataset, subject.checked_partition)
    objects, sought = subject.store.objects(), Sought(tombstones.ids)
    if tombstones.ids:
        paths = [path_of(prefix, name) for name in (*list_files(objects, prefix), MANIFEST)]
        found += [path for path in paths if sought.in_file(objects, path)]
    return _outcome(tombstones, found)


@check("No image that was removed for good is in a table of the whole dataset or in what the map is made of.")
def removed_images_left_nothing(subject: Subject) -> Outcome:
    """The ids of tombstones, looked for in tables without partitions and kept fits; every tombstone can be read."""
    tombstones = _tombstones(subject)
    found = _in_tables(subject, tombstones, partitioned=False)
    objects, sought = subject.store.objects(subject.dataset.name), Sought(tombstones.ids)
    if tombstones.ids:
        found += [path for path in sizes_below(objects, f"{MAP}/") if sought.in_file(objects, path)]
    unread = [f"the tombstone of {image_id} is damaged" for image_id, one in tombstones.by_id.items() if one is None]
    return _outcome(tombstones, [*found, *unread])


@check("The current models were trained without the images that were removed.", severity=WARN)
def models_are_without_removed_images(subject: Subject) -> Outcome:
    """No champion is one that was trained when a removed image was among the images; others may still be kept."""
    objects = subject.store.objects(subject.dataset.name)
    models = {name for one in _tombstones(subject).by_id.values() if one for name in one.models}
    champions = champions_among(objects, models)
    return Outcome(
        passed=not champions,
        figures={"models trained with them that are kept": len(still_there(objects, models))},
        sample=pl.DataFrame({"current model": champions}, schema={"current model": pl.String}),
        advice="What it learnt of them cannot be taken out. `image-assets models promote` makes another the current "
        "one; `image-assets remove` with the same ids then removes this one.",
    )


def _tombstones(subject: Subject) -> Tombstones:
    return subject.shared("tombstones", lambda: TombstoneBook(subject.store, subject.dataset.name).all())


def _in_tables(subject: Subject, tombstones: Tombstones, *, partitioned: bool) -> list[str]:
    found = []
    for schema in TABLES if tombstones.ids else ():
        columns = id_columns(schema)
        if schema.partitioned == partitioned and columns:
            there = subject.table(schema).snapshot()
            there = there.of(subject.checked_partition) if partitioned else there
            holding = files_with(subject.table(schema), there, columns, tombstones.ids)
            found += [f"{schema.name}/{path}" for path in sorted(holding)]
    return found


def _outcome(tombstones: Tombstones, found: list[str]) -> Outcome:
    return Outcome(
        passed=not found,
        figures={"removed images": len(tombstones.by_id), "found in": len(found)},
        sample=pl.DataFrame({"found in": found}, schema={"found in": pl.String}),
        advice=_AGAIN,
    )
