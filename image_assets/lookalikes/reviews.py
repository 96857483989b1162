"""Reviewers' marks: how they are found, made and kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.errors import Explained
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.lookalikes.label_conflicts import label_conflicts
from image_assets.marks.record import batch_of, keep_marks
from image_assets.schema import REVIEWS
from image_assets.store.store import Store


class ReviewError(Explained, ValueError):
    """A mark that cannot be made: the message says why and what can."""


@dataclass(frozen=True)
class Review:
    """What a reviewer says of a conflict.

    Attributes:
        categories: The categories that its pictures belong under; none of them: the pictures are kept nowhere.
        reviewer: Who says so.
    """

    categories: frozenset[str]
    reviewer: str


def current_conflicts(dataset: DatasetSpec, store: Store) -> pl.DataFrame:
    """Label conflicts as they are now, with sources, marks that were made a moment ago included.

    Returns:
        The columns of the table `label_conflicts`.
    """
    reader = EvidenceReader(store, dataset)
    evidence = reader.whole(reader.pairs())
    files = label_conflicts(evidence, dataset.label_conflicts)
    where = ["image_id", "date", "category", "loaded"]
    return files.join(reader.sources(files, evidence.duplicates), on=where, how="left", maintain_order="left")


def record_review(dataset: DatasetSpec, store: Store, conflict: str, review: Review, now: dt.datetime) -> pl.DataFrame:
    """Mark every file of a conflict.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        conflict: The conflict's id, or the beginning of it.
        review: What is right.
        now: When, with a time zone.

    Returns:
        The marks, as rows of the table `reviews`.

    Raises:
        ReviewError: no conflict, or several, of that id; or a category that none of its files is under.
    """
    files = current_conflicts(dataset, store)
    chosen = files.filter(pl.col("conflict_id").str.starts_with(conflict.lower()))
    ids = chosen["conflict_id"].unique().sort().to_list()
    if len(ids) != 1:
        known = ", ".join(one[:12] for one in ids or files["conflict_id"].unique().sort().head(5))
        found = "there are several" if ids else "there is no such conflict"
        raise ReviewError(
            f"conflict {conflict!r}: {found}; {'they begin with' if ids else 'there are'} {known or 'none'}"
        )
    there = set(chosen["category"])
    unknown = review.categories - there
    if unknown:
        raise ReviewError(f"{', '.join(sorted(unknown))}: no file of this conflict is there; it is in {sorted(there)}")
    marks = chosen.select("image_id", "category").unique().sort("image_id", "category")
    said = marks.with_columns(belongs=pl.col("category").is_in(sorted(review.categories)))
    rows = batch_of(store.table(dataset.name, REVIEWS).scan().collect(), said, review.reviewer, now)
    keep_marks(dataset, store, rows)
    return rows
