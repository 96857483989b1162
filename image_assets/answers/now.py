"""What is known of a dataset at a moment, and what follows of it: worked out once for all who ask meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from image_assets.alerts.waiting import WaitingAlerts
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
        waiting_alerts: Those that somebody should have been told, by channel.
        alerts_unknown: Why it is not known whether alerts wait; empty where it is.
    """

    dataset: DatasetSpec
    store: Store
    there: Listing
    status: Status
    unknown: Sequence[str] = ()
    running: frozenset[str] = frozenset()
    waiting_alerts: Sequence[WaitingAlerts] = ()
    alerts_unknown: str = ""

    @property
    def problems(self) -> list[str]:
        """What is not known, and who was not told, a line each."""
        return [*self.unknown, *filter(None, [self.alerts_unknown]), *map(str, self.waiting_alerts)]

    @property
    def has_failed(self) -> bool:
        """Whether of any day a check of severity ERROR has failed, or a run ended before it was done."""
        return any(cause.state in ("failed", "unfinished") for day in self.days for cause in day.causes)

    def as_json(self) -> dict[str, Any]:
        """The object of `image-assets status --json`."""
        return {**self.status.as_json(), "waiting_alerts": [one.as_json() for one in self.waiting_alerts]}

    @cached_property
    def days(self) -> list[OneDay]:
        """The whole dataset, then every day and category."""
        return day_states(self.status, self.running)

    @cached_property
    def quality(self) -> QualityOverTime:
        """The figures of each day."""
        return quality_over_time(self.dataset, self.store, self.status.health.checks or (), self.there)
