"""Which image of the annotations a file is, by its path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import PurePosixPath

import polars as pl

from image_assets.ingest.annotated.names import bare, folded


class Closeness(IntEnum):
    """How well a file's path and an image's name agree; the larger, the better."""

    LAST_PART = 0
    """Only the last parts do, folded."""
    END_OF_NAME = 1
    """The path is an end of the name, folded."""
    END_OF_PATH = 2
    """The name is an end of the path, folded."""
    AS_WRITTEN = 3
    """The name is an end of the path, letter by letter."""


@dataclass(frozen=True)
class Match:
    """What a file may be.

    Attributes:
        keys: The images whose names agree with its path best: one where that is certain.
        closeness: How well: a `Closeness`, then the parts that agree, then whether these are the whole path.
    """

    keys: tuple[str, ...]
    closeness: tuple[int, int, bool]

    @property
    def key(self) -> str | None:
        """The image that it is; None where it may be several."""
        return next(iter(self.keys)) if len(self.keys) == 1 else None

    @property
    def is_spelt_otherwise(self) -> bool:
        """Whether the name is written in another way than the path."""
        return self.closeness[0] != Closeness.AS_WRITTEN


@dataclass(frozen=True)
class Matcher:
    """Finds the selected image that a file is.

    Attributes:
        by_stem: Whether keys are file names without ending; else they are the ends of paths.
        categories: Key → category, of the selected images.
        called: Folded last part of a name → the keys of all images that are called so, selected or not; those parts
            are left out that no selected image has.
    """

    by_stem: bool
    categories: Mapping[str, str]
    called: Mapping[str, Sequence[str]]

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(key for keys in self.called.values() for key in keys)

    @classmethod
    def of(cls, names: pl.DataFrame, *, by_stem: bool) -> Matcher:
        """A matcher for rows of alias, key and category (null for images that are not selected)."""
        called: dict[str, list[str]] = defaultdict(list)
        for alias, key in names.select("alias", "key").iter_rows():
            called[alias].append(key)
        return cls(by_stem, dict(names.select("key", "category").drop_nulls().iter_rows()), dict(called))

    def find(self, path: str) -> Match | None:
        """What a file may be; None for a file that is no selected image.

        Args:
            path: Below the landing zone, its first part a day.
        """
        below = path.partition("/")[2]
        if not below:
            return None
        match = self._by_stem(below) if self.by_stem else self._by_path(below)
        return match if match and any(key in self.categories for key in match.keys) else None

    def key_of(self, path: str) -> str | None:
        """The key of the image that a file is; None for a file that is no selected image, or not for certain."""
        match = self.find(path)
        return match.key if match else None

    def _by_stem(self, below: str) -> Match | None:
        stem = PurePosixPath(below).stem
        keys = self.called.get(stem.lower(), ())
        if stem in keys:
            return Match((stem,), (Closeness.AS_WRITTEN, 1, True))
        return Match(tuple(keys), (Closeness.END_OF_PATH, 1, True)) if keys else None

    def _by_path(self, below: str) -> Match | None:
        # Nearly all names are as they are written, and their files are many: the longest end that is a name.
        parts = below.split("/")
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            if end in self._known:
                return Match((end,), (Closeness.AS_WRITTEN, len(parts) - start, start == 0))
        path = folded(below)
        ranked = [(_closeness(key, path), key) for key in self.called.get(bare(path), ())]
        best = max((closeness for closeness, _ in ranked), default=None)
        return Match(tuple(sorted(key for closeness, key in ranked if closeness == best)), best) if best else None


def _closeness(key: str, path: str) -> tuple[int, int, bool]:
    """Of an image's name and a file's folded path, whose last parts are the same when folded."""
    name = folded(key)
    if _ends_with(path, name):
        return Closeness.END_OF_PATH, _parts(name), name == path
    if _ends_with(name, path):
        return Closeness.END_OF_NAME, _parts(path), True
    return Closeness.LAST_PART, 1, False


def _ends_with(path: str, end: str) -> bool:
    return path == end or path.endswith(f"/{end}")


def _parts(path: str) -> int:
    return path.count("/") + 1
