"""What points of the map are coloured and filtered by: one small number for each image, and what it stands for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.images.issues import ISSUES
from image_assets.pages.colours import COLOURS

PALETTE = (*COLOURS, "#B45A9B", "#6A8F00", "#A0522D", "#5B6BD5", "#C2185B", "#00879B", "#9A7D5A")
"""Of values, in their order; they begin again where there are more values."""
GREY = "#8C8F94"
"""Of points that a column says nothing of."""
RIGHT, MISTAKEN, UNKNOWN, NOT_ASKED = "right", "taken for another", "unknown", "not asked yet"
NOTHING_WRONG, NO_REGION = "nothing wrong", "in no region"


@dataclass(frozen=True, eq=False)
class MapColumn:
    """One column of the map's points.

    Attributes:
        called: What a page calls it.
        values: What its numbers stand for.
        numbers: [N], uint8 or uint16: the place of a point's value among `values`; where a point may have several, a
            bit for each of them.
        several: Whether it may.
        nothing: The place of the value that says nothing of a point, and is grey; None where there is none.
    """

    called: str
    values: tuple[str, ...]
    numbers: np.ndarray
    several: bool = False
    nothing: int | None = None

    def told(self, point: int) -> str | list[str]:
        """What it says of a point."""
        number = int(self.numbers[point])
        if self.several:
            return [value for place, value in enumerate(self.values) if number >> place & 1]
        return self.values[number]

    def among(self, chosen: Collection[str]) -> np.ndarray:
        """Which points have one of the values, bool [N]; values that there are not are passed over."""
        places = [place for place, value in enumerate(self.values) if value in chosen]
        if self.several:
            return (self.numbers & self.numbers.dtype.type(sum(1 << place for place in places))) != 0
        has = np.zeros(max(len(self.values), 1), bool)
        has[places] = True
        return has[self.numbers]


def columns_of(rows: pl.DataFrame, categories: Sequence[str]) -> Mapping[str, MapColumn]:
    """The columns.

    Args:
        rows: A row for each point: date, category, predicted_category and unknown, which are null where there is no
            prediction, and a boolean column for each of `ISSUES`.
        categories: All of the dataset, in its order.
    """
    wrong = pl.col("predicted_category") != pl.col("category")
    verdict = (
        pl.when(pl.col("predicted_category").is_null())
        .then(pl.lit(NOT_ASKED))
        .when("unknown")
        .then(pl.lit(UNKNOWN))
        .when(wrong)
        .then(pl.lit(MISTAKEN))
        .otherwise(pl.lit(RIGHT))
    )
    said = rows.select(
        "category",
        prediction=pl.col("predicted_category").fill_null(NOT_ASKED),
        day=pl.col("date").cast(pl.String),
        verdict=verdict,
    )
    days = sorted(said["day"].unique())
    return {
        "category": _of(said["category"], "Category", [one for one in categories if one != NOT_ASKED]),
        "prediction": _of(said["prediction"], "Taken for", [*categories, NOT_ASKED]),
        "verdict": _of(said["verdict"], "Classifier", [RIGHT, MISTAKEN, UNKNOWN, NOT_ASKED]),
        "day": _of(said["day"], "Day", days),
        "quality": _quality(rows),
    }


def region_column(of_points: np.ndarray, names: Mapping[int, str]) -> MapColumn:
    """The column of regions.

    Args:
        of_points: The number of the region of each point, int [N]; -1 in none.
        names: Of the regions, by number, in the order in which they are shown.
    """
    values = (*names.values(), NO_REGION)
    kind = np.uint8 if len(values) <= 256 else np.uint16
    places = np.full(max([*names, int(of_points.max(initial=-1))]) + 2, len(names), kind)
    for place, number in enumerate(names):
        places[number] = place
    return MapColumn("Region", values, places[of_points], nothing=len(names))  # -1 is the last one


def _of(said: pl.Series, called: str, values: Sequence[str]) -> MapColumn:
    others = sorted(set(said.unique()) - set(values))  # such as a model's that knew more categories
    known = tuple(dict.fromkeys([*values, *others]))
    kind = pl.UInt8 if len(known) <= 256 else pl.UInt16
    numbers = said.replace_strict({value: place for place, value in enumerate(known)}, return_dtype=kind)
    return MapColumn(called, known, numbers.to_numpy())


def _quality(rows: pl.DataFrame) -> MapColumn:
    bits = np.zeros(rows.height, np.uint8)
    for place, issue in enumerate(ISSUES, 1):
        bits |= rows[issue.name].fill_null(value=False).to_numpy().astype(np.uint8) << np.uint8(place)
    bits[bits == 0] = 1
    names = (issue.name.replace("_", " ") for issue in ISSUES)
    return MapColumn("Quality", (NOTHING_WRONG, *names), bits, several=True)
