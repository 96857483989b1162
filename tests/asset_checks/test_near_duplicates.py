"""Faults in pairs of images that look alike are caught by their check; pairs that are alike pass."""

from __future__ import annotations

import polars as pl
import pytest

from image_assets.asset_checks import near_duplicates
from image_assets.asset_checks.check import checks_in
from image_assets.schema import NEAR_DUPLICATES, RAW_IMAGES
from tests.asset_checks.faults import PLANT, failing, some_id
from tests.platform import Platform

CHECKS = checks_in(near_duplicates)
NAN = float("nan")


def with_pair(platform: Platform, **changes: object) -> None:
    """A pair of two images of the partition, saved again one as the other, and then changed."""
    one, other = platform.rows(RAW_IMAGES, PLANT)["image_id"].sort()[:2]
    place = {"date": PLANT.date, "category": PLANT.category, "other_date": PLANT.date, "other_category": PLANT.category}
    pair = {"image_id": one, "other_id": other, **place, "distance": 4, "cosine": 0.97, **changes}
    none = platform.rows(NEAR_DUPLICATES, PLANT).clear()
    platform.replace_rows(NEAR_DUPLICATES, PLANT, pl.DataFrame([pair]).select(none.columns).cast(none.schema))


def test_a_pair_that_is_alike_passes(damaged: Platform) -> None:
    with_pair(damaged)
    assert failing(damaged, CHECKS, PLANT) == set()
    with_pair(damaged, distance=0, cosine=1.0000001)  # as single precision has it
    assert failing(damaged, CHECKS, PLANT) == set()


@pytest.mark.parametrize(
    "fault",
    [
        {"cosine": 0.2},
        {"cosine": NAN},
        {"cosine": 1.5},
        {"distance": 40},
        {"distance": -1},
        {"image_id": some_id("another partition's")},
    ],
    ids=str,
)
def test_a_fault_is_caught(damaged: Platform, fault: dict[str, object]) -> None:
    with_pair(damaged, **fault)
    assert failing(damaged, CHECKS, PLANT) == {"pairs_are_alike"}


def test_an_image_is_no_pair_with_itself(damaged: Platform) -> None:
    with_pair(damaged, other_id=damaged.rows(RAW_IMAGES, PLANT)["image_id"].min())
    assert failing(damaged, CHECKS, PLANT) == {"pairs_are_alike"}
