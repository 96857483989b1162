"""What it is worth to fit the scaler inside the fold: the same candidates judged with it, and with one that leaks.

Leaky is how the original did it: features are scaled by mean and deviation of all rows, those that judge included,
before the folds are cut. A forest of trees is the same for any scale, so only the others can differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from image_assets.classifier.training.families import Candidate, pipeline_of
from image_assets.classifier.training.selection import TrainingRows, score_in
from image_assets.settings.classifier import ModelSelection
from image_assets.workers import Progress, no_progress

Cut = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Leak:
    """Mean accuracy of one candidate over the same folds, with either scaler."""

    candidate: Candidate
    leak_free: float
    leaky: float

    @property
    def difference(self) -> float:
        """What the leak adds."""
        return self.leaky - self.leak_free


def compare_scalers(
    candidates: Sequence[Candidate],
    rows: TrainingRows,
    spec: ModelSelection,
    everything: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> list[Leak]:
    """Judge candidates in the folds of `select`, once with each scaler.

    Args:
        candidates: What to judge.
        rows: The training rows.
        spec: Folds and seed; the scoring is accuracy.
        everything: float32 [M, D], what the leaky scaler is fitted on: training and test rows. Default: `rows`.
        progress: Told the candidates that are done.
    """
    folds = StratifiedGroupKFold(spec.folds, shuffle=True, random_state=spec.seed)
    cuts = list(folds.split(rows.features, rows.labels, rows.groups.to_numpy()))
    scaler = StandardScaler().fit(rows.features if everything is None else everything)
    scaled = TrainingRows(np.asarray(scaler.transform(rows.features)), rows.labels, rows.groups)
    found = []
    for number, candidate in enumerate(candidates, start=1):
        free = score_in(candidate, rows, cuts, spec.model_copy(update={"scoring": "accuracy"})).mean
        found.append(Leak(candidate, free, _accuracy_as_scaled(candidate, scaled, cuts, spec.seed)))
        progress(number, len(candidates))
    return found


def few_rows_with_heavy_tails(candidate: Candidate, repeats: int, rows: int = 40, width: int = 18) -> list[Leak]:
    """Judge a candidate on many small sets of two classes whose features are Cauchy-distributed.

    There a single row decides the deviation that all are divided by, so it matters on which side of the fold it is.
    """
    return [_heavy_tailed(candidate, seed, rows, width) for seed in range(repeats)]


def _heavy_tailed(candidate: Candidate, seed: int, rows: int, width: int) -> Leak:
    labels = np.arange(rows, dtype=np.int16) % 2
    features = np.random.default_rng(seed).standard_cauchy((rows, width)) + labels[:, None]
    data = TrainingRows(features.astype(np.float32), labels, pl.Series("group", [str(row) for row in range(rows)]))
    return compare_scalers([candidate], data, ModelSelection(seed=seed))[0]


def _accuracy_as_scaled(candidate: Candidate, scaled: TrainingRows, cuts: Sequence[Cut], seed: int) -> float:
    reached = []
    for training, judged in cuts:
        classify = pipeline_of(candidate, len(training), seed).named_steps["classify"]
        classify.fit(scaled.features[training], scaled.labels[training])
        reached.append(float(np.mean(classify.predict(scaled.features[judged]) == scaled.labels[judged])))
    return float(np.mean(reached))
