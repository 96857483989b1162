"""The image that the tests remove, and what is said of it."""

from __future__ import annotations

import datetime as dt
import hashlib

import polars as pl

from image_assets.marks.record import Mark, keep_marks, located, marks_of
from image_assets.schema import RAW_IMAGES, Partition
from tests.platform import FIRST, Platform
from tests.removal.seeking import words_of

PLANTS = Partition(FIRST, "plant")
NAME = f"{FIRST}/plant/batch/picture-0003.png"
COPY = f"{FIRST}/plant/a copy.png"
"""A file of the same bytes."""


def id_of(platform: Platform, source: str = NAME) -> str:
    return hashlib.sha256((platform.landing / source).read_bytes()).hexdigest()


def mark(platform: Platform, image_id: str) -> None:
    images = located(platform.dataset, platform.store, pl.Series([image_id]))
    now = dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
    rows = marks_of(platform.dataset, platform.store, images, Mark("check", "somebody"), now)
    keep_marks(platform.dataset, platform.store, rows)


def telling(platform: Platform, image_id: str) -> dict[str, bytes]:
    """What tells the image, and the name of its copy."""
    row = platform.rows(RAW_IMAGES, PLANTS).filter(image_id=image_id).row(0, named=True)
    return words_of(image_id, NAME, row["content"], row["thumbnail"]) | {"copy": COPY.encode()}


def marked_image(platform: Platform) -> str:
    """The id of the image, which somebody has marked, and another too."""
    for one in (id_of(platform), id_of(platform, NAME.replace("0003", "0004"))):
        mark(platform, one)
    return id_of(platform)
