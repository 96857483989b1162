"""Which images are held out of training: by the image id alone, by the day, or by the source."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

# 13 hexadecimal digits are 52 bits: what a float64 holds exactly.
_DIGITS = 13


def held_out(image_ids: pl.Series | Sequence[str], share: float) -> np.ndarray:
    """Say which images are kept for the evaluation.

    An id is the SHA-256 of the file's bytes, so its digits are uniform already and need no further hashing: the last
    13 are read as a number in [0, 1) and the image is held out where that number is below `share`. The last digits
    and not the first, because whoever sorts a table by id and takes its head would else take held-out images only.

    The side of an image never changes, however the data grows, is ordered or is cut into days, and a larger share
    keeps whatever a smaller one held out. The price: exact stratification is out of reach, for it would have to know
    the other images. Every class is held out at the same expected share, up to chance: of n images n × share,
    with a standard deviation of sqrt(n × share × (1 - share)).

    Args:
        image_ids: N ids of 64 lower-case hexadecimal digits.
        share: Expected share of the images held out, in [0, 1].

    Returns:
        bool [N], true where the image is held out.

    Raises:
        ValueError: an id is not a SHA-256; the message names the first such id and its row.
    """
    ids = pl.Series("image_id", image_ids, dtype=pl.String)
    wrong = (~ids.str.contains("^[0-9a-f]{64}$")).fill_null(True).arg_true()
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of {len(ids)} image ids are no SHA-256 (64 lower-case hexadecimal digits), "
            f"the first is {ids[wrong[0]]!r} in row {wrong[0]}"
        )
    numbers = ids.str.slice(-_DIGITS).str.to_integer(base=16, dtype=pl.Int64).to_numpy()
    return numbers / 16**_DIGITS < share


def last_days(days: pl.Series, earliest: pl.Series, number: int) -> np.ndarray:
    """Say which images are kept for the evaluation where the classifier is to be tested on what is new.

    The days are those of the data: days on which nothing arrived do not count. An image is held out while its day is
    among the last ones, and moves to training once `number` newer days have come; it never moves back. That is the
    price beside `held_out`, where nothing ever moves: figures of different days are of different images.

    Args:
        days: date [N], of arrival.
        earliest: date [N], of the first image that looks like it, the image's own where there is none.
        number: How many days are held out, at least 1. With no more days than that, nothing is left to train on.

    Returns:
        bool [N], true where the image is held out.
    """
    there = days.unique().sort()
    if there.is_empty():
        return np.zeros(0, bool)
    return (earliest >= there[-min(number, len(there))]).to_numpy()


def sources_held_out(sets: pl.Series, categories: pl.Series, days: pl.Series, share: float) -> np.ndarray:
    """Say which images are kept for the evaluation where the classifier is to be tested on sources it never saw.

    As `held_out`, but by the SHA-256 of the source set's name, so whole sets are held out. The set that a category
    began with is always trained on, since the category might come from no other; of several on the same day, the one
    that is the last to be held out. As long as no older day is filled in, what was trained on
    is never held out, and what is held out is trained on only once a new category begins with it.

    Args:
        sets: N names of source sets.
        categories: N names.
        days: date [N], of arrival.
        share: Expected share of the sets held out, in [0, 1].

    Returns:
        bool [N], true where the image is held out.
    """
    names = sets.unique().sort()
    digests = pl.Series("digest", [hashlib.sha256(name.encode()).hexdigest() for name in names], dtype=pl.String)
    kept = pl.DataFrame({"set": names, "digest": digests.str.slice(-_DIGITS), "aside": held_out(digests, share)})
    rows = pl.DataFrame({"set": sets, "category": categories, "day": days})
    begun = rows.join(kept, on="set").sort("day", pl.col("digest"), descending=[False, True])
    firsts = begun.unique("category", keep="first", maintain_order=True)["set"]
    joined = rows.join(kept, on="set", how="left", maintain_order="left")
    return joined.select(pl.col("aside") & ~pl.col("set").is_in(firsts.implode())).to_series().to_numpy()
