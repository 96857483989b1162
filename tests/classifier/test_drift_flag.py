"""Drift that the checks warned of, as a reason in words."""

from __future__ import annotations

import dagster as dg

from image_assets.classifier.drift_flag import drift_of_the_latest_day, flagged_drift
from image_assets.quality.check_states import CheckState, State
from image_assets.schema import IMAGE_FEATURES, Partition
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


def test_what_an_instance_recorded_is_found() -> None:
    dataset = small_dataset()
    key = dg.AssetKey([dataset.name, IMAGE_FEATURES.name])
    with dg.DagsterInstance.ephemeral() as instance:
        assert flagged_drift(dataset, instance) == ""
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name="features_drift",
                passed=False,
                metadata={},
                severity=dg.AssetCheckSeverity.WARN,
                partition="plant|2026-11-04",
            )
        )
        assert flagged_drift(dataset, instance) == "features_drift of plant on 2026-11-04"
