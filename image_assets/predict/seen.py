"""Whether a model may have learnt from an image that it is asked about: then its answer is no test of it."""

from __future__ import annotations

from threading import Lock

import numpy as np
import polars as pl

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.store.models.model_store import ModelMissingError, ModelRefusedError, manifest_of
from image_assets.store.store import Store

_KEPT = 4  # models: the champions of both kinds, and those before them while they are switched
_DIGITS = 16  # of an id, as a number of 64 bits: two images share them by chance once in 10^19 pairs


class SeenImages:
    """The images of the days and categories that a model was trained on. May be asked from several threads at once.

    Images are those that are loaded when a model is first asked about; eight bytes of each are held in memory.
    """

    def __init__(self, dataset: DatasetSpec, store: Store) -> None:
        """Nothing is read yet."""
        self._dataset, self._store = dataset, store
        self._lock = Lock()
        self._ids: dict[str, np.ndarray] = {}

    def holds(self, model: str, image_id: str) -> bool | None:
        """Whether an image is of a day and category that a model was trained on; None where that is not known.

        Args:
            model: SHA-256 of the model's file.
            image_id: SHA-256 of the image's file.
        """
        with self._lock:
            ids = self._ids.get(model)
            if ids is None:
                ids = self._read(model)
                if ids is None:
                    return None
                self._ids = dict([*self._ids.items(), (model, ids)][-_KEPT:])
        wanted = np.uint64(int(image_id[:_DIGITS], 16))
        place = int(np.searchsorted(ids, wanted))
        return place < len(ids) and bool(ids[place] == wanted)

    def partitions(self, model: str) -> frozenset[Partition] | None:
        """The days and categories that a model was trained on; None where that is not known."""
        for asset in self._dataset.model_assets:
            try:
                manifest = manifest_of(self._store.objects(), models_prefix(self._dataset, asset), model)
            except (ModelMissingError, ModelRefusedError):
                continue
            return frozenset(Partition(day, category) for day, category in manifest.partitions)
        return None

    def _read(self, model: str) -> np.ndarray | None:
        partitions = self.partitions(model)
        if partitions is None:
            return None
        rows = self._store.table(self._dataset.name, RAW_IMAGES).scan(sorted(partitions))
        digits = pl.col("image_id").str.slice(0, _DIGITS).str.to_integer(base=16, dtype=pl.UInt64)
        return rows.select(digits).collect()["image_id"].sort().to_numpy()
