"""Which images are in doubt: probably under the wrong category, or unlike all others of theirs?"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from image_assets.dataset import DatasetSpec
from image_assets.schema import LABEL_SUSPECTS
from image_assets.store.store import Store


@dataclass(frozen=True)
class Suspect:
    """An image to look at.

    Attributes:
        image_id: Of the image.
        day: On which it arrived.
        category: That it is under.
        kind: `label` where another category is more probable, `outlier` where it is far from its own.
        score: The higher, the more suspect; of a label at most 1, of an outlier in robust standard deviations.
        suggested_category: The most probable other category; None for outliers.
        probability: Of the suggested category; None for outliers.
    """

    image_id: str
    day: dt.date
    category: str
    kind: str
    score: float
    suggested_category: str | None
    probability: float | None

    def as_json(self) -> dict[str, Any]:
        """The suspect as JSON writes it."""
        return {**asdict(self), "day": str(self.day)}


@dataclass(frozen=True)
class Suspects:
    """The suspects of a dataset as they were found last: labels first, and the most suspect of each kind first."""

    dataset: str
    images: tuple[Suspect, ...]

    def as_json(self) -> dict[str, Any]:
        """All of them as JSON writes them."""
        return {"dataset": self.dataset, "suspects": [one.as_json() for one in self.images]}


def suspects_of(dataset: DatasetSpec, store: Store) -> Suspects:
    """Read the table `label_suspects`; nobody is suspect where it was not made yet."""
    columns = ("image_id", "date", "category", "kind", "score", "suggested_category", "probability")
    rows = store.table(dataset.name, LABEL_SUSPECTS).scan().select(columns).collect()
    ordered = rows.sort("kind", "score", "image_id", descending=[False, True, False])
    return Suspects(dataset.name, tuple(Suspect(*row) for row in ordered.iter_rows()))
