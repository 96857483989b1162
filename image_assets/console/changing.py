"""What something that people say is kept with, whatever it is of."""

from __future__ import annotations

from dataclasses import dataclass, field

from image_assets.console.body import Capacity
from image_assets.dataset import DatasetSpec
from image_assets.store.store import Store


@dataclass(frozen=True)
class Changing:
    """Where it is looked up, and what whoever says it needs.

    Attributes:
        dataset: Whose it is.
        store: Where it is looked up; what is said is written through a store of its own.
        token: That changes need.
        capacity: How much may be worked on.
    """

    dataset: DatasetSpec
    store: Store
    token: str = field(repr=False)
    capacity: Capacity
