"""What a model is to everybody who does not train it: rows in, probabilities of categories out.

What a row is, `input` says: a feature vector, or a prepared picture. Which library fitted the model, only its adapter
knows (see `sklearn_model`), and the module that reads and writes the files of its `format`.
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import numpy as np

Input = Literal["features", "pixels"]
"""What a model is given: feature vectors of an extractor, or pictures as they are."""
ModelFormat = Literal["skops", "safetensors"]
"""What the files of a model are, and how their names end."""
FORMATS: tuple[ModelFormat, ...] = get_args(ModelFormat)


class Model(Protocol):
    """A fitted classifier. Its methods may be called from several threads at once."""

    @property
    def format(self) -> ModelFormat:
        """What its files are."""
        ...

    @property
    def input(self) -> Input:
        """What a row is."""
        ...

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Of one row: `(D,)` of D features, `(height, width, 3)` of pixels."""
        ...

    @property
    def classes(self) -> np.ndarray:
        """int [K], the labels that it tells apart, ascending."""
        ...

    @property
    def trained_rows(self) -> int:
        """Images that it was fitted to."""
        ...

    @property
    def converged(self) -> bool:
        """Whether training ended by itself and not at its limit of iterations."""
        ...

    def standardised(self, rows: np.ndarray) -> np.ndarray:
        """Rows [N, *row_shape] as they lie beside those that it was fitted to, which have mean 0 and deviation 1."""
        ...

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """float [N], how long rows [N, *row_shape] are as they are transformed but not standardised."""
        ...

    def rows_like(self, standardised: np.ndarray) -> np.ndarray:
        """The rows that `standardised` makes these of, float [N, *row_shape]."""
        ...

    @property
    def weights(self) -> np.ndarray | None:
        """float64 [*row_shape], not negative: how much it depends on each number of a row; None where it cannot say."""
        ...

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """The probabilities of `classes` for rows [N, *row_shape]: float [N, K], of the precision it calculates in."""
        ...

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """int [N], the label that each row most probably has."""
        ...

    def familiarity(self, rows: np.ndarray, answers: np.ndarray) -> np.ndarray | None:
        """float32 [N] in [0, 1], the share of good images of sources it never saw that look less familiar than a row.

        None where it cannot say: nothing was kept for that when it was made.

        Args:
            rows: [N, *row_shape].
            answers: int [N], the places among `classes` of what it takes them for.
        """
        ...
