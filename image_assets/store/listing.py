"""What lies in the folder of a dataset at a moment: whoever is asked for many things at once lists it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from image_assets.store.objects import Lying, lying_below
from image_assets.store.store import Store


@dataclass(frozen=True)
class Listing:
    """All objects of a dataset. Two are equal where every object is the same.

    Attributes:
        objects: By their paths below the dataset's folder.
    """

    objects: Mapping[str, Lying]

    @classmethod
    def of(cls, store: Store, dataset: str) -> Listing:
        """As it is now."""
        return cls(lying_below(store.objects(dataset)))

    def below(self, folder: str) -> Mapping[str, Lying]:
        """Those of a folder of the dataset, by their paths below it; none where it is not there."""
        return self.folders.get(folder, {})

    @cached_property
    def folders(self) -> Mapping[str, Mapping[str, Lying]]:
        """The same by the first folder of their paths; what lies in none is left out."""
        found: dict[str, dict[str, Lying]] = {}
        for path, one in self.objects.items():
            folder, slash, rest = path.partition("/")
            if slash:
                found.setdefault(folder, {})[rest] = one
        return found
