"""What is known of a dataset at a moment, and what follows of it: worked out once for all who ask meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from image_assets.answers.day_states import OneDay, day_states
from image_assets.answers.quality_over_time import QualityOverTime, quality_over_time
from image_assets.answers.status import Status
from image_assets.dataset import DatasetSpec
from image_assets.store.listing import Listing
from image_assets.store.store import Store


@dataclass(frozen=True, eq=False)
class Now:
    """What is known.

    Attributes:
        dataset: Of what.
        store: Where its tables are.
        there: What lies in its folder: as long as this is the same, so is all else.
        status: The status.
        unknown: What is not known, and why: a line each.
        running: Runs that are not over or will be tried again, by id; of a partition that such a run has begun to load
            also the partition, as text.
    """

    dataset: DatasetSpec
    store: Store
    there: Listing
    status: Status
    unknown: Sequence[str] = ()
    running: frozenset[str] = frozenset()

    @cached_property
    def days(self) -> list[OneDay]:
        """The whole dataset, then every day and category."""
        return day_states(self.status, self.running)

    @cached_property
    def quality(self) -> QualityOverTime:
        """The figures of each day."""
        return quality_over_time(self.dataset, self.store, self.status.health.checks or (), self.there)
