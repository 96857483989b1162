"""What did people say of images, and what would it change?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from image_assets.categories.record import in_use
from image_assets.classifier.training.row_index import row_index
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.label_conflicts import Evidence, in_doubt, label_conflicts
from image_assets.lookalikes.publication import Publication, publication
from image_assets.marks.decisions import decided
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, RAW_IMAGES, REVIEWS, Partition
from image_assets.store.store import Store


@dataclass(frozen=True)
class Batch:
    """What somebody said at once.

    Attributes:
        batch: Its name.
        reviewer: Who said it.
        at: When.
        images: Of how many images.
        under: Category → how many of them belong there.
        nowhere: How many of them belong nowhere.
        taken_back: When, and by whom; None where it stands.
    """

    batch: str
    reviewer: str
    at: dt.datetime
    images: int
    under: Mapping[str, int]
    nowhere: int
    taken_back: tuple[dt.datetime, str] | None

    def as_json(self) -> dict[str, Any]:
        """Its entry in `/v1/marks`."""
        back = self.taken_back
        taken_back = None if back is None else {"at": back[0].isoformat(), "reviewer": back[1]}
        return {**vars(self), "at": self.at.isoformat(), "under": dict(self.under), "taken_back": taken_back}


def batches_of(dataset: DatasetSpec, store: Store) -> tuple[Batch, ...]:
    """All that people said, the latest first."""
    reviews = store.table(dataset.name, REVIEWS).scan().collect()
    parts = reviews.sort("decided_at", "image_id").partition_by("batch", maintain_order=True)
    return tuple(sorted(map(_batch, parts), key=lambda one: one.at, reverse=True))


def _batch(rows: pl.DataFrame) -> Batch:
    said, back = rows.filter(~pl.col("withdrawn")), rows.filter("withdrawn")
    first = said.row(0, named=True)
    under = said.filter("belongs").group_by("category").len().sort("category")
    images = said["image_id"].n_unique()
    return Batch(
        first["batch"],
        first["reviewer"],
        first["decided_at"],
        images,
        dict(under.iter_rows()),
        images - said.filter("belongs")["image_id"].n_unique(),
        None if back.is_empty() else (back["decided_at"][0], back["reviewer"][0]),
    )


@dataclass(frozen=True)
class ShardChange:
    """A published partition that will be written anew: how many images come to it, and how many go."""

    partition: Partition
    coming: int
    going: int

    def as_json(self) -> dict[str, Any]:
        """Its entry in a preview."""
        where = {"day": str(self.partition.date), "category": self.partition.category}
        return {**where, "coming": self.coming, "going": self.going}


@dataclass(frozen=True)
class MarkPreview:
    """What marks would change with the next run, beside what was said before.

    Attributes:
        images: That something is said of.
        shards: The partitions that are published anew.
        training: Category → images to train on, before and after; of those where it changes.
    """

    images: int
    shards: tuple[ShardChange, ...]
    training: Mapping[str, tuple[int, int]]

    def as_json(self) -> dict[str, Any]:
        """The answer of `/v1/marks:preview`."""
        training = [{"category": name, "before": old, "after": new} for name, (old, new) in self.training.items()]
        return {"images": self.images, "shards": [one.as_json() for one in self.shards], "training": training}


def preview_of(dataset: DatasetSpec, store: Store, rows: pl.DataFrame) -> MarkPreview:
    """What marks would change, found out as the next run does.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        rows: The marks, not kept, as rows of the table `reviews`.

    Raises:
        ExtractorError: the dataset's extractor cannot be used.
        MixedExtractors: features of several extractors lie in the table.
    """
    reader = EvidenceReader(store, dataset)
    evidence = reader.whole(reader.pairs())
    before = _world(reader, evidence)
    after_reader = replace(reader, not_kept=rows)
    after = _world(after_reader, replace(evidence, reviews=after_reader.reviews()))
    counts = {name: (before.training.get(name, 0), after.training.get(name, 0)) for name in dataset.categories}
    return MarkPreview(
        rows["image_id"].n_unique(),
        tuple(_shard_changes(dataset, before.published, after.published)),
        {name: both for name, both in counts.items() if both[0] != both[1]},
    )


@dataclass(frozen=True)
class _World:
    published: Publication
    training: Mapping[str, int]


def _world(reader: EvidenceReader, evidence: Evidence) -> _World:
    dataset, store = reader.dataset, reader.store
    conflicts = label_conflicts(evidence, dataset.label_conflicts)
    decisions = decided(evidence.reviews, dataset.categories)
    features, groups, images = (
        store.table(dataset.name, one).scan() for one in (IMAGE_FEATURES, DUPLICATE_GROUPS, RAW_IMAGES)
    )
    index = row_index(
        decisions.applied(in_use(features, dataset)),
        in_doubt(conflicts.lazy(), decisions),
        groups,
        shared_extractor(dataset.extractor).digest,
        dataset.classifier,
        images,
    )
    names = {label: name for name, label in dataset.categories.items()}
    counted = index.training().rows.group_by("label").len().iter_rows()
    return _World(publication(reader, conflicts), {names[label]: number for label, number in counted})


def _shard_changes(dataset: DatasetSpec, before: Publication, after: Publication) -> list[ShardChange]:
    changes = []
    for partition in sorted(before.changed() | after.changed()):
        if partition.category not in dataset.categories:
            continue
        out = (before.left_out_of(partition), after.left_out_of(partition))
        into = (before.moved_into(partition), after.moved_into(partition))
        coming = len(out[0] - out[1]) + len(into[1] - into[0])
        going = len(out[1] - out[0]) + len(into[0] - into[1])
        if coming or going:
            changes.append(ShardChange(partition, coming, going))
    return changes
