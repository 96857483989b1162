"""Published shards: every file against its manifest, and what they hold against the features that they are made of."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckBook
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.shards.manifest import (
    FEATURE_SHARDS,
    MANIFEST,
    MANIFESTS,
    Expected,
    ShardError,
    ShardManifest,
    list_files,
    path_of,
    read_manifest,
    shards_prefix,
)
from image_assets.shards.verify import Code, Problem, verify
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy
from image_assets.workers import Progress, ordered_map

_FOLDER = re.compile(r"date=(\d{4}-\d{2}-\d{2})/category=([^/]+)/")


def never_published(store: Store, dataset: DatasetSpec) -> list[Partition]:
    """What has features and no shards, as after `run --until`: checks have looked at it, but never at shards of it.

    Where no record of a check is left, nobody knows, and what is not there counts as lost.
    """
    looked_at, features = CheckBook(store, dataset.name).looked_at(), _features(store, dataset)
    without = {one for one, assets in looked_at.items() if FEATURE_SHARDS not in assets and one in features}
    return sorted(one for one in without - _published(store, dataset) if one.category in dataset.categories)


def verify_shards(
    store: Store, dataset: DatasetSpec, unpublished: Sequence[Partition], progress: Progress
) -> tuple[LookedAt, list[Finding]]:
    """Read every shard that is published, and see that what has features is published.

    Args:
        store: Where they are.
        dataset: The dataset.
        unpublished: What is not to be.
        progress: Told after every partition.
    """
    features = _features(store, dataset)
    wanted = {one for one in features if one.category in dataset.categories}
    partitions = sorted(_published(store, dataset) | wanted - {*unpublished})
    looked_at, findings = LookedAt(), list[Finding]()

    def look(partition: Partition) -> tuple[LookedAt, list[Problem]]:
        return _look(store, dataset, partition, features)

    for done, (partition, (these, problems)) in enumerate(
        zip(partitions, ordered_map(look, partitions), strict=True), 1
    ):
        looked_at += these
        findings += [_finding(dataset, partition, problem) for problem in problems]
        progress(done, len(partitions))
    return looked_at, findings


def _published(store: Store, dataset: DatasetSpec) -> set[Partition]:
    """The partitions that have shards or a manifest."""
    found: set[Partition] = set()
    for folder in (FEATURE_SHARDS, MANIFESTS):
        for path in sizes_below(store.objects(dataset.name), f"{folder}/"):
            if match := _FOLDER.search(path):
                found.add(Partition(dt.date.fromisoformat(match[1]), match[2]))
    return found


def _features(store: Store, dataset: DatasetSpec) -> dict[Partition, int]:
    """How many images of each partition have features; none where that table cannot be read, which is said of it."""
    try:
        files = store.table(dataset.name, IMAGE_FEATURES).snapshot().files
    except (Damaged, OtherVersion):
        return {}
    rows = files.group_by("date", "category").agg(pl.col("rows").sum()).filter(pl.col("rows") > 0)
    return {Partition(date, category): count for date, category, count in rows.iter_rows()}


def _look(
    store: Store, dataset: DatasetSpec, partition: Partition, features: dict[Partition, int]
) -> tuple[LookedAt, list[Problem]]:
    objects, prefix = store.objects(), shards_prefix(dataset, partition)
    sizes = list_files(objects, prefix)
    looked_at = LookedAt(len(sizes), sum(sizes.values()))
    try:
        manifest = read_manifest(objects, prefix)
    except ShardError as error:
        return looked_at, [Problem(Code.MANIFEST_UNREADABLE, MANIFEST, "the manifest", "format 1", str(error))]
    if manifest is None:
        if not sizes and not features.get(partition):
            return looked_at, []
        wanted = path_of(prefix, MANIFEST)
        return looked_at, [Problem(Code.MANIFEST_MISSING, MANIFEST, "the manifest", wanted, "nothing")]
    ids = _ids(store, dataset, partition, manifest) if features.get(partition) else None
    problems = verify(objects, prefix, ids, _expected(dataset, partition, manifest)).problems
    # Of every file the first thing that is wrong: what follows from it is none of its own.
    of_files = {problem.file: problem for problem in reversed(problems)}
    if len(of_files) > 1 and of_files.get(MANIFEST, problems[0]).code == Code.ID_MISSING:
        del of_files[MANIFEST]
    return looked_at, [of_files[name] for name in sorted(of_files)]


def _expected(dataset: DatasetSpec, partition: Partition, manifest: ShardManifest) -> Expected:
    """What lies under a partition's name is that partition's; how it was published is for its manifest to say."""
    category = partition.category
    label = dataset.categories.get(category, manifest.label)  # of a retired one, the file says no more
    return Expected(
        dataset.name, partition.date, category, label, manifest.width, manifest.extractor, manifest.shard_rows
    )


def _ids(store: Store, dataset: DatasetSpec, partition: Partition, manifest: ShardManifest) -> list[str] | None:
    """The ids that are to be in the shards; None where the features cannot be read, which is said of them."""
    table, ids = store.table(dataset.name, IMAGE_FEATURES), set[str]()
    try:
        for file in table.snapshot().of(partition).written_files():
            for batch in table.files.read(file.path, ["image_id"]):
                ids.update(batch.column(0).to_pylist())
    except Damaged:
        return None
    return sorted(ids - {*manifest.held_back} | {*manifest.moved_in})


def _finding(dataset: DatasetSpec, partition: Partition, problem: Problem) -> Finding:
    path = path_of(shards_prefix(dataset, partition), problem.file).removeprefix(f"{dataset.name}/")
    what = f"({problem.what}): expected {problem.expected}, found {problem.found}"
    remedy = Remedy.PUBLISH if partition.category in dataset.categories else Remedy.COPY
    return Finding(Part.SHARDS, path, what, remedy, (partition,))
