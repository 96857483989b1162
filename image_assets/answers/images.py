"""What is known of one image, or of a few?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from image_assets.answers.neighbours import UnknownImage
from image_assets.dataset import DatasetSpec
from image_assets.marks.decisions import standing
from image_assets.marks.record import What, located
from image_assets.schema import (
    DUPLICATE_GROUPS,
    LABEL_SUSPECTS,
    METRIC_COLUMNS,
    PREDICTIONS,
    RAW_IMAGES,
    REVIEWS,
    Partition,
)
from image_assets.store.store import Store
from image_assets.store.thumbnails import thumbnails_of

_FILE = ("source", "format", "width", "height", "bytes")
_METRICS = tuple(column.name for column in METRIC_COLUMNS if column.name != "perceptual_hash")
_PREDICTED = ("predicted_category", "probability", "margin", "unknown")


class Said(NamedTuple):
    """What counts of what people said of an image: that it is right, belongs nowhere, or under a category."""

    what: What
    category: str | None


@dataclass(frozen=True)
class ImageFacts:
    """An image that is loaded.

    Attributes:
        image_id: Of the image.
        partition: Where it lies: the day on which it arrived, and under which category.
        file: Its source, format, width, height and bytes.
        metrics: Brightness, sharpness and the like.
        said: What counts of what people said of it; None where nobody said anything.
        history: All that was said, the latest first: category, belongs, reviewer, at, batch, withdrawn.
        prediction: What the classifier took it for when it came; None where it did not yet.
        suspect: Why it is among the suspects; None where it is not.
        alike: Ids of the images that look like it.
    """

    image_id: str
    partition: Partition
    file: Mapping[str, Any]
    metrics: Mapping[str, float | bool]
    said: Said | None
    history: tuple[Mapping[str, Any], ...]
    prediction: Mapping[str, Any] | None
    suspect: Mapping[str, Any] | None
    alike: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer of `/v1/images/{image_id}`."""
        return {
            "image_id": self.image_id,
            **self.partition.as_json(),
            **self.file,
            "metrics": dict(self.metrics),
            "said": None if self.said is None else self.said._asdict(),
            "history": [{**one, "at": one["at"].isoformat()} for one in self.history],
            "prediction": self.prediction,
            "suspect": self.suspect,
            "alike": list(self.alike),
        }


def facts_of(dataset: DatasetSpec, store: Store, image_id: str) -> ImageFacts:
    """Everything that the tables hold of an image.

    Raises:
        UnknownImage: it is not loaded.
    """
    partition = place_of_image(dataset, store, image_id)
    raw = store.table(dataset.name, RAW_IMAGES).scan([partition]).filter(image_id=image_id)
    row = raw.select(*_FILE, *_METRICS).collect().row(0, named=True)
    predicted = store.table(dataset.name, PREDICTIONS).scan([partition]).filter(image_id=image_id)
    suspects = store.table(dataset.name, LABEL_SUSPECTS).scan().filter(image_id=image_id)
    groups = store.table(dataset.name, DUPLICATE_GROUPS).scan()
    group = groups.filter(image_id=image_id).select("group_id")
    alike = groups.join(group, on="group_id").filter(pl.col("image_id") != image_id).collect()
    return ImageFacts(
        image_id,
        partition,
        {name: row[name] for name in _FILE},
        {name: row[name] for name in _METRICS},
        said_of(dataset, store, {image_id: partition}).get(image_id),
        _history(dataset, store, image_id),
        _only(predicted.select(_PREDICTED)),
        _only(suspects.select("kind", "score", "suggested_category", "probability")),
        tuple(alike["image_id"].sort()),
    )


def place_of_image(dataset: DatasetSpec, store: Store, image_id: str) -> Partition:
    """Where an image lies. Raises `UnknownImage` where it is not loaded."""
    found = located(dataset, store, pl.Series("image_id", [image_id], dtype=pl.String))
    if found.is_empty():
        raise UnknownImage(f"{image_id}: no such image is loaded in {dataset.name}")
    return Partition(found["date"][0], found["category"][0])


def content_of_image(dataset: DatasetSpec, store: Store, image_id: str) -> tuple[str, bytes]:
    """An image's format and its file. Raises as `place_of_image`."""
    partition = place_of_image(dataset, store, image_id)
    raw = store.table(dataset.name, RAW_IMAGES).scan([partition]).filter(image_id=image_id)
    return raw.select("format", "content").collect().row(0)


def thumbnail_of(dataset: DatasetSpec, store: Store, image_id: str) -> bytes:
    """An image's thumbnail, a JPEG file. Raises as `place_of_image`."""
    partition = place_of_image(dataset, store, image_id)
    found = thumbnails_of(store.table(dataset.name, RAW_IMAGES), {image_id: partition})
    if image_id not in found:
        raise UnknownImage(f"{image_id}: it was taken out of {dataset.name} just now")
    return found[image_id]


def said_of(dataset: DatasetSpec, store: Store, places: Mapping[str, Partition]) -> dict[str, Said]:
    """What counts of what people said of images; those of which nobody said anything are left out.

    A mark is of an image under a category: one that lies under another by now, as it was delivered there since, is
    unsaid, as it is for what is published and trained on.

    Args:
        dataset: Whose images.
        store: Where the marks are.
        places: Image id → where it lies.
    """
    wanted = pl.Series(list(places), dtype=pl.String)
    reviews = store.table(dataset.name, REVIEWS).scan().collect()
    marks = standing(reviews).filter(pl.col("image_id").is_in(wanted.implode()))
    found: dict[str, Said] = {}
    for image, part in marks.group_by("image_id"):
        name, belongs = str(image[0]), dict(part.select("category", "belongs").iter_rows())
        right = [category for category, yes in belongs.items() if yes]
        here = belongs.get(places[name].category)
        if here is None:
            continue
        if here:
            found[name] = Said("check", None)
        else:
            found[name] = Said("label", right[0]) if len(right) == 1 else Said("exclude", None)
    return found


def _history(dataset: DatasetSpec, store: Store, image_id: str) -> tuple[Mapping[str, Any], ...]:
    rows = store.table(dataset.name, REVIEWS).scan().filter(image_id=image_id).collect()
    shown = rows.sort("decided_at", "category", descending=[True, False]).rename({"decided_at": "at"})
    return tuple(shown.drop("image_id").iter_rows(named=True))


def _only(rows: pl.LazyFrame) -> Mapping[str, Any] | None:
    found = rows.collect()
    return None if found.is_empty() else found.row(0, named=True)
