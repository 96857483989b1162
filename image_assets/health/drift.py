"""Whether images of one day come from the same distribution as those of the days before, and which of them do not.

What belongs here: comparing two samples of numbers per image, be they metrics or features. Which days are compared is
said in `health.drift_days`, how much may differ in the dataset file.

Of large samples every difference is significant, and of small ones any figure is large by chance: a figure is an alarm
where it is above its limit and also above what samples of this size from one distribution give once in 10,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from image_assets.settings.quality import Drift

_BINS = 10
_FOLDS = 5
_CHANCE = 0.9999
_DIRECTIONS, _TESTED_DIRECTIONS = 50, 10
_SEED = 0


class Figure(NamedTuple):
    """A measure of difference, and what chance alone would hardly give with samples of these sizes."""

    value: float
    chance: float

    def alarms(self, limit: float) -> bool:
        """Whether the difference is both larger than the limit and no accident."""
        return self.value > max(limit, self.chance)


class ColumnDrift(NamedTuple):
    """How one number per image has changed."""

    name: str
    psi: Figure
    ks: Figure


@dataclass(frozen=True, eq=False)
class DriftReport:
    """How a day differs from a window of other days.

    Attributes:
        columns: One per number, the largest PSI first.
        auc: Of the classifier that tells the day's images from the window's, cross-validated.
        scores: float64 [images of the day]: how unlike the window each is, by a classifier that has not seen it.
    """

    columns: list[ColumnDrift]
    auc: Figure
    scores: np.ndarray

    def alarms(self, limits: Drift) -> list[str]:
        """What is beyond its limit, in words; empty where the day is like the window."""
        found = [f"PSI of {one.name}: {one.psi.value:.2f}" for one in self.columns if one.psi.alarms(limits.psi)]
        found += [f"KS of {one.name}: {one.ks.value:.2f}" for one in self.columns if one.ks.alarms(limits.ks)]
        return [*found, f"AUC: {self.auc.value:.2f}"] if self.auc.alarms(limits.auc) else found


def population_stability_index(window: np.ndarray, day: np.ndarray) -> Figure:
    """PSI: the sum over bins of (p - q) ln(p / q).

    Its distribution by chance, χ² with bins - 1 degrees of freedom times 1 / n + 1 / m: Yurdakul and Naranjo,
    Statistical properties of the population stability index, Journal of Risk Model Validation 14 (2020).

    Args:
        window: [M] values, whose quantiles are the bins' borders; where there are no more than ten different ones, each
            has a bin of its own.
        day: [N] values.
    """
    borders = _borders(window)
    counts = np.stack(
        [np.bincount(np.searchsorted(borders, x, "right"), minlength=len(borders) + 1) for x in (window, day)]
    )
    counts = counts[:, counts.any(axis=0)]
    # Half an image in every bin, so that an empty one is finite.
    shares = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    value = float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())
    freedom = max(1, counts.shape[1] - 1)
    return Figure(value, float(stats.chi2.ppf(_CHANCE, freedom) * (1 / len(window) + 1 / len(day))))


def _borders(window: np.ndarray) -> np.ndarray:
    values = np.unique(window)
    if len(values) <= _BINS:
        return np.sort(np.concatenate([values, np.nextafter(values, np.inf)]))
    return np.unique(np.quantile(window, np.arange(1, _BINS) / _BINS))


def kolmogorov_smirnov(window: np.ndarray, day: np.ndarray) -> Figure:
    """The largest distance between the two cumulative distributions, 0 … 1: an effect size, whatever the counts.

    Args:
        window: [M] values.
        day: [N] values.
    """
    value = float(np.asarray(stats.ks_2samp(window, day, method="asymp"))[0])
    return Figure(value, float(stats.kstwobign.ppf(_CHANCE) * np.sqrt(1 / len(window) + 1 / len(day))))


def domain_auc(window: np.ndarray, day: np.ndarray) -> tuple[Figure, np.ndarray]:
    """How well a logistic regression tells the day from the window: 0.5 not at all, 1 always. Cross-validated.

    Args:
        window: float [M, D].
        day: float [N, D].

    Returns:
        The AUC and float64 [N]: the scores of the day's images, each by a model that has not seen it. The chance is
        that of the rank statistic that the AUC is (Mann and Whitney 1947).
    """
    rows = np.concatenate([window, day])
    is_day = np.repeat([0, 1], [len(window), len(day)])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=500))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    # With so few columns, threads wait for each other longer than they work; and one gives the same sums everywhere.
    with threadpool_limits(limits=1):
        scores = np.asarray(cross_val_predict(model, rows, is_day, cv=folds, method="decision_function"))
    deviation = np.sqrt((len(rows) + 1) / (12 * len(window) * len(day)))
    chance = 0.5 + float(stats.norm.ppf(_CHANCE) * deviation)
    return Figure(float(roc_auc_score(is_day, scores)), chance), scores[is_day == 1]


def compare_numbers(window: np.ndarray, day: np.ndarray, names: Sequence[str]) -> DriftReport:
    """Compare a few numbers per image, each by itself and all together.

    Args:
        window: float [M, D], finite.
        day: float [N, D], finite.
        names: D names of the numbers.
    """
    columns = [
        ColumnDrift(name, population_stability_index(before, now), kolmogorov_smirnov(before, now))
        for name, before, now in zip(names, window.T, day.T, strict=True)
    ]
    auc, scores = domain_auc(window, day)
    return DriftReport(sorted(columns, key=lambda one: -one.psi.value), auc, scores)


def compare_features(window: np.ndarray, day: np.ndarray) -> DriftReport:
    """Compare feature vectors: along their 50 main directions together, along the first ten each by itself.

    Args:
        window: float32 [M, D], finite.
        day: float32 [N, D], finite.
    """
    both = np.concatenate([window, day])
    directions = PCA(min(_DIRECTIONS, *both.shape), svd_solver="randomized", random_state=_SEED).fit_transform(both)
    before, now = directions[: len(window)], directions[len(window) :]
    names = [f"direction {number + 1}" for number in range(min(_TESTED_DIRECTIONS, directions.shape[1]))]
    columns = compare_numbers(before[:, : len(names)], now[:, : len(names)], names).columns
    auc, scores = domain_auc(before, now)
    return DriftReport(columns, auc, scores)
