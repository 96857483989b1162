"""What a region of the map is called: by the category and the label of ImageNet that it has more of than the map."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

_LEAST = 1 / 3  # of a region's images, for a category or label to stand for it
_LONGEST = 24  # letters of a label


@dataclass(frozen=True)
class Part:
    """What many images of a region have: its name, its share of the region and of all images, 0 … 1."""

    name: str
    share: float
    of_all: float


@dataclass(frozen=True)
class NamedRegion:
    """A region, as people are told of it.

    Attributes:
        number: Its number.
        name: Of all regions of a map no two have the same.
        images: That lie in it.
        x: Of its middle, which is the place of an image.
        y: Likewise.
        radius: Half of the images are no farther from the middle.
        category: That it is called by.
        label: The label of ImageNet that it is called by; None where none stands for it, or none was asked for.
    """

    number: int
    name: str
    images: int
    x: float
    y: float
    radius: float
    category: Part
    label: Part | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def named_regions(
    regions: np.ndarray, places: np.ndarray, categories: pl.Series, labels: pl.Series | None = None
) -> list[NamedRegion]:
    """Name regions, in the order of their numbers; those that no image lies in any more are left out.

    Args:
        regions: Of each image, int [N]; -1 in none.
        places: Of the images, float [N, 2].
        categories: Of the images.
        labels: The first label of ImageNet of each, null where there is none.
    """
    rows = pl.DataFrame({"region": regions.astype(np.int32), "category": categories})
    rows = rows.with_columns(label=labels if labels is not None else pl.lit(None, pl.String))
    inside = rows.filter(pl.col("region") >= 0)
    of_categories, of_labels = (_parts(rows, inside, name) for name in ("category", "label"))
    order = np.argsort(regions, kind="stable")
    numbers, first, counts = np.unique(regions[order], return_index=True, return_counts=True)
    found, names = [], Counter[str]()
    for number, begin, images in zip(numbers.tolist(), first.tolist(), counts.tolist(), strict=True):
        if number < 0:
            continue
        (x, y), radius = _middle(places[order[begin : begin + images]])
        category, label = of_categories[number], of_labels.get(number)
        if label is not None and label.share < _LEAST:
            label = None
        name = f"{category.name}: {_short(label.name)}" if label else category.name
        names[name] += 1
        called = name if names[name] == 1 else f"{name} {names[name]}"
        found.append(NamedRegion(number, called, images, x, y, radius, category, label))
    return found


def first_labels(predictions: pl.LazyFrame, ids: pl.Series) -> pl.Series | None:
    """The first label of ImageNet of each image, null where there is none; None where there is none of any.

    Args:
        predictions: Rows of `imagenet_predictions`; those of chips say nothing of a whole image.
        ids: Of the images.
    """
    whole = predictions.filter(pl.col("chip_id").is_null()).select("image_id", "imagenet_label")
    rows = whole.unique("image_id", keep="first").collect()
    if rows.is_empty():
        return None
    return pl.DataFrame({"image_id": ids}).join(rows, on="image_id", how="left", maintain_order="left")[
        "imagenet_label"
    ]


def _parts(rows: pl.DataFrame, inside: pl.DataFrame, name: str) -> dict[int, Part]:
    """Of each region what stands for it best: what there is most of beside the whole map, by share · ln(share ÷ whole).

    That is its part of the Kullback-Leibler divergence of the region from the map. Where nothing has a third of the
    region, it is what there is most of.
    """
    all_of = rows.filter(pl.col(name).is_not_null()).group_by(name).agg(of_all=pl.len() / max(rows.height, 1))
    counts = inside.filter(pl.col(name).is_not_null()).group_by("region", name).len()
    counts = counts.join(inside.group_by("region").agg(images=pl.len()), on="region").join(all_of, on=name)
    shares = counts.with_columns(share=pl.col("len") / pl.col("images"))
    beyond = pl.col("share") * (pl.col("share") / pl.col("of_all")).log()
    scored = shares.with_columns(score=pl.when(pl.col("share") >= _LEAST).then(beyond).otherwise(pl.lit(-np.inf)))
    best = scored.sort(["score", "share", name], descending=[True, True, False]).unique(
        "region", keep="first", maintain_order=True
    )
    return {row["region"]: Part(row[name], row["share"], row["of_all"]) for row in best.iter_rows(named=True)}


def _middle(places: np.ndarray) -> tuple[tuple[float, float], float]:
    """The point nearest to the median, which itself may lie in a hole; and how far half of the others are."""
    x, y = places[np.argmin(np.square(places - np.median(places, axis=0)).sum(1))].tolist()
    return (x, y), float(np.median(np.hypot(*(places - (x, y)).T)))


def _short(label: str) -> str:
    """The first synonym of a label."""
    first = label.split(",")[0]
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
