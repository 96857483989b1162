"""What would marks change with the next run: in what is published, and in what is trained on?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from image_assets.categories.record import in_use
from image_assets.classifier.training.images import held_out_with_lookalikes
from image_assets.classifier.training.row_index import row_index
from image_assets.features.extractor import shared_extractor
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.label_conflicts import in_doubt, label_conflicts
from image_assets.lookalikes.publication import Publication, publication
from image_assets.marks.decisions import Decisions, decided
from image_assets.marks.record import located
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, RAW_IMAGES, Partition

_LEARNT = {"image_id": pl.String, "category": pl.String}


@dataclass(frozen=True)
class ShardChange:
    """A published partition that will be written anew: how many images come to it, and how many go."""

    partition: Partition
    coming: int
    going: int

    def as_json(self) -> dict[str, Any]:
        """Its entry in a preview."""
        return {**self.partition.as_json(), "coming": self.coming, "going": self.going}


@dataclass(frozen=True)
class TrainingChange:
    """A category that will be trained on other images: how many come, and how many go."""

    category: str
    coming: int
    going: int

    def as_json(self) -> dict[str, Any]:
        """Its entry in a preview."""
        return vars(self)


@dataclass(frozen=True)
class MarkPreview:
    """What marks would change with the next run, beside what was said before.

    Attributes:
        images: That something is said of.
        shards: The partitions that are published anew.
        training: The categories that are trained on other images.
    """

    images: int
    shards: tuple[ShardChange, ...]
    training: tuple[TrainingChange, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer of `/v1/marks:preview`."""
        changes = {"shards": self.shards, "training": self.training}
        return {"images": self.images, **{name: [one.as_json() for one in some] for name, some in changes.items()}}


@dataclass(frozen=True)
class _World:
    """What is decided, and what contradicts each other by it."""

    decisions: Decisions
    conflicts: pl.DataFrame

    def of(self, there: pl.DataFrame) -> Publication:
        """What of some images is published where."""
        conflicts = self.conflicts.join(there, on="image_id", how="semi")
        return publication(self.decisions, conflicts, there)


def preview_of(reader: EvidenceReader, rows: pl.DataFrame) -> MarkPreview:
    """What marks would change, found out as the next run does; only images that they concern are looked at.

    Where images are held out by day or by source, one that goes may change the side of others: then all are looked at.

    Args:
        reader: Of the dataset as it is.
        rows: The marks, not kept, as rows of the table `reviews`.

    Raises:
        ExtractorError: the dataset's extractor cannot be used.
        MixedExtractors: features of several extractors lie in the table.
    """
    evidence, marked = reader.whole(reader.pairs()), replace(reader, not_kept=rows)
    before, after = (
        _World(
            decided(reviews, reader.dataset.categories),
            label_conflicts(replace(evidence, reviews=reviews), reader.dataset.label_conflicts),
        )
        for reviews in (evidence.reviews, marked.reviews())
    )
    files = pl.concat([before.conflicts, after.conflicts])
    changed = files.filter(~files.is_duplicated())["image_id"]  # what is the same in both is there twice
    concerned = pl.concat([rows["image_id"], changed])
    there = located(reader.dataset, reader.store, concerned)
    return MarkPreview(
        rows["image_id"].n_unique(),
        tuple(_shard_changes(reader, before.of(there), after.of(there))),
        tuple(_training_changes(reader, before, after, there)),
    )


def _shard_changes(reader: EvidenceReader, before: Publication, after: Publication) -> list[ShardChange]:
    changes = []
    for partition in sorted(before.changed() | after.changed()):
        if partition.category not in reader.dataset.categories:
            continue
        out = (before.left_out_of(partition), after.left_out_of(partition))
        into = (before.moved_into(partition), after.moved_into(partition))
        coming = len(out[0] - out[1]) + len(into[1] - into[0])
        going = len(out[1] - out[0]) + len(into[0] - into[1])
        if coming or going:
            changes.append(ShardChange(partition, coming, going))
    return changes


def _training_changes(
    reader: EvidenceReader, before: _World, after: _World, there: pl.DataFrame
) -> list[TrainingChange]:
    if reader.dataset.classifier.split.by == "image":
        learnt = [_learnt_of(reader, world.of(there), there) for world in (before, after)]
    else:
        learnt = [_all_learnt(reader, world) for world in (before, after)]
    counts = []
    for one, other in (learnt, learnt[::-1]):
        only = other.join(one, on=list(_LEARNT), how="anti")
        counts.append(dict(only.group_by("category").len().iter_rows()))
    coming, going = counts
    names = [name for name in reader.dataset.categories if name in coming or name in going]
    return [TrainingChange(name, coming.get(name, 0), going.get(name, 0)) for name in names]


def _learnt_of(reader: EvidenceReader, published: Publication, there: pl.DataFrame) -> pl.DataFrame:
    """image_id and category of those of some images that are trained on: what is published and not held out."""
    dataset, store = reader.dataset, reader.store
    stay = there.join(published.left_out, on="image_id", how="anti").select(_LEARNT.keys())
    moved = published.moved.select("image_id", category="settled")
    used = pl.concat([stay, moved]).filter(pl.col("category").is_in(list(dataset.categories)))
    partitions = [Partition(*key) for key in there.select("date", "category").unique().iter_rows()]
    features = in_use(store.table(dataset.name, IMAGE_FEATURES).scan(partitions), dataset).select("image_id")
    rows = used.lazy().join(features, on="image_id", how="semi").collect()
    groups = store.table(dataset.name, DUPLICATE_GROUPS).scan()
    return rows.filter(~pl.Series(held_out_with_lookalikes(rows["image_id"], groups, dataset.classifier.held_out)))


def _all_learnt(reader: EvidenceReader, world: _World) -> pl.DataFrame:
    """image_id and category of all images that are trained on."""
    dataset, store = reader.dataset, reader.store
    features, groups, images = (
        store.table(dataset.name, one).scan() for one in (IMAGE_FEATURES, DUPLICATE_GROUPS, RAW_IMAGES)
    )
    index = row_index(
        world.decisions.applied(in_use(features, dataset)),
        in_doubt(world.conflicts.lazy(), world.decisions),
        groups,
        shared_extractor(dataset.extractor).digest,
        dataset.classifier,
        images,
    )
    names = {label: name for name, label in dataset.categories.items()}
    rows = index.training().rows
    return rows.select("image_id", category=pl.col("label").replace_strict(names, return_dtype=pl.String))
