"""A dataset's images, to be searched by features."""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from pathlib import Path
from threading import Event

import numpy as np
import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.features.table import feature_matrix
from image_assets.places import cache_folder
from image_assets.schema import IMAGE_FEATURES
from image_assets.search.kept import KeptIndex
from image_assets.search.layout import DamagedSegment
from image_assets.search.likeness import directions, likenesses
from image_assets.search.nearest import FOUND, Wish, nearest, top
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable

_LOG = logging.getLogger(__name__)
_TRIES = 3
_BATCH_ROWS = 2_048


class ImageSearch:
    """The images of a dataset by their features, those of its extractor. Any number of threads may ask.

    What it has opened stays open, so that a second question costs a fraction of the first.
    """

    def __init__(self, dataset: DatasetSpec, store: Store, folder: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            dataset: Its extractor and what its classifier does with features count.
            store: Where its features are.
            folder: Where the index is kept; by default in the cache. It may be removed at any time.
        """
        self.dataset = dataset
        self._store, self._folder = store, folder
        self._rooted = dataset.classifier.transform == "root"
        self._ending = Event()

    @property
    def extractor(self) -> Extractor:
        """The dataset's. Raises `ExtractorError` where it cannot be used."""
        return shared_extractor(self.dataset.extractor)

    def prepare(self) -> int:
        """Bring the index up to date. Returns how many images it has. Raises as `KeptIndex.days`."""
        return sum(day.segment.head.rows for day in self._index.days())

    def end(self) -> None:
        """Have whoever is making the index stop in a moment; what it has finished is found the next time."""
        self._ending.set()

    def features_of(self, image_id: str, patience: float | None = None) -> np.ndarray | None:
        """float32 [D] of a loaded image; None where it has none of the dataset's extractor. Raises as `like`."""
        for _ in range(_TRIES):
            try:
                for day in self._index.days(patience):
                    if (row := day.segment.row_of(image_id)) is not None:
                        return day.segment.features(np.array([row]))[0]
                return None
            except DamagedSegment as damage:
                self._index.give_up(damage.path)
            except OSError as error:
                self._complain(error)
                break
        rows = self._rows().filter(image_id=image_id).select("features").collect()
        return None if rows.is_empty() else feature_matrix(rows)[0]

    def like(self, features: np.ndarray, wish: Wish, patience: float | None = None) -> pl.DataFrame:
        """The images that are most like one.

        Args:
            features: Of it, float32 [D].
            wish: How many, and which.
            patience: See `KeptIndex.days`.

        Returns:
            `image_id`, `date`, `category` and `similarity`, see `likeness`; the most similar first, ties by id.

        Raises:
            IndexBusy: see there.
            DamagedFile, DamagedLog: the table cannot be read.
            ExtractorError: the dataset's extractor cannot be used.
        """
        (direction,) = directions(features[None], self._rooted)
        for _ in range(_TRIES):
            try:
                return nearest(self._index.days(patience), direction, wish, self._rooted)
            except DamagedSegment as damage:
                self._index.give_up(damage.path)
            except OSError as error:
                self._complain(error)
                break
        return self._compared_with_all(direction, wish)

    def _compared_with_all(self, direction: np.ndarray, wish: Wish) -> pl.DataFrame:
        """The same without an index, at the speed at which the table is read."""
        best = pl.DataFrame(schema=FOUND)
        files = self._table.snapshot()
        for partition in files.partitions():
            if not wish.allows(partition):
                continue
            for file in files.of(partition).written_files():
                for rows in self._table.files.frames(file.path, ["image_id", "features", "extractor"], _BATCH_ROWS):
                    kept = rows.filter(
                        (pl.col("extractor") == self.extractor.digest) & ~pl.col("image_id").is_in(list(wish.besides))
                    )
                    if kept.is_empty() or kept["features"].list.len()[0] != len(direction):
                        continue
                    found = likenesses(directions(feature_matrix(kept), self._rooted), direction)
                    placed = kept.select("image_id", date=pl.lit(partition.date), category=pl.lit(partition.category))
                    best = top([best, placed.with_columns(similarity=pl.Series(found))], wish.number)
        return best

    def _complain(self, error: OSError) -> None:
        _LOG.warning("the index of images cannot be kept, and every search reads all features: %s", error)

    def _rows(self) -> pl.LazyFrame:
        return self._table.scan().filter(pl.col("extractor") == self.extractor.digest)

    @property
    def _table(self) -> PartitionedTable:
        return self._store.table(self.dataset.name, IMAGE_FEATURES)

    @cached_property
    def _index(self) -> KeptIndex:
        folder = self._folder or default_folder(self.dataset, self._store)
        return KeptIndex(self._table, folder, self.extractor.digest, self._rooted, self._ending)


def default_folder(dataset: DatasetSpec, store: Store) -> Path:
    """Where the index of a dataset is kept on this machine. Raises `PlaceError` as `cache_folder`."""
    return cache_folder() / "search" / f"{dataset.name}-{hashlib.sha256(store.url.encode()).hexdigest()[:16]}"
