"""Too many poor images are caught by their check alone, shown, and never more than a warning."""

from __future__ import annotations

import polars as pl
import pytest

from image_assets.asset_checks import image_quality
from image_assets.asset_checks.check import WARN, checks_in, sample_table
from image_assets.schema import RAW_IMAGES, Partition
from tests.asset_checks.faults import PLANT, Edit, change, failing, outcome
from tests.platform import FIRST, SECOND, Platform, small_dataset


@pytest.mark.parametrize(
    "partition", [Partition(day, name) for day in (FIRST, SECOND) for name in small_dataset().categories], ids=str
)
def test_a_clean_partition_passes(loaded_platform: Platform, partition: Partition) -> None:
    assert failing(loaded_platform, checks_in(image_quality), partition) == set()


def in_some(**values: float | int) -> Edit:
    """The edit that puts values into three of sixteen rows."""
    some = pl.int_range(pl.len()) < 3

    def edit(rows: pl.DataFrame) -> pl.DataFrame:
        changed = (
            pl.when(some).then(value).otherwise(name).cast(rows[name].dtype).alias(name)
            for name, value in values.items()
        )
        return rows.with_columns(*changed)

    return edit


FAULTS = {
    "dark": (in_some(brightness_p99=0.1, brightness=0.03, brightness_p05=0.0), "dark_images"),
    "bright": (in_some(brightness_p05=0.99, brightness=0.995, brightness_p99=1.0), "bright_images"),
    "blurred": (in_some(sharpness=5.0), "blurred_images"),
    "even": (in_some(entropy=0.0, sharpness=0.0, contrast=0.0), "low_information_images"),
    "strips": (in_some(width=128, height=32), "odd_shaped_images"),
    "small": (in_some(width=8, height=8), "odd_sized_images"),
    "large": (in_some(width=4000, height=3000), "odd_sized_images"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_check_alone_and_shown(damaged: Platform, fault: str) -> None:
    edit, caught_by = FAULTS[fault]
    change(RAW_IMAGES, edit)(damaged)
    assert failing(damaged, checks_in(image_quality), PLANT) == {caught_by}
    (check,) = (one for one in checks_in(image_quality) if one.name == caught_by)
    assert (check.severity, check.blocking) == (WARN, False)
    found = outcome(damaged, check, PLANT)
    assert (found.figures["share"], found.figures["limit"], found.figures["found"]) == (0.1875, 0.1, 3)
    assert found.sample is not None
    planted = damaged.rows(RAW_IMAGES, PLANT).head(3)["image_id"]
    assert sorted(found.sample["image_id"]) == sorted(planted)
    assert sample_table(found.sample).count("![](data:image/jpeg;base64,/9j/") == 3


def test_fewer_than_the_limit_are_counted_and_no_warning(damaged: Platform) -> None:
    first = pl.int_range(pl.len()) == 0
    change(
        RAW_IMAGES, lambda rows: rows.with_columns(brightness_p99=pl.when(first).then(0.1).otherwise("brightness_p99"))
    )(damaged)
    found = outcome(damaged, image_quality.dark_images, PLANT)
    assert found.passed
    assert (found.figures["found"], found.figures["images"]) == (1, 16)


def test_the_dataset_file_says_what_is_poor_and_how_much_of_it_is_too_much(loaded_platform: Platform) -> None:
    for quality, expected in (
        ({"dark": 1.0}, {"dark_images"}),
        ({"dark": 1.0, "share": 1.0}, set()),
        ({"low_information": 8.0}, {"low_information_images"}),
        ({"blurred": 100.0}, {"blurred_images"}),
        ({"bright": 0.0}, {"bright_images"}),
    ):
        strict = Platform(small_dataset(quality=quality), loaded_platform.root)
        assert failing(strict, checks_in(image_quality), PLANT) == expected


def test_what_was_never_loaded_holds_nothing_wrong(empty_platform: Platform) -> None:
    assert failing(empty_platform, checks_in(image_quality), PLANT) == set()


def test_every_check_has_a_fault_that_it_catches() -> None:
    assert {check for _, check in FAULTS.values()} == {check.name for check in checks_in(image_quality)}
