"""Which image of the annotations a file is, by its path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

import polars as pl


@dataclass(frozen=True)
class Matcher:
    """Finds the selected image that a file is.

    Attributes:
        by_stem: Whether keys are file names without ending; else they are the ends of paths.
        categories: Key → category, of the selected images.
        keys: Another name of an image's file → its key.
    """

    by_stem: bool
    categories: dict[str, str]
    keys: dict[str, str]

    @classmethod
    def of(cls, selected: pl.DataFrame, *, by_stem: bool) -> Matcher:
        """A matcher for rows of key, alias (may be null) and category."""
        named = selected.filter(pl.col("alias").is_not_null())
        return cls(
            by_stem,
            dict(zip(selected["key"], selected["category"], strict=True)),
            dict(zip(named["alias"], named["key"], strict=True)),
        )

    def key_of(self, path: str) -> str | None:
        """The key of the image that a file is; None for a file that is no selected image.

        Args:
            path: Below the landing zone, its first part a day.
        """
        parts = path.split("/")[1:]
        if not parts:
            return None
        if self.by_stem:
            stem = PurePosixPath(parts[-1]).stem
            return stem if stem in self.categories else None
        # The longest end of the path that the annotations know.
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((end for end in ends if end in self.categories), self.keys.get(parts[-1]))

    def category_of(self, path: str) -> str | None:
        """The category of the image that a file is; None for a file that is no selected image."""
        key = self.key_of(path)
        return None if key is None else self.categories[key]
