"""Showing images in what a check found: thumbnails inside its Markdown table."""

import polars as pl

from image_assets.asset_checks.check import Subject
from image_assets.markdown import markdown_image
from image_assets.schema import RAW_IMAGES
from image_assets.store.thumbnails import thumbnails_of


def with_thumbnails(subject: Subject, rows: pl.DataFrame) -> pl.DataFrame:
    """Put a first column `image` before rows of the checked partition: the thumbnail, as Markdown with a data URI.

    Args:
        subject: What is checked.
        rows: Few rows with a column `image_id`; an image that is no longer loaded gets an empty cell.
    """
    thumbnails = thumbnails_of(subject.table(RAW_IMAGES), dict.fromkeys(rows["image_id"], subject.checked_partition))
    shown = [markdown_image(thumbnails.get(one)) for one in rows["image_id"]]
    return rows.select(pl.Series("image", shown, pl.String), pl.all())
