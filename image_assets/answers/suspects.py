"""Which images are in doubt: probably under the wrong category, or unlike all others of theirs?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.marks.decisions import standing
from image_assets.schema import LABEL_SUSPECTS, RAW_IMAGES, REVIEWS, Partition
from image_assets.store.store import Store


@dataclass(frozen=True)
class Suspect:
    """An image to look at.

    Attributes:
        image_id: Of the image.
        partition: The day on which it arrived, and the category that it is under.
        kind: `label` where another category is more probable, `outlier` where it is far from its own.
        score: The higher, the more suspect; of a label at most 1, of an outlier in robust standard deviations.
        suggested_category: The most probable other category; None for outliers.
        probability: Of the suggested category; None for outliers.
        source: Its file: of a folder, the path in the landing zone; None where it is no longer loaded there.
    """

    image_id: str
    partition: Partition
    kind: str
    score: float
    suggested_category: str | None
    probability: float | None
    source: str | None

    def as_json(self) -> dict[str, Any]:
        """Its entry in the output of `image-assets suspects --json`."""
        return {name: value for name, value in vars(self).items() if name != "partition"} | self.partition.as_json()


@dataclass(frozen=True)
class Suspects:
    """The suspects of a dataset as they were found last: labels first, and the most suspect of each kind first.

    Attributes:
        dataset: Its name.
        images: The suspects.
        looked_for: Whether they were looked for at all; else that there are none says nothing.
    """

    dataset: str
    images: tuple[Suspect, ...]
    looked_for: bool = True

    def worst(self, number: int) -> tuple[Suspect, ...]:
        """Those to show a person: the worst of either kind, more of one where there are few of the other."""
        labels, outliers = ([one for one in self.images if one.kind == kind] for kind in ("label", "outlier"))
        shown = max(number - len(outliers), number // 2)
        return (*labels[:shown], *outliers[: number - min(len(labels), shown)])

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets suspects --json`."""
        found = [one.as_json() for one in self.images]
        return {"dataset": self.dataset, "looked_for": self.looked_for, "suspects": found}


def suspects_of(dataset: DatasetSpec, store: Store) -> Suspects:
    """Read the table `label_suspects`; where it was not made yet nobody was looked for."""
    table = store.table(dataset.name, LABEL_SUSPECTS)
    return replace(suspects_in(dataset, store, table.scan().collect()), looked_for=table.snapshot().version >= 0)


def suspects_in(dataset: DatasetSpec, store: Store, rows: pl.DataFrame) -> Suspects:
    """The suspects that rows of `label_suspects` tell of, with their files as they are loaded now.

    Of whom somebody has said whether they belong under their category, they are suspect no more.
    """
    said = standing(store.table(dataset.name, REVIEWS).scan().collect())
    rows = rows.join(said, on=["image_id", "category"], how="anti")
    place = ("image_id", "date", "category")
    partitions = [Partition(*one) for one in rows.select("date", "category").unique().iter_rows()]
    loaded = store.table(dataset.name, RAW_IMAGES).scan(partitions).select(*place, "source")
    found = loaded.filter(pl.col("image_id").is_in(rows["image_id"].implode())).collect()
    ordered = rows.join(found, on=place, how="left").sort("kind", "score", "image_id", descending=[False, True, False])
    known = ordered.select(*place, "kind", "score", "suggested_category", "probability", "source")
    suspects = (Suspect(image, Partition(day, category), *rest) for image, day, category, *rest in known.iter_rows())
    return Suspects(dataset.name, tuple(suspects))
