"""How strict a linear classifier is to be and how certain, so that it fits sources that it never saw.

Every source is left out of a training once, with each penalty: images of a known source say little of a new one. The
penalty of `candidates` is kept unless another one's log loss on the images left out, each behind the temperature that
is best for it, is less by more than a standard error over sources. A figure on sources that were not seen counts only
where they had no say in this either: `learner_of` chooses anew for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.families import TEMPERED, Candidate, candidates_of, fit, pipeline_of
from image_assets.classifier.training.selection import TrainingRows, sample_of
from image_assets.classifier.training.source_sets import SourceFold, telling_folds
from image_assets.classifier.training.temperature import losses, modest_temperature
from image_assets.settings.classifier import BySources, Classifier
from image_assets.store.models.model import Model

Learn = Callable[[TrainingRows], Model]
"""Rows to a model that gives probabilities."""
# Of very few sources that estimate would have a model believe nothing, known sources included.
_MOST_STRANGE = 0.05
# Above so many images × categories every fit takes seconds: so many images of a category serve then, and fewer folds.
_COSTLY, _OF_CATEGORY, _FEW_FOLDS = 100_000, 5, 3


@threadpool_limits.wrap(limits=1)
def chosen_by_sources(candidate: Candidate, rows: TrainingRows, spec: Classifier) -> Candidate:
    """The candidate with the penalty and the temperature that fit sources left out best.

    Args:
        candidate: Of any family; only those of `TEMPERED` are changed.
        rows: The training images.
        spec: Its `by_sources`; `candidates` names penalties to try, too.

    Returns:
        The candidate itself where it is of another family, fewer than two sources can be left out, or too few images.
    """
    if not _is_chosen(candidate, spec):
        return candidate
    some = _sample(rows, spec)
    folds = _by_source(some, spec.by_sources)
    return _best(candidate, some, folds, spec) if folds else candidate


def learner_of(candidate: Candidate, rows: TrainingRows, spec: Classifier) -> Learn:
    """Fits models of the kind to parts of these rows as the platform does to all, what sources decide decided anew.

    Args:
        candidate: The model's own.
        rows: All images.
        spec: As `chosen_by_sources`.
    """
    candidate = candidate.untempered
    if not _is_chosen(candidate, spec) or not _by_source(_sample(rows, spec), spec.by_sources):
        return partial(_fitted, candidate, spec)
    return partial(_fitted_anew, candidate, spec)


def _fitted(candidate: Candidate, spec: Classifier, rows: TrainingRows) -> Model:
    return fit(candidate, spec.selection.seed, rows.features, rows.labels, probabilities=True)


def _fitted_anew(candidate: Candidate, spec: Classifier, rows: TrainingRows) -> Model:
    some = _sample(rows, spec)
    # Without one of two sources, there is one: then pictures are left out, not sources.
    folds = _by_source(some, spec.by_sources) or _judging(some.groups, some, spec.by_sources)
    best = _best(candidate, some, folds, spec) if folds else candidate
    return _fitted(best, spec, rows)


def _is_chosen(candidate: Candidate, spec: Classifier) -> bool:
    return spec.by_sources.enabled and candidate.family in TEMPERED


def _sample(rows: TrainingRows, spec: Classifier) -> TrainingRows:
    categories = len(np.unique(rows.labels))
    most = max(_COSTLY // max(categories, 1), _OF_CATEGORY * categories)
    return sample_of(rows, min(spec.by_sources.max_rows, most), spec.selection.seed)


def _by_source(rows: TrainingRows, spec: BySources) -> list[SourceFold]:
    return [] if rows.source_sets is None else _judging(rows.source_sets, rows, spec)


def _judging(sets: pl.Series, rows: TrainingRows, spec: BySources) -> list[SourceFold]:
    costly = len(rows.labels) * len(np.unique(rows.labels)) > _COSTLY
    return telling_folds(sets, rows.labels, rows.groups, min(spec.folds, _FEW_FOLDS) if costly else spec.folds)


def _best(candidate: Candidate, rows: TrainingRows, folds: Sequence[SourceFold], spec: Classifier) -> Candidate:
    """With what the dataset file names, in an order that does not depend on what the candidate itself was chosen by."""
    of_kind = [one for one in candidates_of(spec.candidates, spec.transform) if one.family == candidate.family]
    named = list(dict.fromkeys(candidate.of_strength(one.strength) for one in (*of_kind, candidate)))
    others = [candidate.of_strength(one) for one in spec.by_sources.regularisation]
    tried = list(dict.fromkeys([*named, *others]))
    judged = np.concatenate([fold.judged for fold in folds])
    places = np.searchsorted(np.unique(rows.labels), rows.labels[judged])
    answers = zip(*(_answers(tried, rows, fold, spec.selection.seed) for fold in folds), strict=True)
    found = {one: np.concatenate(parts) for one, parts in zip(tried, answers, strict=True)}
    temperatures = {one: modest_temperature(found[one], places, _strangers(rows, judged)) for one in tried}
    lost = {one: losses(found[one], places, temperatures[one]) for one in tried}
    usual = min(named, key=lambda one: lost[one].mean())
    units = _units(rows, judged)
    best = min(tried, key=lambda one: _surely_more(lost[one] - lost[usual], units))
    return best.tempered(temperatures[best])


def _units(rows: TrainingRows, judged: np.ndarray) -> np.ndarray:
    """int [judged], of what each image is: of its source; of a single source, of pictures that are alike."""
    sets = rows.groups if rows.source_sets is None or rows.source_sets.n_unique() < 2 else rows.source_sets
    return np.unique(sets.gather(judged).to_numpy(), return_inverse=True)[1]


def _surely_more(differences: np.ndarray, units: np.ndarray) -> float:
    """A mean difference and a standard error more, images of a unit varying together: below 0, it is surely less."""
    of_unit = np.bincount(units, differences - differences.mean())
    error = np.sqrt(np.square(of_unit).sum() * len(of_unit) / max(len(of_unit) - 1, 1)) / len(differences)
    return float(differences.mean() + error)


def _strangers(rows: TrainingRows, judged: np.ndarray) -> float:
    """How likely the next source is one of which a model knows nothing, after so many that were not.

    The estimate of Krichevsky and Trofimov ("The Performance of Universal Encoding", IEEE Trans. IT 27, 1981). The one
    source that is unlike all others decides how certain to be of its kind; while it is the one that is left out, the
    others must not say that there is none.
    """
    sources = 1 if rows.source_sets is None else rows.source_sets.gather(judged).n_unique()
    return min(0.5 / (sources + 1), _MOST_STRANGE)


def _answers(candidates: Sequence[Candidate], rows: TrainingRows, fold: SourceFold, seed: int) -> list[np.ndarray]:
    """Of each candidate the probabilities, float64 [J, K], of what a fold judges; they differ in the penalty."""
    # None begins where another ended: what stops early would be another model than the one that is trained alone.
    labels, count = rows.labels[fold.training], len(fold.training)
    prepare = pipeline_of(candidates[0], count, seed)[:-1]
    learnt = prepare.fit_transform(rows.features[fold.training])
    judged = prepare.transform(rows.features[fold.judged])
    classifiers = (_classifier_of(pipeline_of(one, count, seed)) for one in candidates)
    return [one.fit(learnt, labels).predict_proba(judged).astype(np.float64) for one in classifiers]


def _classifier_of(pipeline: Pipeline) -> Any:
    return pipeline.named_steps["classify"]
