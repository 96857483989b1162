"""The scales that numbers are counted on: evenly spaced levels, of which every image falls on one.

Counts on levels can be added, so that a dataset of any size is counted in pieces, in any order, to the same result;
quartiles and densities are read off them, as exact as a level is wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from image_assets.features.colour_statistics import CHANNELS

LEVELS = 256
"""Levels of a scale that says nothing else."""


@dataclass(frozen=True)
class Scale:
    """How a number is counted and what its axis says.

    Attributes:
        title: What it measures, in plain words.
        unit: Of the axis; empty where there is none.
        low: Where the first level begins, on the scale itself: a logarithm where it is logarithmic.
        high: Where the last one ends. What is beyond falls on the outermost level.
        base: 10 or 2 for a logarithmic scale, 0 for a linear one.
        levels: How many.
    """

    title: str
    unit: str
    low: float
    high: float
    base: Literal[0, 2, 10] = 0
    levels: int = LEVELS

    def sql(self, number: str) -> str:
        """The SQL expression of the level of a number, itself an SQL expression; not for NULL or NaN."""
        # A logarithm of nothing is none: what is 0 falls on the lowest level.
        scaled = f"log{self.base}(greatest({number}, 1e-9))" if self.base else f"({number})"
        level = f"floor(({scaled} - {self.low}) * {self.levels / (self.high - self.low)!r})"
        return f"least({self.levels - 1}, greatest(0, {level}))::SMALLINT"

    @property
    def edges(self) -> np.ndarray:
        """Where the levels begin and end, as numbers and not as logarithms; float64 `[levels + 1]`."""
        edges = np.linspace(self.low, self.high, self.levels + 1)
        return float(self.base) ** edges if self.base else edges


METRIC_SCALES = {
    "brightness": Scale("Brightness", "0 black … 1 white", 0, 1),
    "contrast": Scale("Contrast", "standard deviation of luma", 0, 0.5),
    "sharpness": Scale("Sharpness", "variance of the Laplacian", 0, 5, base=10),
    "entropy": Scale("Entropy", "bits", 0, 8),
    "colourfulness": Scale("Colourfulness", "after Hasler and Süsstrunk", 0, 160),
}
"""The metrics of every image that are shown, as columns of `raw_images`."""

_CHANNEL_TITLES = {"green_red": "a*, green to red", "blue_yellow": "b*, blue to yellow", "lightness": "Lightness L*"}
COLOUR_CHANNELS = {
    channel: Scale(
        _CHANNEL_TITLES.get(channel, channel.capitalize()),
        "steps of 2 degrees" if channel == "hue" else "level",
        0,
        180 if channel == "hue" else 256,
        levels=180 if channel == "hue" else 256,
    )
    for channel in CHANNELS
}
"""Means of the channels of an image, where the extractor is `colour_statistics`."""

# Levels have powers of two, and the square, in their middle: what is common is then read off exactly.
SIDE = Scale("Side", "pixels", -1 / 16, 16 + 1 / 16, base=2, levels=129)
ASPECT = Scale("Width ÷ height", "", -4 - 1 / 24, 4 + 1 / 24, base=2, levels=97)
FILE_SIZE = Scale("File size", "bytes", 1, 9, base=10, levels=160)
BOX_SHARE = Scale("Box's share of the image", "", -5, 0, base=10, levels=100)


def quantiles(counts: np.ndarray, scale: Scale, shares: tuple[float, ...]) -> np.ndarray:
    """Quantiles of what was counted; within a level, values are taken to be spread evenly.

    Args:
        counts: int `[rows, levels]`.
        scale: What they were counted on.
        shares: Which quantiles, 0 … 1.

    Returns:
        float64 `[rows, len(shares)]`, as numbers; NaN for a row without counts.
    """
    edges = np.linspace(scale.low, scale.high, scale.levels + 1)
    found = np.full((len(counts), len(shares)), np.nan)
    for row, ranked in zip(found, counts, strict=True):
        if total := ranked.sum():
            # The first level by which so many are reached; what is empty in between is never the answer.
            ranks, reached = np.maximum(np.asarray(shares) * total, 1e-9), ranked.cumsum()
            level = np.searchsorted(reached, ranks)
            within = (ranks - reached[level] + ranked[level]) / ranked[level]
            row[:] = edges[level] + within * (edges[level + 1] - edges[level])
    return float(scale.base) ** found if scale.base else found
