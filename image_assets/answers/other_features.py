"""Which loaded images have features of another extractor than the dataset file's, so that they are to be made anew?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.features.foreign import foreign_features
from image_assets.schema import Partition
from image_assets.settings.stages import (
    DEFAULT_EXTRACTOR,
    FORMER_EXTRACTOR,
    AnyExtractor,
    ColourStatistics,
    Combined,
    EfficientNetLite,
)
from image_assets.store.listing import Listing
from image_assets.store.store import Store


@dataclass(frozen=True)
class OtherFeatures:
    """Images whose features are of another extractor.

    Attributes:
        images: How many of each day and category; none is left out.
        of_former_default: Whether the dataset file names none, and they are of what such files had before.
    """

    images: Mapping[Partition, int] = field(default_factory=dict)
    of_former_default: bool = False

    def of(self, partitions: Collection[Partition]) -> int:
        """How many images of some days and categories."""
        return sum(self.images.get(one, 0) for one in partitions)

    def besides(self, partitions: Collection[Partition]) -> OtherFeatures:
        """Those of all others."""
        left = {one: count for one, count in self.images.items() if one not in partitions}
        return OtherFeatures(left, self.of_former_default)

    @property
    def lines(self) -> list[str]:
        """For a person: how many there are, what makes them anew, and how they stay; none where there are none."""
        if not self.images:
            return []
        days = sorted({one.date for one in self.images})
        when = f"on {days[0]}" if len(days) == 1 else f"on {len(days):,} days from {days[0]} to {days[-1]}"
        found = (
            f"features of another extractor: {sum(self.images.values()):,} images {when}; "
            "`image-assets run --extract-anew` makes them anew; until all are, there is no new model or map"
        )
        if not self.of_former_default:
            return [found]
        kept = (
            f"a dataset file without the key extractor has {DEFAULT_EXTRACTOR} now; these features are of what it had "
            f"before, and stay with `extractor: {FORMER_EXTRACTOR}` in the dataset file"
        )
        return [found, kept]

    def as_json(self) -> list[dict[str, Any]]:
        """Plain values."""
        return [{**one.as_json(), "images": count} for one, count in sorted(self.images.items())]


def other_features(dataset: DatasetSpec, store: Store, there: Listing | None = None) -> OtherFeatures:
    """Look for them.

    Args:
        dataset: The dataset.
        store: Where its features are.
        there: What lies in its folder, where that is known already.

    Raises:
        ExtractorError: the dataset's extractor cannot be used, so what is another one is not known.
        Damaged: a table's files or log cannot be read.
    """
    by_extractor = foreign_features(dataset.name, store, shared_extractor(dataset.extractor).digest, there)
    images: dict[Partition, int] = {}
    for found in by_extractor.values():
        for partition, count in found.items():
            images[partition] = images.get(partition, 0) + count
    unsaid = "extractor" not in dataset.model_fields_set
    former = bool(images) and unsaid and {*by_extractor} == {shared_extractor(FORMER_EXTRACTOR).digest}
    return OtherFeatures(images, former)


def is_at_hand(extractor: AnyExtractor) -> bool:
    """Whether it is part of the platform: it is there in a moment, without a download or a framework."""
    if isinstance(extractor, Combined):
        return all(map(is_at_hand, extractor.extractors))
    return isinstance(extractor, EfficientNetLite | ColourStatistics)
