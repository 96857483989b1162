"""Showing images in what a check found: thumbnails inside its Markdown table."""

import base64

import polars as pl

from image_assets.asset_checks.check import Subject
from image_assets.schema import RAW_IMAGES


def with_thumbnails(subject: Subject, rows: pl.DataFrame) -> pl.DataFrame:
    """Put a first column `image` before rows of the checked partition: the thumbnail, as Markdown with a data URI.

    Args:
        subject: What is checked.
        rows: Few rows with a column `image_id`; an image that is no longer loaded gets an empty cell.
    """
    ids = rows["image_id"].to_list()
    thumbnails = (
        subject.rows(RAW_IMAGES).filter(pl.col("image_id").is_in(ids)).select("image_id", "thumbnail").collect()
    )
    shown = {image: _markdown(content) for image, content in thumbnails.iter_rows()}
    return rows.select(pl.Series("image", [shown.get(one, "") for one in ids], pl.String), pl.all())


def _markdown(jpeg: bytes) -> str:
    return f"![](data:image/jpeg;base64,{base64.b64encode(jpeg).decode()})"
