"""The image that the tests remove, and what is said of it."""

from __future__ import annotations

import datetime as dt
import hashlib

import polars as pl

from image_assets.marks.record import Mark, keep_marks, located, marks_of
from image_assets.schema import Partition
from tests.platform import FIRST, Platform

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
