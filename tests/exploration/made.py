"""Statistics' raw material of any size, made up: rows of tables, labels and boxes."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.exploration.label_statistics import Annotations
from image_assets.exploration.statistics import ImageStatistics, statistics_of

START = dt.date(2026, 11, 1)


def image_rows(images: int, categories: int, days: int = 1, seed: int = 0) -> pa.Table:
    """Rows of `raw_images` as the statistics read them; the n-th category has about 1/n as many as the first."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, categories + 1)
    category = random.choice(categories, images, p=shares / shares.sum())
    day = random.integers(0, days, images)
    width = np.where(random.random(images) < 0.7, random.choice([640, 1024, 4000], images), 0)
    width = np.where(width, width, random.integers(80, 3000, images))
    shape = random.choice([1, 4 / 3, 3 / 2, 2 / 3], images, p=[0.2, 0.4, 0.3, 0.1])
    height = (width / shape).astype(int)
    return pa.table(
        {
            "format": random.choice(["jpeg", "png", "webp"], images, p=[0.9, 0.08, 0.02]),
            "width": pa.array(width, pa.int32()),
            "height": pa.array(height, pa.int32()),
            "bytes": pa.array((width * height * random.uniform(0.1, 0.4, images)).astype(int), pa.int64()),
            "brightness": pa.array(random.beta(4 + category % 5, 4, images), pa.float32()),
            "contrast": pa.array(random.beta(3, 5, images) / 2, pa.float32()),
            "sharpness": pa.array(np.exp(random.normal(6 + category % 3, 1, images)), pa.float32()),
            "entropy": pa.array(8 * random.beta(9, 2, images), pa.float32()),
            "colourfulness": pa.array(random.gamma(4, 9, images), pa.float32()),
            "date": pa.array([START + dt.timedelta(int(number)) for number in range(days)]).take(pa.array(day)),
            "category": pa.array([f"category-{number + 1:03d}" for number in range(categories)]).take(
                pa.array(category)
            ),
        }
    )


def refused_rows(images: pa.Table) -> pa.Table:
    """Some of the images' days and categories, with reasons."""
    some = images.select(["date", "category"]).slice(0, images.num_rows // 30)
    reasons = np.random.default_rng(0).choice(["not_an_image", "truncated", "empty", "too_small"], some.num_rows)
    return some.append_column("reason", pa.array(reasons))


def feature_rows(images: pa.Table) -> pa.Table:
    """Colour statistics, whose means follow the category."""
    random = np.random.default_rng(1)
    kind = np.array([int(name[-3:]) for name in images["category"].to_pylist()])
    features = random.normal(60 + 25 * (kind % 6)[:, None], 12, (images.num_rows, 18)).clip(0, 179)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(features.ravel().astype(np.float32)), 18)
    return images.select(["date", "category"]).append_column("features", lists.cast(pa.list_(pa.float32())))


def image_statistics(images: int, categories: int, days: int = 1, *, colours: bool = False) -> ImageStatistics:
    """Statistics of made-up images."""
    rows = image_rows(images, categories, days)
    return statistics_of([rows], [refused_rows(rows)], [feature_rows(rows)] if colours else None)


def made_annotations(images: int, labels: int) -> Annotations:
    """Labels and boxes: labels of a group of four come together, rare ones are rare."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, labels + 1) ** 0.8
    first = random.choice(labels, (images, 3), p=shares / shares.sum())
    company = first // 4 * 4 + random.integers(0, 4, first.shape)
    chosen = np.concatenate([first, np.minimum(company, labels - 1)], axis=1)
    frame = pl.DataFrame(
        {
            "image_id": np.repeat([f"{number:016x}" for number in range(images)], chosen.shape[1]),
            "label": [f"Label {number + 1}" for number in chosen.ravel()],
            "positive": random.random(chosen.size) < 0.7,
            "subset": np.repeat(
                random.choice(["train", "validation", "test"], images, p=[0.7, 0.2, 0.1]), chosen.shape[1]
            ),
        }
    )
    corners = np.sort(random.beta(1, 1.5, (frame.height, 2, 2)), axis=2)
    boxes = frame.select("image_id", "label").with_columns(
        xmin=corners[:, 0, 0], xmax=corners[:, 0, 1], ymin=corners[:, 1, 0], ymax=corners[:, 1, 1]
    )
    return Annotations(frame.lazy(), boxes.lazy())
