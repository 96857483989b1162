"""Choosing the best of many candidates by cross-validation: the same rows give the same choice.

Folds keep lookalikes together, so that no picture is judged by a model that has seen its double. Where it is known that
images come from several sources, folds leave whole sources out, for the best on known sources need not be the best on
new ones; else they are stratified by label (`StratifiedGroupKFold`). Large grids are halved successively (Jamieson and
Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS 2016): all candidates on
few images, the best third on three times as many, and so on.
"""

from __future__ import annotations

import hashlib
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl
import sklearn
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.families import Candidate, pipeline_of
from image_assets.classifier.training.source_sets import telling_folds
from image_assets.classifier.training.train import NotTrainableError, what_to_add
from image_assets.settings.classifier import ModelSelection
from image_assets.workers import Progress, cores, no_progress

# The best third of the candidates goes on to three times the images.
_ETA = 3
# Images per class and fold below which a first comparison says nothing.
_LEAST_PER_CLASS_AND_FOLD = 10
Cut = tuple[np.ndarray, np.ndarray]
"""Rows to train on and rows to judge on."""
_SCORERS = {"accuracy": "accuracy", "balanced_accuracy": "balanced_accuracy", "macro_f1": "f1_macro"}


class OfFolds:
    """What has a score for every fold."""

    folds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.folds))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds, of a sample; 0 of one."""
        return float(np.std(self.folds, ddof=1)) if len(self.folds) > 1 else 0.0


@dataclass(frozen=True)
class Score(OfFolds):
    """What a candidate reached in the folds.

    Attributes:
        rows: Images that the folds were cut from.
        folds: The score in each fold.
        seconds: Of computing, all folds together.
        converged: False where training stopped at its limit in some fold.
    """

    candidate: Candidate
    rows: int
    folds: tuple[float, ...]
    seconds: float
    converged: bool


class ScoreBook(Protocol):
    """Remembers scores, so that a search that was killed goes on where it was."""

    def read(self, key: str, candidate: Candidate) -> Score | None:
        """The score that was written under these names, if any."""
        ...

    def write(self, key: str, score: Score) -> None:
        """Keep a score; it is there whole or not at all."""
        ...


class NoBook:
    """Remembers nothing."""

    def read(self, key: str, candidate: Candidate) -> Score | None:  # noqa: ARG002  # as ScoreBook
        """None."""
        return None

    def write(self, key: str, score: Score) -> None:
        """Forget it."""


@dataclass(frozen=True)
class TrainingRows:
    """What the candidates are compared on.

    Attributes:
        features: float32 [N, D].
        labels: int16 [N].
        groups: N names of what must stay together: the id of a group of lookalikes, else the image's own.
        source_sets: N names of where they came from, see `source_set`; None: not known, all are of one.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: pl.Series
    source_sets: pl.Series | None = None

    def digest(self) -> str:
        """Names these rows: any other features, labels or groups have another digest."""
        of = hashlib.sha256()
        for part in (self.features, self.labels):
            of.update(str((part.shape, part.dtype)).encode())
            of.update(np.ascontiguousarray(part).data)
        of.update("\n".join(self.groups.to_list()).encode())
        return of.hexdigest()

    def take(self, rows: np.ndarray) -> TrainingRows:
        """Some of them."""
        sets = None if self.source_sets is None else self.source_sets.gather(rows)
        return TrainingRows(self.features[rows], self.labels[rows], self.groups.gather(rows), sets)


def select(
    candidates: Sequence[Candidate],
    rows: TrainingRows,
    spec: ModelSelection,
    book: ScoreBook | None = None,
    progress: Progress = no_progress,
    workers: int | None = None,
) -> list[Score]:
    """Compare candidates; those that came furthest first, of these the best first.

    Args:
        candidates: At least one.
        rows: The training images, none of those that are held out.
        spec: Folds, scoring, halving, sample and seed.
        book: Where scores are kept.
        progress: Told the fits that are done, and of how many.
        workers: Processes; default: one per core. The scores do not depend on it.

    Raises:
        NotTrainableError: fewer than two classes have as many groups as there are folds. A single class that has
            fewer is left out, see `too_few_pictures`.
    """
    rows = sample_of(rows, spec.max_rows, spec.seed)
    rows = _comparable(rows, spec)
    rungs = _rungs(len(candidates), rows, spec)
    total = sum(count for count, _ in rungs)
    survivors, ended, done = list(candidates), [], 0
    for (count, size), following in zip(rungs, [*(count for count, _ in rungs[1:]), 0], strict=True):
        part = sample_of(rows, size, spec.seed)
        scores = _ordered(
            _scores(survivors[:count], part, spec, book or NoBook(), lambda n, d=done: progress(d + n, total), workers)
        )
        done += count
        survivors = [score.candidate for score in scores[:following]]
        ended = scores[following:] + ended
    return ended


def _ordered(scores: Iterable[Score]) -> list[Score]:
    """The best first; of equals the one that the dataset file names first, so the sort must be stable."""
    return sorted(scores, key=lambda score: -score.mean)


def _rungs(candidates: int, rows: TrainingRows, spec: ModelSelection) -> list[tuple[int, int]]:
    """How many candidates are compared on how many images, step by step; the last step on all."""
    steps = [(candidates, len(rows.labels))]
    least = _LEAST_PER_CLASS_AND_FOLD * spec.folds * len(np.unique(rows.labels))
    if candidates <= spec.halving_above:
        return steps
    while steps[0][1] // _ETA >= least and len(steps) < math.ceil(math.log(candidates, _ETA)):
        steps.insert(0, (candidates, steps[0][1] // _ETA))
    for step in range(1, len(steps)):
        steps[step] = (math.ceil(steps[step - 1][0] / _ETA), steps[step][1])
    return steps


def sample_of(rows: TrainingRows, most: int, seed: int) -> TrainingRows:
    """At most so many rows."""
    return rows if len(rows.labels) <= most else rows.take(sampled_rows(rows.labels, rows.groups, most, seed))


def sampled_rows(labels: np.ndarray, groups: pl.Series, most: int, seed: int) -> np.ndarray:
    """The places of about `most` of more rows, ascending: every class with its share, whole groups as far as they fit.

    The same groups give the same choice, whatever the order of the rows.

    Args:
        labels: int [N].
        groups: N names of what must stay together.
        most: All rows are taken where there are no more.
        seed: Another seed, another choice.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    keys = groups.map_elements(
        lambda group: hashlib.sha256(f"{seed} {group}".encode()).hexdigest(), return_dtype=pl.String
    ).to_numpy()
    chosen = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        share = max(round(most * len(of_class) / len(labels)), 1)
        chosen.append(of_class[np.argsort(keys[of_class], kind="stable")[:share]])
    return np.sort(np.concatenate(chosen))


def too_few_pictures(rows: TrainingRows, folds: int) -> list[int]:
    """The labels, ascending, that have fewer different pictures than there are folds: nothing is compared on them."""
    counts = _pictures(rows)
    return counts.filter(pl.col("pictures") < folds)["label"].to_list()


def _pictures(rows: TrainingRows) -> pl.DataFrame:
    """label, images and pictures (lookalikes counted once) of every class."""
    frame = pl.DataFrame({"label": rows.labels, "group": rows.groups})
    return frame.group_by("label").agg(images=pl.len(), pictures=pl.col("group").n_unique()).sort("label")


def _comparable(rows: TrainingRows, spec: ModelSelection) -> TrainingRows:
    """The rows of the classes that every fold can have a picture of."""
    few = too_few_pictures(rows, spec.folds)
    kept = rows.take(np.flatnonzero(~np.isin(rows.labels, few))) if few else rows
    if len(np.unique(kept.labels)) < 2:
        counts = _pictures(rows)
        found = ", ".join(f"label {label}: {pictures}" for label, _, pictures in counts.iter_rows())
        add = what_to_add(len(rows.labels), int(counts["pictures"].sum()))
        raise NotTrainableError(
            f"candidates cannot be compared in {spec.folds} folds: at least two classes need that many different "
            f"pictures to train on; found {found}. {add} Or lower classifier.selection.folds, or "
            "name one candidate."
        )
    return kept


def _scores(
    candidates: Sequence[Candidate],
    rows: TrainingRows,
    spec: ModelSelection,
    book: ScoreBook,
    done: Callable[[int], None],
    workers: int | None,
) -> list[Score]:
    cuts = _cuts(rows, spec)
    key = _key(rows, cuts, spec)
    found = {one: book.read(key, one) for one in candidates}
    missing = [one for one in candidates if found[one] is None]
    done(len(candidates) - len(missing))
    for number, score in enumerate(_compute(missing, rows, cuts, spec, workers), start=1):
        book.write(key, score)
        found[score.candidate] = score
        done(len(candidates) - len(missing) + number)
    return [score for one in candidates if (score := found[one]) is not None]


def _cuts(rows: TrainingRows, spec: ModelSelection) -> list[Cut]:
    """By source where that is known and leaves enough to judge, else stratified."""
    if rows.source_sets is not None:
        by_source = telling_folds(rows.source_sets, rows.labels, rows.groups, spec.folds)
        if by_source:
            return [(fold.training, fold.judged) for fold in by_source]
    folds = StratifiedGroupKFold(spec.folds, shuffle=True, random_state=spec.seed)
    return list(folds.split(rows.features, rows.labels, rows.groups.to_numpy()))


def _compute(
    candidates: Sequence[Candidate], rows: TrainingRows, cuts: Sequence[Cut], spec: ModelSelection, workers: int | None
) -> Iterator[Score]:
    count = min(workers or cores(), len(candidates))
    if count <= 1:
        yield from (score_in(one, rows, cuts, spec) for one in candidates)
        return
    pool: Any = Parallel(n_jobs=count, return_as="generator_unordered")  # typed for all that it may return
    yield from pool(delayed(score_in)(one, rows, cuts, spec) for one in candidates)


def score_in(candidate: Candidate, rows: TrainingRows, cuts: Sequence[Cut], spec: ModelSelection) -> Score:
    """Fit a candidate to one side of every cut and judge it on the other.

    Args:
        candidate: What to fit.
        rows: The images that the cuts are made through.
        cuts: Rows to train on and rows to judge on, as a splitter of scikit-learn gives them.
        spec: The scoring, and the seed.
    """
    began, reached = time.perf_counter(), []
    scorer = get_scorer(_SCORERS[spec.scoring])
    # The sums of linear algebra depend on how it is divided among threads.
    with threadpool_limits(limits=1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for training, judged in cuts:
            model = pipeline_of(candidate, len(training), spec.seed)
            model.fit(rows.features[training], rows.labels[training])
            reached.append(float(scorer(model, rows.features[judged], rows.labels[judged])))
    converged = not any(issubclass(one.category, ConvergenceWarning) for one in caught)
    return Score(candidate, len(rows.labels), tuple(reached), time.perf_counter() - began, converged)


def _key(rows: TrainingRows, cuts: Sequence[Cut], spec: ModelSelection) -> str:
    """Names a comparison: other rows, folds or scoring, or another version of the library, give other scores."""
    judged = hashlib.sha256(b"".join(side.astype("<i8").tobytes() for cut in cuts for side in cut)).hexdigest()
    made_of = f"{rows.digest()} {judged} {spec.scoring} {spec.seed} {sklearn.__version__}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]
