"""A unit of cutting: one file of `raw_images` with its boxes becomes one file of `image_chips` and one of
`box_quarantine`, under a name derived from both and from the sizes that the annotations give the images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.boxes.crop import SIDES, BoxFlaw, chip_id, chip_png, flaws, pixel_box
from image_assets.boxes.frames import PictureSize, Reach, drawn_on, turned_sides
from image_assets.engines.engine import Engine, Unit, finished_or_made
from image_assets.engines.pieces import made_in_order, spans
from image_assets.images.decode import decode
from image_assets.ingest.annotated.joining import belongs_to
from image_assets.schema import BOX_QUARANTINE, IMAGE_BOXES, IMAGE_CHIPS, Partition, TableSchema
from image_assets.settings.stages import Limits
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, no_progress, ordered_map

# Part of every unit's name: raised whenever the same images and boxes would give other chips.
_VERSION = 2
_READ_IMAGES = 32
# What a worker cuts at a time. An image of many boxes is decoded for each lot, and memory stays small.
_LOT_BOXES = 32
_DETAILS = {
    BoxFlaw.NOT_FINITE: "a side is missing or no number",
    BoxFlaw.OUTSIDE: "a side is below 0 or above 1, so beyond the picture",
    BoxFlaw.EMPTY: "a side is at the other one or beyond it, so there is nothing in between",
    BoxFlaw.REPEATED: "the image has this box with this label already",
    BoxFlaw.ORIENTATION: "whether it was drawn on the upright picture or on a turned one is not certain",
    BoxFlaw.OTHER_SIZE: "it was drawn on a picture of another shape",
}
Sizes = Mapping[str, tuple[PictureSize, ...]]
"""Image id → the sizes that the annotations give the image; images of which they give none may be absent."""


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
    sizes: Sequence[Sizes],
    cutter: Cutter,
    engine: Engine,
    progress: Progress = no_progress,
) -> list[CutUnit]:
    """Cut out every box of the images, file by file; finished units are not touched.

    Args:
        images: Files of `raw_images`.
        boxes: Files of `image_boxes`.
        sizes: What the annotations say of the images of each file of `images`.
        cutter: The tables.
        engine: Where the units run.
        progress: Told the boxes done.

    Raises:
        Rejected: an image is outside the dataset's limits, which have changed since it was loaded.
        UnitLost: as `Engine.run`.
    """
    jobs = [
        _Job(image, box, declared, cutter)
        for image, declared in zip(images, sizes, strict=True)
        for box in boxes
        if belongs_to(box, image)
    ]
    units = [Unit(f"the chips of {job.images.path}", job.boxes.rows, partial(_cut_unit, job)) for job in jobs]
    return finished_or_made(units, [_find_unit(job) for job in jobs], engine, progress)


@dataclass(frozen=True)
class _Job:
    """What becomes a unit: a file of `raw_images`, that of its boxes, and the declared sizes of its images."""

    images: WrittenFile
    boxes: WrittenFile
    sizes: Sizes
    cutter: Cutter

    @property
    def name(self) -> str:
        made_of = f"{_VERSION} {self.images.path} {self.boxes.path} {json.dumps(sorted(self.sizes.items()))}"
        return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def _find_unit(job: _Job) -> CutUnit | None:
    chips = job.cutter.chips.find_file(job.cutter.partition, job.name)
    refused = job.cutter.quarantine.find_file(job.cutter.partition, job.name)
    return CutUnit(chips, refused) if chips is not None and refused is not None else None


def _cut_unit(job: _Job, threads: int, progress: Progress) -> CutUnit:
    cutter = job.cutter
    rows = _boxes(job.boxes, cutter)
    rows = rows.with_columns(flaws(rows).alias("reason"))
    sound = rows.filter(pl.col("reason").is_null()).drop("reason")
    refused = [_refused(rows)]
    with made_in_order(_cut_piece, _pieces(job, sound, threads), threads) as steps:
        batches = _told(steps, refused, sound.height, progress)
        chips = cutter.chips.write_file(cutter.partition, job.name, batches)
    return CutUnit(chips, cutter.quarantine.write_file(cutter.partition, job.name, refused))


def _boxes(file: WrittenFile, cutter: Cutter) -> pl.DataFrame:
    rows = cutter.image_boxes.files.frames(file.path, IMAGE_BOXES.file_schema.names)
    return pl.concat([IMAGE_BOXES.no_rows(), *rows]).sort("image_id", "box")


def _refused(rows: pl.DataFrame) -> pa.RecordBatch:
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
    table = detailed.to_arrow().select(schema.names).cast(schema).combine_chunks()
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=schema)


def _told(
    steps: Iterable[tuple[pa.RecordBatch, pa.RecordBatch]],
    refused: list[pa.RecordBatch],
    total: int,
    progress: Progress,
) -> Iterator[pa.RecordBatch]:
    done = 0
    for chips, others in steps:
        done += chips.num_rows + others.num_rows
        progress(done, total)
        refused.append(others)
        yield chips


@dataclass(frozen=True)
class _Piece:
    """Some images of a job, by their rows, and the sound boxes of these."""

    job: _Job
    images: range
    boxes: pl.DataFrame


def _pieces(job: _Job, boxes: pl.DataFrame, threads: int) -> list[_Piece]:
    parts = spans(job.images.rows, _READ_IMAGES, threads)
    if len(parts) == 1:
        return [_Piece(job, parts[0], boxes)]
    frames = job.cutter.raw_images.files.frames(job.images.path, ["image_id"])
    ids = pl.concat([rows["image_id"] for rows in frames])
    # Batches end with row groups, so one may reach beyond the rows of its piece.
    beyond = _READ_IMAGES
    return [
        _Piece(
            replace(job, sizes={one: job.sizes[one] for one in near if one in job.sizes}),
            part,
            boxes.filter(pl.col("image_id").is_in(near.implode())),
        )
        for part in parts
        for near in [ids[part.start : part.stop + beyond]]
    ]


@dataclass(frozen=True)
class _Lot:
    """Some boxes of an image."""

    content: bytes
    sizes: tuple[PictureSize, ...]
    reach: Reach
    boxes: list[dict]


def _cut_piece(piece: _Piece, threads: int) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """The chips of every lot, and the boxes of it that are refused."""
    return ordered_map(partial(_cut, piece.job.cutter.limits), _lots(piece), threads, waiting_per_worker=2)


def _lots(piece: _Piece) -> Iterator[_Lot]:
    """Images with some of their boxes, in the order of the images."""
    job, boxes = piece.job, piece.boxes
    ends = boxes.group_by("image_id", maintain_order=True).agg(
        pl.len(), right=pl.col("xmax").max(), lower=pl.col("ymax").max()
    )
    ends = ends.with_columns(start=pl.col("len").cum_sum() - pl.col("len"))
    of_image = {row["image_id"]: row for row in ends.iter_rows(named=True)}
    files = job.cutter.raw_images.files
    for batch in files.read(job.images.path, ["image_id", "content"], _READ_IMAGES, piece.images):
        for image_id, content in zip(batch["image_id"].to_pylist(), batch["content"], strict=True):
            if image_id not in of_image:
                continue
            its = of_image[image_id]
            for first in range(0, its["len"], _LOT_BOXES):
                some = boxes.slice(its["start"] + first, min(_LOT_BOXES, its["len"] - first)).to_dicts()
                reach = Reach(its["right"], its["lower"])
                yield _Lot(content.as_py(), job.sizes.get(image_id, ()), reach, some)


def _cut(limits: Limits, lot: _Lot) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The chips of a lot, and those of its boxes of which it is not certain where they lie on the upright picture."""
    image = decode(lot.content, limits)
    height, width, _ = image.pixels.shape
    drawn = drawn_on(lot.sizes, PictureSize(width, height), image.orientation, lot.reach)
    if not isinstance(drawn, BoxFlaw):
        chips = [_chip(image.pixels, box, drawn) for box in lot.boxes]
        return _batch(chips, IMAGE_CHIPS), _batch([], BOX_QUARANTINE)
    given = ", ".join(f"{size.width:g} × {size.height:g}" for size in lot.sizes) or "none"
    detail = (
        f"{_DETAILS[drawn]}: the annotations give the size {given}, the upright picture has {width} × {height}, "
        f"its EXIF orientation is {image.orientation}"
    )
    refused = [{**box, "reason": str(drawn), "detail": detail} for box in lot.boxes]
    return _batch([], IMAGE_CHIPS), _batch(refused, BOX_QUARANTINE)


def _batch(rows: list[dict], schema: TableSchema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema.file_schema)


def _chip(pixels: np.ndarray, box: dict, orientation: int) -> dict:
    height, width, _ = pixels.shape
    sides = turned_sides([box[side] for side in SIDES], orientation)
    place = pixel_box(sides, width, height)
    png = chip_png(pixels, place)
    return {
        **box,
        **dict(zip(SIDES, sides, strict=True)),
        "chip_id": chip_id(png, box["image_id"], box["label_code"], sides),
        "left": place.left,
        "upper": place.upper,
        "right": place.right,
        "lower": place.lower,
        "content": png,
    }
