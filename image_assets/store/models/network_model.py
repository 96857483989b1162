"""A network on pixels as a `Model`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, Protocol

import keras
import numpy as np
from pydantic import Field, model_validator

from image_assets.settings.networks import CnnPreset, Colour, Side
from image_assets.settings.section import Strict
from image_assets.store.models.model import Input, ModelFormat

_BATCH = 32


class NetworkDescription(Strict):
    """What a network's file says of it beside its numbers."""

    format: Literal[1] = 1
    preset: CnnPreset
    size: Side
    colour: Colour
    classes: tuple[int, ...] = Field(min_length=2, description="The labels that it tells apart, ascending.")
    temperature: float = Field(gt=0, allow_inf_nan=False, description="What its log odds are divided by.")
    trained_rows: int = Field(ge=0, description="Images that it was fitted to.")
    converged: bool = Field(description="Whether training ended because the validation became no better.")

    @model_validator(mode="after")
    def _labels_ascend(self) -> NetworkDescription:
        if list(self.classes) != sorted(set(self.classes)):
            raise ValueError(f"classes {self.classes} do not ascend")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a picture: height, width, channels."""
        return self.size, self.size, 1 if self.colour == "grey" else 3


class PictureRows(Protocol):
    """Pictures that are read some at a time."""

    def __len__(self) -> int:
        """How many."""
        ...

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """All of them in order, uint8 [at most size, H, W, C] each."""
        ...


@dataclass(frozen=True)
class NetworkModel:
    """A fitted network, see `Model`. Rows are prepared pictures: uint8, or float in [0, 1]; or `PictureRows`.

    Attributes:
        network: From pictures, float [N, H, W, C] in [0, 1], to probabilities [N, K].
        about: What it is.
    """

    network: keras.Model
    about: NetworkDescription
    format: ModelFormat = "safetensors"
    input: Input = "pixels"
    # The library builds what it runs at the first question, and keeps it in the network.
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """See `Model`."""
        return self.about.shape

    @property
    def classes(self) -> np.ndarray:
        """See `Model`."""
        return np.array(self.about.classes, np.int64)

    @property
    def trained_rows(self) -> int:
        """See `Model`."""
        return self.about.trained_rows

    @property
    def converged(self) -> bool:
        """See `Model`."""
        return self.about.converged

    def standardised(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`. A network standardises nothing: brightness as it is, float32 in [0, 1]."""
        return _floats(rows)

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`."""
        return np.linalg.norm(_floats(rows).reshape(len(rows), -1), axis=1)

    def rows_like(self, standardised: np.ndarray) -> np.ndarray:
        """See `Model`."""
        return standardised

    @property
    def weights(self) -> np.ndarray | None:
        """See `Model`: it cannot say, for a picture's subject may be anywhere."""
        return None

    def predict_proba(self, rows: np.ndarray | PictureRows) -> np.ndarray:
        """See `Model`."""
        parts = [self._answers(batch) for batch in _batches(rows)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.about.classes)))

    def predict(self, rows: np.ndarray | PictureRows) -> np.ndarray:
        """See `Model`."""
        return self.classes[self.predict_proba(rows).argmax(axis=1)]

    def familiarity(self, rows: np.ndarray, answers: np.ndarray) -> np.ndarray | None:
        """See `Model`: a network keeps nothing to tell it by."""
        del rows, answers
        return None

    def _answers(self, pictures: np.ndarray) -> np.ndarray:
        if pictures.shape[1:] != self.about.shape:
            raise ValueError(f"expected pictures of shape {self.about.shape}; found {pictures.shape[1:]}")
        with self._lock:
            found = np.asarray(self.network.predict_on_batch(_floats(pictures)), np.float64)
        return tempered(found, self.about.temperature)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [N, K] with their log odds divided by a temperature: float64, each row's sum 1."""
    powers = np.maximum(probabilities, np.finfo(np.float64).tiny) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def _batches(rows: np.ndarray | PictureRows) -> Iterator[np.ndarray]:
    if isinstance(rows, np.ndarray):
        return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    return rows.batches(_BATCH)


def _floats(pictures: np.ndarray) -> np.ndarray:
    return pictures.astype(np.float32) / np.float32(255) if pictures.dtype == np.uint8 else pictures
