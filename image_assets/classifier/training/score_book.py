"""Scores of candidates in the store: a small file each, so that a search that was killed goes on where it was."""

from __future__ import annotations

import json
import math

import obstore
from obstore.store import ObjectStore

from image_assets.classifier.training.families import Candidate
from image_assets.classifier.training.selection import Score
from image_assets.store.objects import sizes_below


class StoredScores:
    """Keeps every score as `<prefix>/<key>/<candidate>.json`.

    Args:
        objects: The store.
        prefix: Folder of the classifier's scores.
    """

    def __init__(self, objects: ObjectStore, prefix: str) -> None:
        self._objects, self._prefix = objects, prefix
        self._used: set[str] = set()

    def read(self, key: str, candidate: Candidate) -> Score | None:
        """The score that was kept; none where there is none, or something else is in its place."""
        self._used.add(key)
        try:
            kept = json.loads(bytes(obstore.get(self._objects, self._name(key, candidate)).bytes()))
            folds = tuple(map(float, kept["folds"]))
            if kept["candidate"] != str(candidate) or not folds or not all(map(math.isfinite, folds)):
                return None
            return Score(candidate, int(kept["rows"]), folds, float(kept["seconds"]), bool(kept["converged"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, key: str, score: Score) -> None:
        """Keep a score."""
        kept = {
            "candidate": str(score.candidate),
            "rows": score.rows,
            "folds": score.folds,
            "seconds": score.seconds,
            "converged": score.converged,
        }
        obstore.put(self._objects, self._name(key, score.candidate), json.dumps(kept, indent=1).encode())

    def forget_the_rest(self) -> None:
        """Remove the scores of comparisons that nobody asked for: of rows that have changed since."""
        paths = sizes_below(self._objects, f"{self._prefix}/")
        old = [path for path in paths if path.removeprefix(f"{self._prefix}/").split("/")[0] not in self._used]
        if old:
            obstore.delete(self._objects, old)

    def _name(self, key: str, candidate: Candidate) -> str:
        return f"{self._prefix}/{key}/{candidate.digest}.json"
