"""`python -m tests.asset_checks.mutations`: every fault that the tests plant, and which checks catch it.

The faults are those of the tests beside it; here they are planted one by one in copies of a platform that was really
run, and the outcome is printed as a table. Exit status 1 where a fault is not caught by just the checks that it should
be, or where a clean run fails one.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.progress import track
from rich.table import Table

from image_assets.asset_checks import (
    accounting,
    classifier,
    classifier_baselines,
    embedding,
    feature_shards,
    image_features,
    image_quality,
    label_conflicts,
    predictions,
    raw_images,
)
from image_assets.asset_checks.check import Check, checks_in
from image_assets.health.accounting import accounts_of
from image_assets.schema import ACCOUNTING, DUPLICATES, RAW_IMAGES, Partition
from tests.asset_checks import (
    test_classifier,
    test_classifier_baselines,
    test_embedding,
    test_feature_shards,
    test_image_features,
    test_image_quality,
    test_predictions,
    test_raw_images,
)
from tests.asset_checks.faults import PLANT, Plant, change, failing
from tests.health import test_accounting
from tests.platform import FIRST, SECOND, Platform, land_small_sample, small_dataset

CLEAN_RUNS = 10


@dataclass(frozen=True)
class Mutation:
    """A fault, where it is planted, and the checks that are to catch it."""

    asset: str
    fault: str
    plant: Plant
    checks: Sequence[Check]
    partition: Partition | None
    expected: frozenset[str]


def mutations() -> Iterator[Mutation]:
    """All faults."""
    for asset, faults, checks in (
        ("raw_images", test_raw_images.FAULTS, checks_in(raw_images)),
        ("image_features", test_image_features.FAULTS, checks_in(image_features)),
        ("feature_shards", test_feature_shards.FAULTS, checks_in(feature_shards)),
        ("predictions", test_predictions.FAULTS, checks_in(predictions)),
    ):
        for fault, (plant, expected) in faults.items():
            yield Mutation(asset, fault, plant, checks, PLANT, _names(expected))
    for fault, (edit, expected) in test_image_quality.FAULTS.items():
        plant = change(RAW_IMAGES, edit)
        yield Mutation("raw_images", f"{fault} images", plant, checks_in(image_quality), PLANT, _names(expected))
    for asset, faults, checks in (
        ("classifier", test_classifier.FAULTS, checks_in(classifier)),
        ("classifier", test_classifier_baselines.FAULTS, checks_in(classifier_baselines)),
        ("embedding", test_embedding.FAULTS, checks_in(embedding)),
    ):
        for fault, (plant, expected) in faults.items():
            yield Mutation(asset, fault, plant, checks, None, _names(expected))
    for fault, plant in test_accounting.FAULTS.items():
        yield Mutation(
            "accounting", fault, _accounted_anew(plant), checks_in(accounting), None, frozenset({"accounts_balance"})
        )
    yield Mutation(
        "label_conflicts",
        "a copy of a plant among the animals",
        _copied_to_another_category,
        checks_in(label_conflicts),
        None,
        frozenset({"no_open_conflict", "open_conflicts_within_limit"}),
    )


def _accounted_anew(plant: Plant) -> Plant:
    """The fault, and the accounts of the tables as they are then."""

    def planted(platform: Platform) -> None:
        plant(platform)
        platform.replace_rows(ACCOUNTING, None, accounts_of(platform.store, platform.dataset.name).table())

    return planted


def _names(expected: str | set[str]) -> frozenset[str]:
    return frozenset({expected} if isinstance(expected, str) else expected)


def _copied_to_another_category(platform: Platform) -> None:
    copy = platform.landing / str(SECOND) / "animal" / "a plant.png"
    shutil.copy(platform.landing / str(FIRST) / "plant" / "batch" / "picture-0002.png", copy)
    platform.run(SECOND, "animal")
    assert platform.rows(DUPLICATES).filter(pl.col("category") == "animal").height == 1


def _clean_runs(platform: Platform) -> list[str]:
    """Runs both days again and again; the checks that fail nevertheless."""
    failed: list[str] = []
    for _ in track(range(CLEAN_RUNS // 2), "clean runs", console=Console(stderr=True)):
        for day in (FIRST, SECOND):
            failed += [str(check) for check in platform.run(day).checks if not check.passed]
    return failed


def main(write: Callable[[str | Table], None]) -> int:
    """Plant, look, print."""
    table = Table("asset", "fault", "expected", "caught by", "")
    wrong, caught = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        clean = Platform(small_dataset(), Path(folder, "clean"))
        land_small_sample(clean.landing)
        failed = _clean_runs(clean)
        for number, one in enumerate(track(list(mutations()), "faults", console=Console(stderr=True))):
            damaged = clean.copy_to(Path(folder, str(number)))
            one.plant(damaged)
            found = failing(damaged, one.checks, one.partition)
            caught += bool(found)
            wrong += found != one.expected
            columns = (", ".join(sorted(names)) for names in (one.expected, found))
            table.add_row(one.asset, one.fault, *columns, "✓" if found == one.expected else "✗")
            shutil.rmtree(damaged.root)
    write(table)
    write(f"{caught} of {table.row_count} faults caught, {table.row_count - wrong} by just the checks that should")
    write(f"{CLEAN_RUNS} clean runs: {len(failed)} checks failed {', '.join(sorted(set(failed)))}")
    return 1 if wrong or failed else 0


if __name__ == "__main__":
    sys.exit(main(Console(width=140).print))
