"""Drift that the checks warned of, as a reason in words."""

from __future__ import annotations

import datetime as dt

from image_assets.classifier.daily.drift_flag import drift_of_the_latest_day, flagged_drift
from image_assets.classifier.daily.path_choice import NOTHING_DRIFTED, Drifted
from image_assets.health.check_book import CheckBook, CheckState, CheckStatus
from image_assets.health.drift_days import BESIDE_THE_DAYS_BEFORE, BESIDE_THE_FIRST_DAYS
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.store import Store
from tests.classifier.feature_tables import day
from tests.platform import small_dataset


def state(number: int, category: str, found: CheckStatus, said: str = "") -> CheckState:
    return CheckState("image_features", "features_drift", Partition(day(number), category), found, said)


def test_only_the_latest_day_counts() -> None:
    before = [state(0, "plant", "warned"), state(1, "plant", "passed"), state(1, "human", "unfinished")]
    assert drift_of_the_latest_day([]) == NOTHING_DRIFTED
    assert drift_of_the_latest_day(before) == NOTHING_DRIFTED
    found = drift_of_the_latest_day([*before, state(1, "animal", "warned")])
    assert found == Drifted(lately=("features_drift of animal",))


def test_what_differs_only_from_the_first_days_is_told_apart() -> None:
    both = f"{BESIDE_THE_DAYS_BEFORE}: … {BESIDE_THE_FIRST_DAYS}: …"
    first_days = f"Look at the images. {BESIDE_THE_FIRST_DAYS}: …"
    found = drift_of_the_latest_day([state(1, "plant", "warned", first_days), state(1, "animal", "warned", both)])
    assert found == Drifted(lately=("features_drift of animal",), slowly=("features_drift of plant",))


def test_what_the_store_keeps_of_the_checks_is_found(tmp_path) -> None:
    dataset, store = small_dataset(), Store(str(tmp_path / "store"))
    assert flagged_drift(dataset, store) == NOTHING_DRIFTED
    results: dict[str, tuple[CheckStatus, str]] = {"features_drift": ("warned", "it differs")}
    partition = Partition(dt.date(2026, 11, 4), "plant")
    CheckBook(store, dataset.name).write(IMAGE_FEATURES.name, partition, results, "a run")
    assert flagged_drift(dataset, store).lately == ("features_drift of plant",)
