"""How good a family of classifiers is, its choice of settings included: nested cross-validation.

The score that a candidate was chosen by is too high, because it is the highest of many. Here the settings of every
family are chosen in inner folds (`selection.select`) of the training side of each outer fold, and judged on the outer
fold, which had no part in the choice (Varma and Simon, "Bias in error estimation when using cross-validation for model
selection", BMC Bioinformatics 7:91, 2006). Lookalikes stay together in both.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedGroupKFold

from image_assets.classifier.training.families import Candidate
from image_assets.classifier.training.selection import (
    NoBook,
    Score,
    ScoreBook,
    TrainingRows,
    sample_of,
    score_in,
    select,
)
from image_assets.settings.classifier import ModelSelection
from image_assets.workers import Progress, no_progress

BEST_OF_ALL = "best of all families"
"""What the choice among the families is called, which the inner folds make anew in every outer fold."""


@dataclass(frozen=True)
class OuterFold:
    """What a family reached in one outer fold.

    Attributes:
        candidate: The settings that won in the inner folds.
        inner: Their mean score in the inner folds, by which they were chosen.
        outer: Their score on the outer fold.
        images: Images that they were trained on for it.
        converged: False where that training stopped at its limit.
    """

    candidate: Candidate
    inner: float
    outer: float
    images: int
    converged: bool


@dataclass(frozen=True)
class FamilyResult:
    """What a family reached in all outer folds, in their order."""

    family: str
    folds: tuple[OuterFold, ...]

    @property
    def mean(self) -> float:
        """Mean of the outer scores."""
        return float(np.mean([fold.outer for fold in self.folds]))

    @property
    def deviation(self) -> float:
        """Standard deviation of the outer scores, of a sample."""
        return float(np.std([fold.outer for fold in self.folds], ddof=1))

    @property
    def optimism(self) -> float:
        """By how much the scores of the choice exceeded those on images that had no part in it, on average."""
        return float(np.mean([fold.inner - fold.outer for fold in self.folds]))

    def chosen(self) -> list[tuple[Candidate, int]]:
        """The settings that were chosen, and in how many folds; the most frequent first."""
        return Counter(fold.candidate for fold in self.folds).most_common()


@dataclass(frozen=True)
class Comparison:
    """How families are compared.

    Attributes:
        outer_folds: At least 2.
        with_held_out: Whether the images that are held out for the evaluation take part. Whoever chooses by the
            result should leave them out, else their evaluation is no longer one on images that nobody has seen.
        colours: Whether colour features are judged beside, where they are not the dataset's own.
        workers: As `select`; the results do not depend on it.
    """

    outer_folds: int = 5
    with_held_out: bool = False
    colours: bool = True
    workers: int | None = None


def nested(
    candidates: Sequence[Candidate],
    rows: TrainingRows,
    spec: ModelSelection,
    how: Comparison,
    book: ScoreBook | None = None,
    progress: Progress = no_progress,
) -> list[FamilyResult]:
    """Judge every family among the candidates; the best first, and last the choice among all (`BEST_OF_ALL`).

    Args:
        candidates: Of one or more families. Of a family with a single one, nothing is chosen, and `inner` is its
            mean in the inner folds all the same.
        rows: Images; beyond `spec.max_rows` a sample of them.
        spec: How the inner folds choose; its seed and scoring are those of the outer folds too.
        how: Its outer folds and workers.
        book: Where scores are kept, so that a comparison that was killed goes on where it was.
        progress: Told the candidates that are done, counting each once for every outer fold, and of how many.

    Raises:
        NotTrainableError: fewer than two classes have groups enough for the folds.
    """
    # The outer folds are at random: only inner ones like them say how optimistic a choice is.
    rows = replace(sample_of(rows, spec.max_rows, spec.seed), source_sets=None)
    families = _by_family(candidates)
    total, done = how.outer_folds * len(candidates), 0
    found: dict[str, list[OuterFold]] = {family: [] for family in families}
    splitter = StratifiedGroupKFold(how.outer_folds, shuffle=True, random_state=spec.seed)
    for training, judged in splitter.split(rows.features, rows.labels, rows.groups.to_numpy()):
        for family, members in families.items():

            def share(part: int, of: int, before: int = done, count: int = len(members)) -> None:
                progress(before + count * part // max(of, 1), total)

            best = select(members, rows.take(training), spec, book, share, how.workers)[0]
            outer = _outer_score(best.candidate, rows, (training, judged), spec, book or NoBook())
            found[family].append(
                OuterFold(best.candidate, best.mean, outer.folds[0], len(training), converged=outer.converged)
            )
            done += len(members)
            progress(done, total)
    results = [FamilyResult(family, tuple(folds)) for family, folds in found.items()]
    return [*sorted(results, key=lambda one: -one.mean), _best_of_all(results)]


def _by_family(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    families: dict[str, list[Candidate]] = {}
    for one in candidates:
        families.setdefault(one.family, []).append(one)
    return families


def _best_of_all(results: Sequence[FamilyResult]) -> FamilyResult:
    """In every outer fold the family that the inner folds preferred: what a person who compares them would get."""
    folds = zip(*(one.folds for one in results), strict=True)
    return FamilyResult(BEST_OF_ALL, tuple(max(fold, key=lambda one: one.inner) for fold in folds))


def _outer_score(
    candidate: Candidate,
    rows: TrainingRows,
    cut: tuple[np.ndarray, np.ndarray],
    spec: ModelSelection,
    book: ScoreBook,
) -> Score:
    training, judged = cut
    sides = f"{rows.take(training).digest()} {rows.take(judged).digest()}"
    made_of = f"outer {sides} {spec.scoring} {spec.seed} {sklearn.__version__}"
    key = hashlib.sha256(made_of.encode()).hexdigest()[:32]
    score = book.read(key, candidate)
    if score is None:
        score = score_in(candidate, rows, [cut], spec)
        book.write(key, score)
    return score
