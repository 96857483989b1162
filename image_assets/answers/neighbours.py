"""Which loaded images are most like a picture, by their features?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from image_assets.features.decode import all_prepared
from image_assets.ingest.fingerprint import image_id as id_of
from image_assets.schema import Partition
from image_assets.search.nearest import Wish
from image_assets.search.search import ImageSearch


class UnknownImage(LookupError):
    """An image that is not loaded: the message says which."""


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        number: So many images at most.
        day: Only those of a day; None: of all.
        category: Only those that arrived under it; None: of all.
        patience: So many seconds it is waited for an index that is being made; None: as long as it takes.
    """

    number: int
    day: dt.date | None = None
    category: str | None = None
    patience: float | None = None

    def besides(self, image_id: str) -> Wish:
        """As it is searched for, without an image."""
        return Wish(self.number, self._within, (image_id,))

    @property
    def _within(self) -> Callable[[Partition], bool]:
        return lambda one: self.day in (None, one.date) and self.category in (None, one.category)


def like_image(search: ImageSearch, image_id: str, asked: Asked) -> pl.DataFrame:
    """The images most like one that is loaded, without itself. Returns and raises as `ImageSearch.like`.

    Raises:
        UnknownImage: it has no features.
    """
    features = search.features_of(image_id, asked.patience)
    if features is None:
        raise UnknownImage(f"{image_id}: {search.dataset.name} has no features of such an image")
    return search.like(features, asked.besides(image_id), asked.patience)


def like_content(search: ImageSearch, content: bytes, asked: Asked) -> pl.DataFrame:
    """The images most like that of a file, without itself where it is loaded. Returns and raises as `like_image`.

    Raises:
        Rejected: the file is no image that the door lets in.
        ExtractorError: the dataset's extractor cannot be used.
    """
    extractor = search.extractor
    (features,) = extractor.infer(all_prepared([content], extractor))
    return search.like(features, asked.besides(id_of(content)), asked.patience)


def neighbours_as_json(found: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as `ImageSearch.like` finds them, as programs are told of them."""
    return [
        {"image_id": one, "day": str(date), "category": category, "similarity": similarity}
        for one, date, category, similarity in found.iter_rows()
    ]
