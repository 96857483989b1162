"""Making marks and taking them back: each batch is a commit, and nothing that was said is ever removed."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Literal

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.marks.decisions import standing
from image_assets.schema import DUPLICATES, RAW_IMAGES, REVIEWS
from image_assets.store.store import Store
from image_assets.store.tables.key_index import image_index

What = Literal["label", "exclude", "check"]
_STEP = dt.timedelta(microseconds=1)


class MarkError(ValueError):
    """A mark that cannot be made or taken back: the message says why."""


@dataclass(frozen=True)
class Mark:
    """What is said of images.

    Attributes:
        what: `label`: they belong under a category; `exclude`: nowhere; `check`: they are right as they are.
        reviewer: Who says so.
        category: Of a label.
    """

    what: What
    reviewer: str
    category: str | None = None


def located(dataset: DatasetSpec, store: Store, image_ids: pl.Series) -> pl.DataFrame:
    """Where images are loaded: image_id, date and category, sorted by id; those that are not are left out."""
    snapshot = store.table(dataset.name, RAW_IMAGES).snapshot()
    ids = image_ids.unique().to_frame("image_id")
    return image_index(store, dataset.name).find(ids, snapshot).unique().sort("image_id")


def marks_of(dataset: DatasetSpec, store: Store, images: pl.DataFrame, mark: Mark, now: dt.datetime) -> pl.DataFrame:
    """The rows of the table `reviews` that a mark comes to, not kept yet.

    Every category is answered for that an image was delivered under, by a copy of it too, or that was said of it
    before: what is said of an image leaves none of them open.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        images: image_id and category of loaded images.
        mark: What is said of all of them.
        now: When, with a time zone.

    Raises:
        MarkError: no images, or a label that is no category of the dataset.
    """
    if mark.what == "label" and mark.category not in dataset.categories:
        raise MarkError(
            f"{mark.category!r} is no category of {dataset.name}; there are {', '.join(dataset.categories)}"
        )
    if images.is_empty():
        raise MarkError("none of these images is loaded")
    reviews = store.table(dataset.name, REVIEWS).scan().collect()
    asked = images.select("image_id", "category")
    copies = store.table(dataset.name, DUPLICATES).scan().select("image_id", "category")
    wanted = images.select("image_id").unique()
    others = pl.concat([copies.collect(), standing(reviews).select("image_id", "category")])
    asked = pl.concat([asked, others.join(wanted, on="image_id", how="semi")])
    if mark.what == "label":
        asked = pl.concat([asked, wanted.with_columns(category=pl.lit(mark.category))])
    own = images.select("image_id", right="category")
    right = {"label": pl.col("category") == pl.lit(mark.category), "exclude": pl.lit(False)}
    belongs = right.get(mark.what, pl.col("category") == pl.col("right"))
    rows = asked.unique().join(own, on="image_id").sort("image_id", "category").with_columns(belongs=belongs)
    return batch_of(reviews, rows, mark.reviewer, now)


def batch_of(reviews: pl.DataFrame, marks: pl.DataFrame, reviewer: str, now: dt.datetime) -> pl.DataFrame:
    """Rows of the table `reviews` that are one batch.

    Args:
        reviews: The table as it is.
        marks: image_id, category and belongs.
        reviewer: Who says so.
        now: When, with a time zone.
    """
    said = marks.with_columns(
        reviewer=pl.lit(reviewer),
        decided_at=_time(_after(reviews, now)),
        batch=pl.lit(secrets.token_hex(8)),
        withdrawn=pl.lit(False),
    )
    return said.select(REVIEWS.file_schema.names)


def keep_marks(dataset: DatasetSpec, store: Store, rows: pl.DataFrame) -> str:
    """Keep the rows of a batch, in one commit; they count from the next run on.

    Returns:
        The name of the batch.

    Raises:
        CommitConflict: somebody else marked something at the same moment; nothing was kept.
    """
    store.table_to_write(dataset, REVIEWS).append(rows)
    return str(rows["batch"][0])


def take_back(dataset: DatasetSpec, store: Store, batch: str, reviewer: str, now: dt.datetime) -> pl.DataFrame:
    """Take back all marks of a batch: what counted before counts again.

    Returns:
        The rows that say so, as many as the batch has.

    Raises:
        MarkError: there is no such batch, or it was taken back already.
        CommitConflict: see `keep_marks`.
    """
    reviews = store.table(dataset.name, REVIEWS).scan().collect()
    rows = reviews.filter(pl.col("batch") == batch)
    if rows.is_empty():
        raise MarkError(f"there is no batch {batch!r} of marks")
    if rows["withdrawn"].any():
        raise MarkError(f"the batch {batch!r} was taken back already")
    back = rows.with_columns(reviewer=pl.lit(reviewer), decided_at=_time(_after(reviews, now)), withdrawn=pl.lit(True))
    store.table_to_write(dataset, REVIEWS).append(back)
    return back


def _after(reviews: pl.DataFrame, now: dt.datetime) -> dt.datetime:
    """Now, or the moment after what was said last where clocks differ: of two marks, the later one counts."""
    last = reviews["decided_at"].max()
    return max(now.astimezone(dt.UTC), last + _STEP) if isinstance(last, dt.datetime) else now


def _time(at: dt.datetime) -> pl.Expr:
    return pl.lit(at.astimezone(dt.UTC)).cast(pl.Datetime("us", "UTC"))
