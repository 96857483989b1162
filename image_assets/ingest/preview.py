"""What the Dagster UI shows of a load: a sheet of thumbnails, and the files in quarantine."""

import io
from collections.abc import Sequence

import polars as pl
from PIL import Image

from image_assets.images.reasons import Reason
from image_assets.markdown import code, markdown_image, markdown_table, plain

_SHEET_COLUMNS, _SHEET_ROWS, _CELL = 8, 2, 72
_QUARANTINED = 20
SHEET_IMAGES = _SHEET_COLUMNS * _SHEET_ROWS


def contact_sheet(raw_images: pl.LazyFrame) -> str:
    """A picture of the first images by id, which is as good as a random choice and the same every time."""
    first = raw_images.select("image_id").bottom_k(SHEET_IMAGES, by="image_id").collect()
    # Only then the thumbnails, of which there may be hundreds of megabytes.
    shown = raw_images.select("image_id", "thumbnail").filter(pl.col("image_id").is_in(first["image_id"].implode()))
    return picture_sheet(shown.collect().sort("image_id")["thumbnail"].to_list(), "thumbnails")


def picture_sheet(contents: Sequence[bytes], title: str) -> str:
    """Image files as one picture in Markdown, at most `SHEET_IMAGES` of them."""
    if not contents:
        return "no images"
    sheet = Image.new("RGB", (_SHEET_COLUMNS * _CELL, -(-len(contents) // _SHEET_COLUMNS) * _CELL), "white")
    for place, content in enumerate(contents):
        image = Image.open(io.BytesIO(content))
        image.thumbnail((_CELL - 4, _CELL - 4))
        sheet.paste(image, (place % _SHEET_COLUMNS * _CELL + 2, place // _SHEET_COLUMNS * _CELL + 2))
    small = io.BytesIO()
    sheet.save(small, "WEBP", quality=60)
    return markdown_image(small.getvalue(), title, "webp")


def quarantine_table(quarantine: pl.LazyFrame) -> str:
    """The first files in quarantine with their reasons, in Markdown."""
    shown = quarantine.select("source", "reason", "detail").sort("source").head(_QUARANTINED).collect()
    if shown.is_empty():
        return "nothing in quarantine"
    rows_shown = [(code(source), reason, plain(detail)) for source, reason, detail in shown.iter_rows()]
    return markdown_table(("file", "reason", "detail"), rows_shown)


def reason_table(quarantine: pl.LazyFrame) -> str:
    """How many files are in quarantine for each reason, most first, with an example."""
    counted = quarantine.group_by("reason").agg(pl.len().alias("files"), pl.col("source").min()).collect()
    if counted.is_empty():
        return "nothing in quarantine"
    found = [
        (reason, files, Reason(reason).meaning, code(source))
        for reason, files, source in counted.sort("files", "reason", descending=[True, False]).iter_rows()
    ]
    return markdown_table(("reason", "files", "meaning", "for example"), found)
