"""Rows of `predictions` by a model that is given the pictures themselves."""

from __future__ import annotations

import polars as pl

from image_assets.networks.pixels import PixelForm, decoded_pictures
from image_assets.predictions.score import Scorer
from image_assets.schema import PREDICTIONS, Partition
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.partition_files import PartitionFiles

_COLUMNS = ["image_id", "label"]
_READ_ROWS = 65_536


def score_pictures(
    scorer: Scorer,
    form: PixelForm,
    partition: Partition,
    image_features: PartitionFiles,
    raw_images: PartitionedTable,
) -> pl.DataFrame:
    """Rows of `predictions` for every image of a partition of `image_features`, by image id.

    A few pictures at a time are decoded and forgotten: memory does not grow with the partition but for ids.

    Args:
        scorer: The model.
        form: What it is given.
        partition: The partition.
        image_features: Its files: which images are scored, and their labels.
        raw_images: The table with their pictures.

    Raises:
        DamagedFile: a file is not as it was written.
    """
    reader = image_features.table.files
    files = [reader.frames(file.path, _COLUMNS, _READ_ROWS) for file in image_features.files]
    images = [some.select(_COLUMNS) for frames in files for some in frames]
    if not images:
        return PREDICTIONS.no_rows()
    wanted = pl.concat(images).with_columns(date=pl.lit(partition.date), category=pl.lit(partition.category))
    parts = [PREDICTIONS.no_rows()]
    for ids, pictures in decoded_pictures(raw_images, wanted, form):
        some = pl.DataFrame({"image_id": ids}).join(wanted, on="image_id", maintain_order="left")
        parts.append(scorer.rows_of(some, pictures))
    return pl.concat(parts).sort("image_id")
