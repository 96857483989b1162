"""The sizes that annotations give the images of a file of `raw_images`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from image_assets.boxes.frames import PictureSize
from image_assets.boxes.units import Sizes
from image_assets.ingest.annotated.matching import Matcher
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile


@dataclass(frozen=True)
class DeclaredSizes:
    """What the annotations of a dataset say.

    Attributes:
        matcher: Finds the image that a file is.
        sizes: Parquet file of key, width and height.
    """

    matcher: Matcher
    sizes: Path

    def of(self, raw_images: PartitionedTable, file: WrittenFile) -> Sizes:
        """The sizes of the images of a file."""
        keys: dict[str, str] = {}
        for batch in raw_images.files.read(file.path, ["image_id", "source"]):
            for image_id, source in zip(batch["image_id"].to_pylist(), batch["source"].to_pylist(), strict=True):
                key = self.matcher.key_of(source)
                if key is not None:
                    keys[image_id] = key
        rows = pl.scan_parquet(self.sizes, glob=False).filter(pl.col("key").is_in(list(set(keys.values())))).collect()
        found: dict[str, list[PictureSize]] = defaultdict(list)
        for key, width, height in rows.sort("key", "width", "height").iter_rows():
            found[key].append(PictureSize(width, height))
        return {image_id: tuple(found[key]) for image_id, key in keys.items() if key in found}


def of_other_sizes(raw_images: PartitionedTable, file: WrittenFile, sizes: Sizes) -> int:
    """How many images of a file have another size than the annotations give them."""
    number = 0
    for batch in raw_images.files.read(file.path, ["image_id", "width", "height"]):
        for image_id, width, height in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += any(size != PictureSize(width, height) for size in sizes.get(image_id, ()))
    return number
