"""Tombstones: which images were removed for good, so that they do not come in again.

A tombstone is named by the image's id, the SHA-256 of its bytes, and holds when and why it was removed. Of the names of
its files it holds digests alone. While a removal is under way it also holds where the image lay, so that a command that
was killed is finished by giving it again; this goes at its end. A tombstone that is damaged keeps the image out all the
same: its name is enough.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, ValidationError

from image_assets.schema import Partition
from image_assets.settings.section import Sha256, Strict
from image_assets.store.records import Records
from image_assets.store.store import Store

TOMBSTONES = "removed_images"
"""The folder of a dataset that holds them."""
HIDDEN = "removed/"
"""What the source of a removed image's file begins with in tables, in the place of its name."""


class RemovedFile(Strict):
    """A file of an image that is being removed: where it lay, and what it was called."""

    date: dt.date
    category: str
    source: str
    bytes: int

    @property
    def partition(self) -> Partition:
        """Its day and category."""
        return Partition(self.date, self.category)


class Tombstone(Strict):
    """A removed image."""

    image_id: Sha256
    removed_on: dt.date = Field(description="The day on which its removal began, UTC.")
    reason: str = Field(description="Why, in the words of whoever removed it.")
    names: tuple[Sha256, ...] = Field(default=(), description="SHA-256 of the sources of its files.")
    partitions: tuple[tuple[dt.date, str], ...] = Field(default=(), description="Days and categories of its files.")
    models: tuple[str, ...] = Field(
        default=(), description="Models, as `classifier/<12 digits>`, that were trained when it was among the images."
    )
    unfinished: tuple[RemovedFile, ...] | None = Field(
        default=None, description="Its files, while the removal is under way; null once it is done."
    )


@dataclass(frozen=True)
class Tombstones:
    """All of a dataset.

    Attributes:
        by_id: By image id; None where one cannot be read.
        names: SHA-256 of sources of removed images' files.
    """

    by_id: Mapping[str, Tombstone | None]
    names: frozenset[str]

    @property
    def ids(self) -> set[str]:
        """Of all removed images."""
        return set(self.by_id)

    def of_source(self, source: str) -> bool:
        """Whether a removed image's file is called so."""
        return bool(self.names) and digest_of(source) in self.names

    def said(self, image_id: str) -> str:
        """When an image was removed, for a person."""
        one = self.by_id[image_id]
        return f"its image was removed on {one.removed_on}" if one else "its image was removed"


class TombstoneBook:
    """The tombstones of a dataset in its store.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._records = Records(store, dataset, TOMBSTONES)

    def all(self) -> Tombstones:
        """As they are now."""
        names = self._records.names()
        found = dict(self._records.all()) if names else {}
        by_id = {name: _parsed(found.get(name)) for name in names}
        return Tombstones(by_id, frozenset(name for one in by_id.values() if one for name in one.names))

    def write(self, tombstone: Tombstone) -> None:
        """Keep one, in the place of what was kept of the image."""
        self._records.write(tombstone.image_id, tombstone.model_dump(mode="json"))


def hidden(source: str) -> str:
    """What stands in tables for the name of a removed image's file: the same for the same name, another for another."""
    return f"{HIDDEN}{digest_of(source)[:16]}"


def digest_of(source: str) -> str:
    """SHA-256 of the name of a file."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _parsed(content: Mapping[str, object] | None) -> Tombstone | None:
    try:
        return None if content is None else Tombstone.model_validate(content)
    except ValidationError:
        return None
