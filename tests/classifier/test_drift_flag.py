"""Drift that the checks warned of, as a reason in words."""

from __future__ import annotations

import datetime as dt

from image_assets.classifier.drift_flag import drift_of_the_latest_day, flagged_drift
from image_assets.quality.check_book import CheckBook, CheckState, State
from image_assets.schema import IMAGE_FEATURES, Partition
from io_managers.store import Store
from tests.classifier.feature_tables import day
from tests.platform import small_dataset


def state(number: int, category: str, found: State) -> CheckState:
    return CheckState("image_features", "features_drift", Partition(day(number), category), found)


def test_only_the_latest_day_counts() -> None:
    before = [state(0, "plant", "warned"), state(1, "plant", "passed"), state(1, "human", "unfinished")]
    assert drift_of_the_latest_day([]) == ""
    assert drift_of_the_latest_day(before) == ""
    assert drift_of_the_latest_day([*before, state(1, "animal", "warned")]) == (
        "features_drift of animal on 2026-11-02"
    )


def test_what_the_store_keeps_of_the_checks_is_found(tmp_path) -> None:
    dataset, store = small_dataset(), Store(str(tmp_path / "store"))
    assert flagged_drift(dataset, store) == ""
    results: dict[str, tuple[State, str]] = {"features_drift": ("warned", "it differs")}
    partition = Partition(dt.date(2026, 11, 4), "plant")
    CheckBook(store, dataset.name).write(IMAGE_FEATURES.name, partition, results, "a run")
    assert flagged_drift(dataset, store) == "features_drift of plant on 2026-11-04"
