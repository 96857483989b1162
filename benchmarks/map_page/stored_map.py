"""A store of as many images as are asked for, with a map of crowds: rows are drawn, pictures are a few that repeat."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import obstore
import polars as pl
import yaml
from obstore.store import ObjectStore
from PIL import Image

from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.embedding.kept_regions import FOLDER, regions_name, written
from image_assets.embedding.regions import regions_of
from image_assets.schema import EMBEDDING, PREDICTIONS, RAW_IMAGES, Partition, TableSchema
from image_assets.store.store import Store

CATEGORIES = ("plant", "animal", "human", "thing", "place")
_FIRST = dt.date(2026, 9, 1)
_CROWDS = 60
_FITTED = 20_000
_FIT = "f" * 64


def stored_map(folder: Path, images: int, days: int = 40) -> DatasetSpec:
    """Write `dataset.yaml` and `store` below a folder, unless they are there.

    Args:
        folder: Where.
        images: So many images.
        days: On so many days, of 5 categories each.
    """
    named = {category: label for label, category in enumerate(CATEGORIES)}
    content = {"name": "drawn", "categories": named, "start_day": _FIRST, "extractor": {"kind": "colour_statistics"}}
    dataset, store = parse_dataset(content, "dataset.yaml"), Store(str(folder / "store"))
    if (folder / "dataset.yaml").is_file():
        return dataset
    random = np.random.default_rng(0)
    middles = random.normal(size=(_CROWDS, 2)) * 45
    places: list[pl.DataFrame] = []
    pictures = [_jpeg(random) for _ in range(64)]
    for number in range(days):
        for label, category in enumerate(CATEGORIES):
            place = number * len(CATEGORIES) + label
            rows = images * (place + 1) // (days * len(CATEGORIES)) - images * place // (days * len(CATEGORIES))
            partition = Partition(_FIRST + dt.timedelta(days=number), category)
            drawn = _rows(random, rows, label, pictures)
            for schema in (RAW_IMAGES, PREDICTIONS):
                _write(store, dataset, schema, partition, drawn)
            crowd = random.integers(0, _CROWDS // len(CATEGORIES), rows) * len(CATEGORIES) + label
            spread = random.normal(size=(rows, 2)) * random.uniform(1, 9, (_CROWDS, 1))[crowd]
            x, y = (middles[crowd] + spread).T.astype(np.float32)
            places.append(drawn.select("image_id", "label").with_columns(x=pl.Series(x), y=pl.Series(y)))
    rows = pl.concat(places).sort("image_id").with_columns(fit=pl.lit(_FIT))
    _write(store, dataset, EMBEDDING, None, rows)
    _keep_regions(store.objects(dataset.name, FOLDER), rows)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return dataset


def _keep_regions(objects: ObjectStore, rows: pl.DataFrame) -> None:
    """The regions of the map, as those of a fit of its first images."""
    content = written(regions_of(rows.select("x", "y").head(_FITTED).to_numpy()))
    obstore.put(objects, regions_name(_FIT), content)
    manifest = {"regions": hashlib.sha256(content).hexdigest()}
    obstore.put(objects, f"{regions_name(_FIT).removesuffix('-regions.npz')}.json", json.dumps(manifest).encode())


def _write(
    store: Store, dataset: DatasetSpec, schema: TableSchema, partition: Partition | None, rows: pl.DataFrame
) -> None:
    table, names = store.table(dataset.name, schema), schema.file_schema.names
    filled = rows.with_columns(pl.lit(None).alias(name) for name in names if name not in rows.columns)
    table.replace(partition, [table.write_frame(partition, filled.select(names))])


def _rows(random: np.random.Generator, rows: int, label: int, pictures: list[bytes]) -> pl.DataFrame:
    """Columns of `raw_images` and of `predictions`; one image in fifteen is taken for another."""
    taken = np.where(random.random(rows) < 1 / 12, random.integers(0, len(CATEGORIES), rows), label)
    picture = pl.Series([pictures[one] for one in random.integers(0, len(pictures), rows)], dtype=pl.Binary)
    metrics = {
        "brightness": 0.5,
        "brightness_p05": random.uniform(0, 0.97, rows),
        "brightness_p99": random.uniform(0.3, 1, rows),
        "contrast": 0.2,
        "sharpness": random.uniform(0, 900, rows),
        "entropy": random.uniform(0.8, 8, rows),
        "colourfulness": 30.0,
    }
    frame = pl.DataFrame(
        {
            "image_id": _ids(random, rows),
            "thumbnail": picture,
            "content": picture,
            "predicted_label": taken.astype(np.int16),
            "predicted_category": np.array(CATEGORIES)[taken],
            "unknown": random.random(rows) < 1 / 40,
            "perceptual_hash": random.integers(-(2**63), 2**63, rows, np.int64),
        }
    )
    return frame.with_columns(
        label=pl.lit(label, pl.Int16),
        source=pl.lit("drawn"),
        format=pl.lit("jpeg"),
        width=pl.lit(64, pl.Int32),
        height=pl.lit(64, pl.Int32),
        bytes=pl.lit(900, pl.Int64),
        greyscale=pl.lit(value=False),
        probability=pl.lit(0.9, pl.Float32),
        margin=pl.lit(0.8, pl.Float32),
        familiarity=pl.lit(0.5, pl.Float32),
        model=pl.lit("0" * 64),
        **{name: pl.Series(np.broadcast_to(value, rows).astype(np.float32)) for name, value in metrics.items()},
    )


def _ids(random: np.random.Generator, rows: int) -> list[str]:
    digits = random.bytes(32 * rows).hex()
    return [digits[start : start + 64] for start in range(0, 64 * rows, 64)]


def _jpeg(random: np.random.Generator) -> bytes:
    coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    coarse.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
