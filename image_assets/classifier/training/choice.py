"""The candidate that is trained: the only one there is, or the best of a selection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from obstore.store import ObjectStore

from image_assets.classifier.training.by_sources import chosen_by_sources
from image_assets.classifier.training.families import Candidate, candidates_of
from image_assets.classifier.training.score_book import StoredScores
from image_assets.classifier.training.selection import Score, TrainingRows, select
from image_assets.settings.classifier import Classifier
from image_assets.workers import Progress, no_progress


@dataclass(frozen=True)
class ChosenCandidate:
    """A candidate, and the scores that it was chosen by: none where there was nothing to choose."""

    candidate: Candidate
    scores: tuple[Score, ...]


def choose(
    spec: Classifier, rows: TrainingRows, objects: ObjectStore, prefix: str, progress: Progress = no_progress
) -> ChosenCandidate:
    """Choose the dataset's best candidate on its training images; then, where there are sources, how it fits new ones.

    Args:
        spec: Candidates, and how they are compared.
        rows: The training images.
        objects: Where scores are kept, so that a search that was killed goes on.
        prefix: Folder of the scores.
        progress: Told the candidates that are compared, and of how many.

    Raises:
        NotTrainableError: as `select`.
    """
    candidates, scores = candidates_of(spec.candidates, spec.transform), []
    if len(candidates) > 1:
        book = StoredScores(objects, prefix)
        judged = rows if spec.by_sources.enabled else replace(rows, source_sets=None)
        scores = select(candidates, judged, spec.selection, book, progress)
        book.forget_the_rest()
    best = scores[0].candidate if scores else candidates[0]
    return ChosenCandidate(chosen_by_sources(best, rows, spec), tuple(scores))
