"""How is a dataset: what is loaded, how recent it is, what its checks say, what it takes, and what is damaged?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from image_assets.answers.health import Health, health_of
from image_assets.answers.loaded import PartitionFacts, partition_facts
from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CheckState
from image_assets.ingest.source import Source
from image_assets.store.store import Store
from image_assets.store.tables.store_damage import damaged_files


@dataclass(frozen=True)
class Status:
    """The status of a dataset.

    Attributes:
        loaded: What is loaded, in the order of days and categories.
        health: How it fares.
        damaged: Files of the store that are missing or cut, each in one line.
    """

    loaded: tuple[PartitionFacts, ...]
    health: Health
    damaged: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets status --json`."""
        loaded = [{"day": str(f.partition.date), "category": f.partition.category, **f.as_json()} for f in self.loaded]
        whole = {"dataset": self.health.dataset, "partitions": loaded, **self.health.as_json()}
        return {**whole, "damaged": list(self.damaged)}


def status_of(dataset: DatasetSpec, store: Store, checks: Sequence[CheckState], source: Source | None) -> Status:
    """Gather the status of a dataset.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        checks: What its checks last found, the worst first.
        source: Where images arrive; None where that is not known, then what landed is not either.
    """
    damaged = tuple(str(one) for one in damaged_files(store, dataset.name))
    loaded = tuple(partition_facts(dataset, store))
    return Status(loaded, health_of(dataset, store, checks, source=source), damaged)
