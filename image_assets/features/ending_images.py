"""Images that end the process which makes their features: kept in the store, so that loading refuses them.

What belongs here: what the stage says of them. They are found by `engines.ending`, and kept by `ingest.ending_images`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.engines.ending import EndsTheProcess
from image_assets.errors import Explained
from image_assets.ingest.ending_images import EndingImages
from image_assets.schema import Partition
from image_assets.store.store import Store
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.wording import some


class EndingImagesLoaded(Explained, RuntimeError):
    """Images are loaded that end the process which makes their features; the next loading of the day refuses them."""


@contextmanager
def ending_images_kept(
    dataset: DatasetSpec, store: Store, raw_images: PartitionFiles, partition: Partition
) -> Iterator[None]:
    """Within this, features are made; images that end the process which does it are kept as such.

    Raises:
        EndingImagesLoaded: there are such images, or have been since the partition was loaded.
    """
    ending = EndingImages(store, dataset.name)
    known = {name: one.how for name, one in ending.of(dataset.extractor).items() if one.extractor is not None}
    _refuse(known, raw_images, partition)
    try:
        yield
    except EndsTheProcess as found:
        ending.keep(found.images, dataset.extractor)
        _refuse(found.images, raw_images, partition)
        raise


def _refuse(ending: Mapping[str, str], raw_images: PartitionFiles, partition: Partition) -> None:
    if not ending or not raw_images.files:
        return
    rows = raw_images.table.files.scan([file.path for file in raw_images.files]).select("image_id", "source")
    there = rows.filter(pl.col("image_id").is_in(list(ending))).sort("source").collect()
    if there.is_empty():
        return
    named = some(f"{source} ({image_id[:12]}, {ending[image_id]})" for image_id, source in there.iter_rows())
    raise EndingImagesLoaded(
        f"the process that makes the features of these images ends: {named}; run {partition} again, which puts them "
        "into quarantine, or where its files are gone, remove them with `image-assets remove`"
    )
