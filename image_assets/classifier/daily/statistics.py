"""Counts, means and scatter of the classes: kept instead of rows, and merged without a loss.

Two statistics are merged by the pairwise update of Chan, Golub and LeVeque ("Updating Formulae and a Pairwise Algorithm
for Computing Sample Variances", Stanford STAN-CS-79-773, 1979, equation 2.1), class by class: whatever the cut and the
order, what comes out is what one pass over all rows would give, up to rounding. Rows are centred before their products
are summed, so that no digits are lost where means are large beside deviations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.matrix_file import BATCH, MatrixFile
from image_assets.workers import Progress, no_progress, ordered_map


@dataclass(frozen=True)
class ClassStatistics:
    """What a linear model with a common covariance needs to know of the rows.

    Attributes:
        classes: int64 [K], labels in ascending order; some may have no rows.
        counts: int64 [K], rows of each class.
        means: float64 [K, D], zero where there are no rows.
        scatter: float64 [D, D], the sum over all rows of the outer product of their distance to their class's mean:
            the within-class scatter. One matrix serves all classes, for the common covariance is all that is asked for.
    """

    classes: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray

    @property
    def rows(self) -> int:
        """Rows of all classes."""
        return int(self.counts.sum())

    @property
    def width(self) -> int:
        """Columns of a row."""
        return self.means.shape[1]

    @property
    def mean(self) -> np.ndarray:
        """float64 [D], of all rows."""
        return self.counts @ self.means / max(self.rows, 1)

    @property
    def variance(self) -> np.ndarray:
        """float64 [D], of all rows together, with N in the denominator: within the classes and between them."""
        between = self.counts @ (self.means - self.mean) ** 2
        return (self.scatter.diagonal() + between) / max(self.rows, 1)


def no_statistics(classes: Sequence[int] | np.ndarray, width: int) -> ClassStatistics:
    """Of no rows at all: what merging begins with."""
    known = np.unique(np.asarray(classes, dtype=np.int64))
    return ClassStatistics(
        known, np.zeros(len(known), np.int64), np.zeros((len(known), width)), np.zeros((width, width))
    )


def class_statistics(rows: np.ndarray, labels: np.ndarray, classes: Sequence[int] | np.ndarray) -> ClassStatistics:
    """In one pass over rows that are in memory.

    Args:
        rows: float [n, D].
        labels: int [n].
        classes: All labels that there may be.

    Raises:
        ValueError: a label is none of the classes.
    """
    known = np.unique(np.asarray(classes, dtype=np.int64))
    places = np.minimum(np.searchsorted(known, labels), max(len(known) - 1, 0))
    if len(labels) and not (len(known) and np.array_equal(known[places], labels)):
        raise ValueError(f"labels {sorted(set(np.unique(labels).tolist()) - set(known.tolist()))} are none of {known}")
    counts = np.bincount(places, minlength=len(known)).astype(np.int64)
    centred = np.asarray(rows, dtype=np.float64)
    membership = np.zeros((len(known), len(labels)))
    membership[places, np.arange(len(labels))] = 1
    means = membership @ centred / np.maximum(counts, 1)[:, None]
    centred = centred - means[places]
    # A second round takes what rounding has left of the means away from the scatter.
    rest = membership @ centred / np.maximum(counts, 1)[:, None]
    centred -= rest[places]
    return ClassStatistics(known, counts, means + rest, centred.T @ centred)


def merge(one: ClassStatistics, other: ClassStatistics) -> ClassStatistics:
    """Of the rows of both. Raises `ValueError` where they differ in classes or width."""
    if one.width != other.width or not np.array_equal(one.classes, other.classes):
        raise ValueError(
            f"statistics of classes {one.classes.tolist()} × {one.width} features cannot be merged with those of "
            f"{other.classes.tolist()} × {other.width}"
        )
    counts = one.counts + other.counts
    least = np.maximum(counts, 1)
    distance = other.means - one.means
    weight = one.counts * (other.counts / least)
    # Measured from the larger side, so that a side without rows leaves the other's means as they are.
    means = np.where(
        (one.counts >= other.counts)[:, None],
        one.means + distance * (other.counts / least)[:, None],
        other.means - distance * (one.counts / least)[:, None],
    )
    between = (distance * weight[:, None]).T @ distance
    return ClassStatistics(one.classes, counts, means, one.scatter + other.scatter + (between + between.T) / 2)


def statistics_of_file(
    matrix: MatrixFile,
    labels: np.ndarray,
    classes: Sequence[int] | np.ndarray,
    progress: Progress = no_progress,
) -> ClassStatistics:
    """In one pass over rows on disk, on all cores; the result does not depend on how many there are.

    Args:
        matrix: N rows.
        labels: int [N].
        classes: All labels that there may be.
        progress: Told the rows that are done, and of how many.
    """

    def of_span(span: tuple[int, int]) -> tuple[ClassStatistics, int]:
        return class_statistics(matrix.read(*span), labels[span[0] : span[1]], classes), span[1]

    total = no_statistics(classes, matrix.width)
    # The sums of linear algebra depend on how it is divided among threads: here each batch has one.
    with threadpool_limits(limits=1):
        for part, done in ordered_map(of_span, matrix.spans(BATCH), waiting_per_worker=2):
            total = merge(total, part)
            progress(done, matrix.rows)
    return total
