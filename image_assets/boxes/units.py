"""A unit of cutting: one file of `raw_images` with its boxes becomes one file of `image_chips` and one of
`box_quarantine`, under a name derived from both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.boxes.crop import SIDES, BoxFlaw, chip_id, chip_png, flaws, pixel_box
from image_assets.engine import Engine, Unit
from image_assets.ingest.annotated.joining import belongs_to
from image_assets.ingest.decode import decode
from image_assets.schema import BOX_QUARANTINE, IMAGE_CHIPS, Partition
from image_assets.settings.stages import Limits
from image_assets.workers import Progress, no_progress, ordered_map
from io_managers.delta_tables import PartitionedTable
from io_managers.parquet_files import WrittenFile

# Part of every unit's name: raised whenever the same images and boxes would give other chips.
_VERSION = 1
_READ_IMAGES = 32
# What a worker cuts at a time. An image of many boxes is decoded for each lot, and memory stays small.
_LOT_BOXES = 32
_DETAILS = {
    BoxFlaw.NOT_FINITE: "a side is missing or no number",
    BoxFlaw.OUTSIDE: "a side is below 0 or above 1, so beyond the picture",
    BoxFlaw.EMPTY: "a side is at the other one or beyond it, so there is nothing in between",
    BoxFlaw.REPEATED: "the image has this box with this label already",
}


@dataclass(frozen=True)
class CutUnit:
    """The two files of a finished unit."""

    chips: WrittenFile
    quarantine: WrittenFile


@dataclass(frozen=True)
class Cutter:
    """What units are cut with: one per partition."""

    raw_images: PartitionedTable
    image_boxes: PartitionedTable
    chips: PartitionedTable
    quarantine: PartitionedTable
    partition: Partition
    limits: Limits


def cut_units(
    images: Sequence[WrittenFile],
    boxes: Sequence[WrittenFile],
    cutter: Cutter,
    engine: Engine,
    progress: Progress = no_progress,
) -> list[CutUnit]:
    """Cut out every box of the images, file by file; finished units are not touched.

    Args:
        images: Files of `raw_images`.
        boxes: Files of `image_boxes`.
        cutter: The tables.
        engine: Where the units run.
        progress: Told the boxes done.

    Raises:
        Rejected: an image is outside the dataset's limits, which have changed since it was loaded.
        UnitLost: as `Engine.run`.
    """
    pairs = [(image, box) for image in images for box in boxes if belongs_to(box, image)]
    found = [_find_unit(image, box, cutter) for image, box in pairs]
    missing = [pair for pair, unit in zip(pairs, found, strict=True) if unit is None]
    total = sum(box.rows for _, box in pairs)
    there = total - sum(box.rows for _, box in missing)
    units = [
        Unit(f"the chips of {image.path}", box.rows, partial(_cut_unit, image, box, cutter)) for image, box in missing
    ]
    made = iter(engine.run(units, lambda done, _: progress(there + done, total)))
    return [unit or next(made) for unit in found]


def _unit_name(image: WrittenFile, box: WrittenFile) -> str:
    return hashlib.sha256(f"{_VERSION} {image.path} {box.path}".encode()).hexdigest()[:32]


def _find_unit(image: WrittenFile, box: WrittenFile, cutter: Cutter) -> CutUnit | None:
    name = _unit_name(image, box)
    chips = cutter.chips.find_file(cutter.partition, name)
    refused = cutter.quarantine.find_file(cutter.partition, name)
    return CutUnit(chips, refused) if chips is not None and refused is not None else None


def _cut_unit(image: WrittenFile, box: WrittenFile, cutter: Cutter, threads: int, progress: Progress) -> CutUnit:
    name = _unit_name(image, box)
    rows = _boxes(box, cutter)
    rows = rows.with_columns(flaws(rows).alias("reason"))
    sound = rows.filter(pl.col("reason").is_null()).drop("reason")
    batches = _chips(image, sound, cutter, threads, progress)
    chips = cutter.chips.write_file(cutter.partition, name, batches)
    refused = cutter.quarantine.write_file(cutter.partition, name, _refused(rows).to_batches())
    return CutUnit(chips, refused)


def _boxes(file: WrittenFile, cutter: Cutter) -> pl.DataFrame:
    schema = cutter.image_boxes.schema.file_schema
    table = pa.Table.from_batches(cutter.image_boxes.files.read(file.path, schema.names), schema)
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.sort("image_id", "box")


def _refused(rows: pl.DataFrame) -> pa.Table:
    refused = rows.filter(pl.col("reason").is_not_null())
    detailed = refused.with_columns(
        detail=pl.concat_str(
            pl.col("reason").replace_strict(
                {str(flaw): said for flaw, said in _DETAILS.items()}, return_dtype=pl.String
            ),
            pl.lit(": "),
            pl.format("xmin {}, xmax {}, ymin {}, ymax {}", *SIDES),
        )
    )
    schema = BOX_QUARANTINE.file_schema
    return detailed.to_arrow().select(schema.names).cast(schema)


def _chips(
    file: WrittenFile, boxes: pl.DataFrame, cutter: Cutter, threads: int, progress: Progress
) -> Iterator[pa.RecordBatch]:
    done = 0
    lots = _lots(file, boxes, cutter)
    for rows in ordered_map(partial(_cut, cutter.limits), lots, threads, waiting_per_worker=2):
        done += rows.num_rows
        progress(done, boxes.height)
        yield rows


def _lots(file: WrittenFile, boxes: pl.DataFrame, cutter: Cutter) -> Iterator[tuple[bytes, list[dict]]]:
    """Images with some of their boxes, in the order of the images."""
    ends = boxes.group_by("image_id", maintain_order=True).len()
    starts = dict(zip(ends["image_id"], ends["len"].cum_sum() - ends["len"], strict=True))
    counts = dict(ends.iter_rows())
    for batch in cutter.raw_images.files.read(file.path, ["image_id", "content"], _READ_IMAGES):
        for image_id, content in zip(batch["image_id"].to_pylist(), batch["content"], strict=True):
            for first in range(0, counts.get(image_id, 0), _LOT_BOXES):
                some = min(_LOT_BOXES, counts[image_id] - first)
                yield content.as_py(), boxes.slice(starts[image_id] + first, some).to_dicts()


def _cut(limits: Limits, lot: tuple[bytes, list[dict]]) -> pa.RecordBatch:
    content, boxes = lot
    pixels = decode(content, limits).pixels
    return pa.RecordBatch.from_pylist([_chip(pixels, box) for box in boxes], schema=IMAGE_CHIPS.file_schema)


def _chip(pixels: np.ndarray, box: dict) -> dict:
    height, width, _ = pixels.shape
    sides = [box[side] for side in SIDES]
    place = pixel_box(sides, width, height)
    png = chip_png(pixels, place)
    return {
        **box,
        "chip_id": chip_id(png, box["image_id"], box["label_code"], sides),
        "left": place.left,
        "upper": place.upper,
        "right": place.right,
        "lower": place.lower,
        "content": png,
    }
