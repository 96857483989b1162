"""Which pictures are under several categories, and which of these is right?"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import OPEN
from image_assets.lookalikes.reviews import current_conflicts
from image_assets.schema import NEAR_DUPLICATES
from image_assets.store.store import Store


@dataclass(frozen=True)
class ConflictingFile:
    """A file of a conflict.

    Attributes:
        conflict_id: Of the conflict, the same for all its files.
        image_id: Of the picture.
        day: On which it arrived.
        category: That it was delivered under.
        source: Where it came from.
        kind: `same bytes` or `near-duplicate`.
        loaded: Whether this file is the image that was loaded; else it is a duplicate of it.
        state: `open`, `settled by rule` or `settled by review`.
        kept: Whether the image may be published and trained on under this category.
    """

    conflict_id: str
    image_id: str
    day: dt.date
    category: str
    source: str | None
    kind: str
    loaded: bool
    state: str
    kept: bool

    def as_json(self) -> dict[str, Any]:
        """Its entry in the output of `image-assets conflicts list --json`."""
        return {**vars(self), "day": str(self.day)}


@dataclass(frozen=True)
class Conflicts:
    """The label conflicts of a dataset: a line per file, those of open conflicts first.

    Attributes:
        dataset: Its name.
        files: The files.
        lookalikes_looked_for: Whether images were compared by their looks; else only the same bytes are known.
    """

    dataset: str
    files: tuple[ConflictingFile, ...]
    lookalikes_looked_for: bool = True

    @property
    def open(self) -> int:
        """How many conflicts nobody has settled."""
        return len({one.conflict_id for one in self.files if one.state == OPEN})

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets conflicts list --json`."""
        return {
            "dataset": self.dataset,
            "open": self.open,
            "lookalikes_looked_for": self.lookalikes_looked_for,
            "files": [one.as_json() for one in self.files],
        }


def conflicts_of(dataset: DatasetSpec, store: Store) -> Conflicts:
    """The conflicts as they are now, with what was said of them a moment ago."""
    compared = store.table(dataset.name, NEAR_DUPLICATES).snapshot().version >= 0
    return replace(conflicts_in(dataset.name, current_conflicts(dataset, store)), lookalikes_looked_for=compared)


def conflicts_in(dataset: str, rows: pl.DataFrame) -> Conflicts:
    """The conflicts that rows of `label_conflicts` tell of."""
    files = rows.sort(pl.col("state") != OPEN, "conflict_id", "date", "category")
    columns = ("conflict_id", "image_id", "date", "category", "source", "kind", "loaded", "state", "kept")
    return Conflicts(dataset, tuple(ConflictingFile(*row) for row in files.select(columns).iter_rows()))
