"""Which training images say when to stop: lookalikes stay together, and every category has some."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

_DIGITS = 12  # of a number in base 16


def validation_side(groups: pl.Series, labels: np.ndarray, share: float, *, steady: bool = False) -> np.ndarray:
    """Choose the images of the validation, by the names of their groups alone: the same groups give the same choice.

    Args:
        groups: N names of what must stay together.
        labels: int [N]; a group counts for that of its first image.
        share: Of every label's groups, at least one where it has two.
        steady: Whether a group stays on its side when others come. Then the share is met by chance, as a number that
            its name gives decides: only where a label has no such group one is chosen that others may replace.

    Returns:
        bool [N], true where an image is for the validation.
    """
    rows = pl.DataFrame({"group": groups, "label": labels})
    firsts = rows.unique("group", keep="first", maintain_order=True)
    # Another number than the one that held images out of training.
    numbers = [hashlib.sha256(f"validation {name}".encode()).hexdigest() for name in firsts["group"]]
    ranked = firsts.with_columns(rank=pl.Series(numbers, dtype=pl.String).rank("ordinal")).with_columns(
        pl.col("rank").rank("ordinal").over("label") - 1, there=pl.len().over("label")
    )
    wanted = pl.max_horizontal(pl.lit(1), (share * pl.col("there")).round())
    if steady:
        below = f"{round(share * 16**_DIGITS):0{_DIGITS}x}"
        ranked = ranked.with_columns(low=pl.Series([number[:_DIGITS] < below for number in numbers], dtype=pl.Boolean))
        wanted = pl.max_horizontal(pl.lit(1), pl.col("low").sum().over("label"))
    chosen = ranked.filter((pl.col("rank") < wanted) & (pl.col("there") > 1))["group"]
    return rows["group"].is_in(chosen.implode()).to_numpy()


def why_no_validation(chosen: np.ndarray) -> str:
    """Why images of which these, bool [N], are for the validation are too few to train by; empty where they are not."""
    if chosen.any() and not chosen.all():
        return ""
    return f"there is no image to {'train' if chosen.any() else 'validate'} on; add images"
