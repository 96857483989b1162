"""Prepared pictures as Keras takes them, a few at a time, in an order that the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import keras
import numpy as np

from image_assets.networks.pixel_file import PixelRows
from image_assets.networks.pixels import as_floats

Pairs = Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]]
"""Of pictures, float32 [n, H, W, C], their places, int [n], and the epoch: what a network is given, and the answer."""


@dataclass(frozen=True)
class Pictures:
    """Pictures with what a network is to answer.

    Attributes:
        rows: N pictures.
        pairs: What is made of some of them; the same of the same arguments, whatever was asked before.
        digest: Changes with whatever is among them: ids, answers, what is made of them.
        batch: How many at a time.
        shuffled_by: Seed of the order, which is another in every epoch; None: as they are.
    """

    rows: PixelRows
    pairs: Pairs
    digest: str
    batch: int
    shuffled_by: int | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return ceil(len(self.rows) / self.batch)

    def epoch(self, number: int) -> keras.utils.PyDataset:
        """All pictures once, in the order of an epoch, from 0."""
        order = np.arange(len(self.rows))
        if self.shuffled_by is not None:
            order = np.random.default_rng((self.shuffled_by, number)).permutation(len(self.rows))
        return _Epoch(self, order, number)


def with_labels(labels: np.ndarray) -> Pairs:
    """What a classifier is given: the pictures, and the places of their classes, int32 [N]."""
    answers = labels.astype(np.int32)
    return lambda pictures, places, _: (pictures, answers[places])


class _Epoch(keras.utils.PyDataset):
    def __init__(self, pictures: Pictures, order: np.ndarray, number: int) -> None:
        # A thread reads the next batch while the network works; more would only wait for the cores.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self._pictures, self._order, self._number = pictures, order, number

    def __len__(self) -> int:
        return self._pictures.steps

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        size = self._pictures.batch
        places = self._order[step * size : (step + 1) * size]
        return self._pictures.pairs(as_floats(self._pictures.rows[places].read()), places, self._number)
