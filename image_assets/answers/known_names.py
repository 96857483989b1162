"""Names of categories and the like that somebody asks by: one that nothing has is refused, not answered by nothing."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.errors import UsageError
from image_assets.schema import PREDICTIONS, QUARANTINE, RAW_IMAGES
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.wording import no_such


class UnknownName(UsageError):
    """A name that nothing is called: the message says which may be meant."""


def refuse_other_than(known: Collection[str], name: str, what: str) -> None:
    """Refuse a name that is not among those that are known.

    Args:
        known: All that there are.
        name: The one that is asked by.
        what: It is to be the name of, for people.

    Raises:
        UnknownName: it is none of them.
    """
    if name not in known:
        raise UnknownName(no_such(what, name, known))


def refuse_unknown_category(dataset: DatasetSpec, store: Store, name: str | None) -> None:
    """Refuse what is no category of a dataset; one that it had, and of which something is in the store, is known.

    Raises:
        UnknownName: nothing is of such a category.
    """
    if name is None or name in dataset.categories:
        return
    parts = [rows_per_partition(store, dataset.name, schema)["category"] for schema in (RAW_IMAGES, QUARANTINE)]
    refuse_other_than([*dataset.categories, *sorted(set().union(*parts) - dataset.categories.keys())], name, "category")


def refuse_unknown_prediction(dataset: DatasetSpec, store: Store, name: str) -> None:
    """Refuse what no image can have been taken for; a category that a model knew is known, as long as one was.

    Raises:
        UnknownName: no category is called so, nor was one when images were scored.
    """
    if name in dataset.categories:
        return
    said = store.table(dataset.name, PREDICTIONS).scan().select(pl.col("predicted_category").unique()).collect()
    known = set(said["predicted_category"].drop_nulls())
    refuse_other_than([*dataset.categories, *sorted(known - dataset.categories.keys())], name, "category")
