"""Which source set every image came from, and folds that leave whole sets out: how a model does on new suppliers.

The name of a set is derived from an image's provenance whenever it is asked for; no table holds it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from image_assets.ingest.archives.formats import ARCHIVE_SUFFIXES

MOST_FOLDS = 10
"""Of more source sets, several are left out at a time."""
# Fewer images say nothing about how certain to be.
_LEAST_JUDGED = 100
# A category of which less is left to learn from is judged by a model that knows it far worse than the one to be made.
_LEAST_LEFT = 0.4
_ARCHIVE = r"(?i)(" + "|".join(suffix.replace(".", r"\.") for suffix in ARCHIVE_SUFFIXES) + ")$"


def source_set(pattern: str | None = None) -> pl.Expr:
    """The name of the set that an image came from, from its columns `source` and `category`.

    The host of a URL; else the archive, or the folder below the category; else what the file's name has before `__`;
    else nothing, for all such images are one set. With a pattern, its group `set`, where it matches.

    Args:
        pattern: Of the dataset file, `classifier.split.source`.
    """
    source, category = pl.col("source"), pl.col("category")
    host = source.str.extract(r"://(?:[^/?#]*@)?(?:www\.)?([^/?#:]+)").str.to_lowercase()
    folders = source.str.extract(r"^[^/]+/(.+)/[^/]*$")
    below = _below_category(_below_category(folders, category), category).str.extract(r"^([^/]+)")
    derived = pl.coalesce(host, below, source.str.extract(r"([^/]+?)__[^/]*$"), pl.lit(""))
    if pattern is None:
        return derived.alias("source_set")
    named = source.str.extract_groups(pattern).struct.field("set")
    return pl.when(named != "").then(named).otherwise(derived).alias("source_set")


def _below_category(folders: pl.Expr, category: pl.Expr) -> pl.Expr:
    """Folders `a/b/…` without the first where that is the category; null where nothing is left.

    A category may be a folder or, all of it, an archive; an archive of several categories stands above them. What was
    landed from a folder of categories lies in two such folders, of which neither says where it is from.
    """
    is_category = folders.str.extract(r"^([^/]+)").str.replace(_ARCHIVE, "") == category
    return pl.when(is_category).then(folders.str.extract(r"^[^/]+/(.+)$")).otherwise(folders)


@dataclass(frozen=True)
class SourceFold:
    """Source sets that are left out together, often one alone.

    Attributes:
        sources: Their names, sorted.
        training: int64 [T], the rows to train on; every label of the data is among them.
        judged: int64 [J], the rows that are left out: what looks like one of them is not trained on either.
    """

    sources: tuple[str, ...]
    training: np.ndarray
    judged: np.ndarray


def leave_sources_out(
    sets: pl.Series, labels: np.ndarray, groups: pl.Series, most: int = MOST_FOLDS
) -> list[SourceFold]:
    """Folds that leave every source set out once, whatever the order of the rows.

    A category that all comes from one fold's sets cannot be left out: it would not be learnt. Its images stay in
    training and are not judged, nor is what looks like them; every other image is judged exactly once.

    Args:
        sets: N names of source sets.
        labels: int [N].
        groups: N names of what looks alike; it may span sets.
        most: Of folds; of more sets some are left out together, spread so that no fold has a category to itself.

    Returns:
        Folds in the order of their first names; none where nothing can be judged, such as of one source.
    """
    names, of = np.unique(sets.to_numpy(), return_inverse=True)
    known, classes = np.unique(labels, return_inverse=True)
    _, alike = np.unique(groups.to_numpy(), return_inverse=True)
    counts = np.zeros((len(names), len(known)), np.int64)
    np.add.at(counts, (of, classes), 1)
    fold_of = _spread(names, counts, most)
    found = []
    for fold in sorted(set(fold_of.tolist())):
        training, judged = _cut(fold_of[of] == fold, classes, alike, len(known))
        if len(judged):
            found.append(SourceFold(tuple(names[fold_of == fold].tolist()), training, judged))
    return sorted(found, key=lambda one: one.sources)


def telling_folds(sets: pl.Series, labels: np.ndarray, groups: pl.Series, most: int) -> list[SourceFold]:
    """Folds that leave every set out once and judge what a model of the rest can know; see `leave_sources_out`.

    Returns:
        As there; none where fewer than two folds or than 100 images judge.
    """
    counts = np.bincount(labels)
    found = []
    for fold in leave_sources_out(sets, labels, groups, most):
        left = np.bincount(labels[fold.training], minlength=len(counts)) >= _LEAST_LEFT * counts
        judged = fold.judged[left[labels[fold.judged]]]
        if len(judged):
            found.append(replace(fold, judged=judged))
    return found if len(found) > 1 and sum(len(fold.judged) for fold in found) >= _LEAST_JUDGED else []


def _spread(names: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """int64 [sets], the fold of each: the largest sets first, each to where its categories have the fewest images."""
    if len(names) <= most:
        return np.arange(len(names))
    folds, place = np.zeros((most, counts.shape[1]), np.int64), np.zeros(len(names), np.int64)
    digests = [hashlib.sha256(str(name).encode()).hexdigest() for name in names]
    for row in sorted(range(len(names)), key=lambda row: (-counts[row].sum(), digests[row])):
        crowded = folds[:, counts[row] > 0].sum(axis=1)
        place[row] = np.lexsort((folds.sum(axis=1), crowded))[0]
        folds[place[row]] += counts[row]
    return place


def _cut(left_out: np.ndarray, classes: np.ndarray, alike: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and to judge: what would leave nothing of a label to learn from is not judged."""
    judged = left_out
    while True:
        is_judged = np.bincount(classes[judged], minlength=number) > 0
        training = ~(left_out & is_judged[classes]) & ~np.isin(alike, alike[judged])
        lost = np.bincount(classes[training], minlength=number) == 0
        if not lost.any():
            return np.flatnonzero(training), np.flatnonzero(judged)
        judged = judged & ~np.isin(alike, alike[lost[classes]])
