"""From the image files of `raw_images` to squares of pixels in a file on this machine, each image decoded once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from image_assets.features.decode import all_prepared
from image_assets.features.preprocess import Resize
from image_assets.networks.errors import UnfitDataError
from image_assets.networks.pixel_file import PixelFile, PixelRows, filled
from image_assets.places import cache_folder
from image_assets.schema import Partition
from image_assets.settings.networks import CnnClassifier, Colour, DenoisingAutoencoder
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.workers import Progress, no_progress, ordered_map

# Photos can have many megabytes each, and several batches wait for the threads.
_BATCH_IMAGES = 8
_WAITING_PER_WORKER = 2
# ITU-R BT.601, as Pillow converts to "L": (19595 R + 38470 G + 7471 B + 0x8000) >> 16.
_LUMA = np.array([19_595, 38_470, 7_471], np.uint32)


@dataclass(frozen=True)
class PixelForm:
    """What pictures become: squares that the whole picture fills, its proportions given up.

    Attributes:
        size: Side, pixels.
        colour: What a pixel holds.
    """

    size: int
    colour: Colour

    @classmethod
    def of(cls, spec: CnnClassifier | DenoisingAutoencoder) -> PixelForm:
        """What a network of a dataset file is given."""
        return cls(spec.size, spec.colour)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a prepared picture."""
        return self.size, self.size, 1 if self.colour == "grey" else 3

    @property
    def name(self) -> str:
        """In words, for people."""
        return f"pixels {self.size} × {self.size}, {self.colour}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that makes a prepared picture what it is."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()

    @property
    def settings(self) -> dict[str, object]:
        """All that makes a prepared picture what it is."""
        return {**self._resize.settings, "colour": self.colour, "luma": "BT.601, 16 bits"}

    @cached_property
    def _resize(self) -> Resize:
        return Resize(self.size, "squash")

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """The smallest width and height, pixels, at which a picture of this size may be decoded before `prepare`."""
        return self._resize.sufficient_size(width, height)

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """One RGB image, uint8 `[H, W, 3]`, as uint8 `[size, size, 1 or 3]`; arguments as of `Resize`."""
        resized = self._resize(pixels, whole)
        if self.colour == "rgb":
            return resized
        return ((resized.astype(np.uint32) @ _LUMA + 0x8000) >> 16).astype(np.uint8)[..., None]


def as_floats(pixels: np.ndarray) -> np.ndarray:
    """Prepared pictures as networks take them: uint8 [N, H, W, C] as float32 in [0, 1]; floats as they are."""
    return pixels.astype(np.float32) / np.float32(255) if pixels.dtype == np.uint8 else pixels


def networks_folder(dataset: str, store_url: str) -> Path:
    """The folder on this machine for what networks of a dataset need while they are trained; may be removed."""
    return cache_folder() / "networks" / f"{dataset}-{hashlib.sha256(store_url.encode()).hexdigest()[:12]}"


def pixel_rows(
    raw_images: PartitionedTable,
    images: pl.DataFrame,
    form: PixelForm,
    folder: Path,
    progress: Progress = no_progress,
) -> PixelRows:
    """The prepared pictures of images, in their order, from a file in which each is put once.

    A picture that the file holds already is not decoded again, in whatever run it was put there. The file belongs to
    one form; one process at a time puts pictures into it, and others may read meanwhile.

    Args:
        raw_images: The table of that name: its files are read, a few pictures at a time.
        images: N rows with `image_id`, `date` and `category`, no id twice.
        form: What pictures are to become.
        folder: On this machine; made where it is missing.
        progress: Told the pictures that were decoded, and of how many.

    Raises:
        UnfitDataError: the table does not hold one of the images.
        DamagedFile: a file of the table is not as it was written.
        OSError: there is no room for the pixels; the folder can be moved by IMAGE_ASSETS_CACHE.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = PixelFile(folder / f"{form.size}-{form.colour}-{form.digest[:12]}.pixels", form.shape)

    def decoded(missing: pl.DataFrame) -> Iterator[tuple[list[str], np.ndarray]]:
        done = 0
        for ids, pictures in decoded_pictures(raw_images, missing, form):
            done += len(ids)
            progress(done, missing.height)
            yield ids, pictures

    rows = filled(file, images, decoded)
    absent = [one for one, place in zip(images["image_id"], rows.places.tolist(), strict=True) if place < 0]
    if absent:
        raise UnfitDataError(
            f"{len(absent):,} of {images.height:,} images are not in raw_images, the first is {absent[0]}; "
            "materialise raw_images and image_features of its partition again"
        )
    return rows


def decoded_pictures(
    raw_images: PartitionedTable, images: pl.DataFrame, form: PixelForm
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Ids and uint8 [n, H, W, C] of images, a few at a time as the table has them, decoded on all cores.

    Args:
        raw_images: The table of that name; what it does not hold is left out.
        images: Rows with `image_id`, `date` and `category`, no id twice.
        form: What pictures are to become.
    """

    def prepared(batch: tuple[list[str], list[bytes]]) -> tuple[list[str], np.ndarray]:
        return batch[0], all_prepared(batch[1], form)

    return ordered_map(prepared, _files(raw_images, images), waiting_per_worker=_WAITING_PER_WORKER)


def _files(raw_images: PartitionedTable, images: pl.DataFrame) -> Iterator[tuple[list[str], list[bytes]]]:
    """Ids and image files of images, a few at a time; only their partitions are read."""
    for (day, category), part in sorted(images.partition_by("date", "category", as_dict=True).items()):
        wanted = set(part["image_id"])
        for file in raw_images.partition_files(Partition(day, category)):
            for batch in raw_images.files.read(file.path, ["image_id", "content"], _BATCH_IMAGES):
                ids = batch["image_id"].to_pylist()
                chosen = [row for row, one in enumerate(ids) if one in wanted]
                if chosen:
                    yield [ids[row] for row in chosen], [batch["content"][row].as_py() for row in chosen]
