"""What is wrong with a picture, by its metrics: which images count as dark, blurred, odd-sized …

What belongs here: from the columns of `raw_images` and the dataset file's `quality` to a yes or no per image. How many
may be so is a check's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.images.metrics import measure
from image_assets.settings.quality import Quality

_SIDE = (pl.col("width").cast(pl.Float64) * pl.col("height")).sqrt()


@dataclass(frozen=True)
class Issue:
    """One thing that may be wrong with an image.

    Attributes:
        name: Its name, and that of its threshold in the dataset file's `quality`.
        figure: The number that decides: an expression over the rows of one partition.
        above: Whether it is images above the threshold that have the issue, and not those below.
        any_content: Whether images that show next to nothing can have it too.
    """

    name: str
    figure: pl.Expr
    above: bool = False
    any_content: bool = True

    def threshold(self, quality: Quality) -> float:
        """What the figure is compared with."""
        return getattr(quality, self.name)

    def found(self, quality: Quality) -> pl.Expr:
        """Whether an image has the issue: a boolean expression over the rows of one partition."""
        threshold = self.threshold(quality)
        found = self.figure > threshold if self.above else self.figure < threshold
        return found if self.any_content else found & (pl.col("entropy") >= quality.low_information)


DARK = Issue("dark", pl.col("brightness_p99"))
BRIGHT = Issue("bright", pl.col("brightness_p05"), above=True)
# The variance of the Laplacian grows with that of the levels: without this, dark and pale pictures were called blurred.
# What is even has no edges that could be sharp: it is poor in information, and not blurred.
BLURRED = Issue("blurred", pl.col("sharpness") / (255 * pl.col("contrast").cast(pl.Float64)).pow(2), any_content=False)
LOW_INFORMATION = Issue("low_information", pl.col("entropy"))
ODD_SHAPE = Issue("odd_shape", pl.max_horizontal("width", "height") / pl.min_horizontal("width", "height"), above=True)
# A size is as odd when it is so many times the median as when the median is so many times it.
ODD_SIZE = Issue("odd_size", (_SIDE / _SIDE.median()).log().abs().exp(), above=True)

ISSUES = (DARK, BRIGHT, BLURRED, LOW_INFORMATION, ODD_SHAPE, ODD_SIZE)
_OF_ONE_PICTURE = tuple(one for one in ISSUES if one is not ODD_SIZE)


def issues_of(pixels: np.ndarray, quality: Quality) -> tuple[str, ...]:
    """The names of a single picture's issues: all but `odd_size`, which is held against the day's other images.

    Args:
        pixels: uint8 [height, width, 3], RGB, upright.
        quality: The dataset's thresholds.
    """
    height, width = pixels.shape[:2]
    row = pl.DataFrame({**measure(pixels)._asdict(), "width": width, "height": height})
    found = row.select(one.found(quality).alias(one.name) for one in _OF_ONE_PICTURE).row(0, named=True)
    return tuple(name for name, has in found.items() if has)
