"""The frames that label statistics are computed from: what annotations of any origin are brought into.

A dataset's categories are one label per image. Annotated datasets have many, also such that say what is *not* in the
image, and boxes. Whoever reads annotations gives them in these columns; more columns are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

LABEL_FRAME = {"image_id": pl.String(), "label": pl.String(), "positive": pl.Boolean(), "subset": pl.String()}
"""A `LabelFrame`: one row says that a label was looked for in an image, and whether it is there.

image_id: any key of the image; label: its name for people; positive: True where it is in the image, False where
somebody made sure that it is not; subset: such as train or validation. A row may occur again: it counts once.
"""
BOX_FRAME = {
    "image_id": pl.String(),
    "label": pl.String(),
    **dict.fromkeys(("xmin", "xmax", "ymin", "ymax"), pl.Float64()),
}
"""A `BoxFrame`: one row per box. Sides as shares of the image's width and height, 0 … 1, xmin < xmax, ymin < ymax."""

LabelFrame = pl.LazyFrame
BoxFrame = pl.LazyFrame


class FrameError(ValueError):
    """A frame lacks columns or has them of another type; the message says which."""


@dataclass(frozen=True)
class Annotations:
    """The labels and boxes of a dataset, lazily; either may have no rows."""

    labels: LabelFrame
    boxes: BoxFrame


def label_frame(frame: pl.DataFrame | pl.LazyFrame) -> LabelFrame:
    """A frame of labels, of these columns only. Raises `FrameError` where one is missing or of another type."""
    return _checked(frame, LABEL_FRAME, "labels")


def box_frame(frame: pl.DataFrame | pl.LazyFrame) -> BoxFrame:
    """A frame of boxes, of these columns only. Raises `FrameError` where one is missing or of another type."""
    return _checked(frame, BOX_FRAME, "boxes")


def _checked(frame: pl.DataFrame | pl.LazyFrame, columns: dict[str, pl.DataType], what: str) -> pl.LazyFrame:
    schema = frame.lazy().collect_schema()
    wrong = [
        f"{name} is {schema.get(name, 'missing')}, expected {kind}"
        for name, kind in columns.items()
        if name not in schema or not _alike(schema[name], kind)
    ]
    if wrong:
        raise FrameError(f"a frame of {what} has other columns than are needed: {'; '.join(wrong)}")
    return frame.lazy().select(pl.col(name).cast(kind) for name, kind in columns.items())


def _alike(found: pl.DataType, expected: pl.DataType) -> bool:
    if expected == pl.String():
        return found in (pl.String(), pl.Categorical()) or isinstance(found, pl.Enum | pl.Categorical)
    return found == expected or (expected == pl.Float64() and found == pl.Float32())
