"""Reading a dataset's whole store, part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from image_assets.classifier.places import CLASSIFIER
from image_assets.dataset import DatasetSpec
from image_assets.health.damaged_records import damaged_records
from image_assets.health.lost_tables import lost_rows, lost_tables
from image_assets.networks.places import CNN_CLASSIFIER
from image_assets.schema import TABLES, Partition, TableSchema
from image_assets.shards.manifest import FEATURE_SHARDS, MANIFESTS
from image_assets.store.listing import Listing
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy, Verified
from image_assets.verification.logs import verify_log
from image_assets.verification.mending import ASIDE
from image_assets.verification.models import verify_models
from image_assets.verification.records import verify_records
from image_assets.verification.shards import never_published, verify_shards
from image_assets.verification.tables import remedy_of, tables_of, verify_tables
from image_assets.workers import Progress

Track = Callable[[str, str], AbstractContextManager[Progress]]
"""Shows progress under a title, counted in a unit."""


def verify_store(store: Store, dataset: DatasetSpec, track: Track) -> Verified:
    """Read everything of a dataset that has something to be held against: nothing is changed.

    Logs of tables are read whole, files of tables to their last row, shards against manifest and features, models
    against their manifests, and records as JSON. Plots, reports and indexes have nothing that says how they should be,
    and are made anew; they are not read.

    Args:
        store: Where it is kept.
        dataset: The dataset.
        track: How progress is shown.

    Raises:
        PlaceError: the store cannot be read.
    """
    objects = store.objects(dataset.name)
    sizes = sizes_below(objects)
    looked_at, findings = dict[Part, LookedAt](), list[Finding]()

    def keep(part: Part, found: tuple[LookedAt, list[Finding]]) -> None:
        looked_at[part] = looked_at.get(part, LookedAt()) + found[0]
        findings.extend(found[1])

    there = Listing.of(store, dataset.name)
    keep(Part.LOGS, (LookedAt(), [_lost(*one) for one in lost_tables(there).items()]))
    for schema in tables_of(sizes):
        keep(Part.LOGS, verify_log(objects, schema))
    with track("tables", "files") as progress:
        keep(Part.TABLES, verify_tables(store, dataset.name, sizes, progress))
    if not findings:  # else a log may not be readable
        lost = lost_rows(store, dataset, there)
        keep(Part.TABLES, (LookedAt(), [_without_rows(schema, one) for schema in lost for one in lost[schema]]))
    with track("shards", "partitions") as progress:
        unpublished = never_published(store, dataset)
        keep(Part.SHARDS, verify_shards(store, dataset, unpublished, progress))
    with track("models", "models") as progress:
        for folder in (CLASSIFIER, CNN_CLASSIFIER):
            keep(Part.MODELS, verify_models(objects, folder, progress))
    others = {ASIDE, FEATURE_SHARDS, MANIFESTS, CLASSIFIER, CNN_CLASSIFIER, *(schema.name for schema in TABLES)}
    with track("records", "files") as progress:
        keep(Part.RECORDS, verify_records(objects, sizes, others, progress))
    told = {one.path for one in findings}
    of_another_kind = [path for path in damaged_records(store, dataset.name) if path not in told]
    keep(Part.RECORDS, (LookedAt(), [_no_record(path) for path in of_another_kind]))
    return Verified(dataset.name, looked_at, tuple(findings), unpublished)


def _without_rows(schema: TableSchema, partition: Partition) -> Finding:
    path = f"{schema.name}/date={partition.date}/category={partition.category}"
    what = "has no rows any more, though images are loaded and it was made of them"
    return Finding(Part.TABLES, path, what, Remedy.RUN, (partition,), table=schema.name)


def _no_record(path: str) -> Finding:
    return Finding(Part.RECORDS, path, "is damaged: what is kept there cannot be read from it", Remedy.ASIDE)


def _lost(schema: TableSchema, partitions: Sequence[Partition]) -> Finding:
    what = "is gone, and with it what the table held"
    return Finding(
        Part.LOGS, f"{schema.name}/_delta_log", what, remedy_of(schema), tuple(partitions), table=schema.name
    )
