"""Days are scored by the champion that has not seen them; without a model that can be used, the day goes on."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator

import dagster as dg
import pytest

from image_assets.asset_checks import check_keys, checks_of
from image_assets.classifier.places import classifier_prefix
from image_assets.health.check_book import latest_states
from image_assets.orchestration.automation import daily_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.unfinished_checks import unfinished_checks
from image_assets.predictions.unseen import SeenError, scoring_model
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, Partition
from image_assets.store.models.model_store import CHAMPION, champion_manifest
from tests.daemon import SILENT
from tests.platform import FIRST, SECOND, Platform

PLANT = Partition(SECOND, "plant")


def test_the_day_before_the_first_model_is_not_scored_and_the_next_one_is(loaded_platform: Platform) -> None:
    for category in loaded_platform.dataset.categories:
        first, second = Partition(FIRST, category), Partition(SECOND, category)
        assert loaded_platform.rows(PREDICTIONS, first).is_empty()
        rows = loaded_platform.rows(PREDICTIONS, second)
        assert sorted(rows["image_id"]) == sorted(loaded_platform.rows(IMAGE_FEATURES, second)["image_id"])
        assert set(rows["predicted_category"]) <= set(loaded_platform.dataset.categories)


def test_a_new_day_is_not_scored_by_a_model_that_was_trained_on_it(loaded_platform: Platform) -> None:
    now = champion_manifest(loaded_platform.store.objects(), classifier_prefix(loaded_platform.dataset))
    scored_by = set(loaded_platform.rows(PREDICTIONS, PLANT)["model"])
    assert now.sha256 not in scored_by or (SECOND, "plant") not in now.partitions


def run_daily(platform: Platform) -> tuple[dg.ExecuteInProcessResult, list[str], dict[str, str]]:
    """Run the second day's plants anew; the result, what was warned of, and the states of predictions' checks."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            platform.definitions()
            .resolve_job_def(daily_job_name(platform.dataset))
            .execute_in_process(
                instance=instance, partition_key=partition_key(PLANT), raise_on_error=False, run_config=SILENT
            )
        )
        said = [one.user_message for one in instance.all_logs(result.run_id) if one.level == logging.WARNING]
        keys = [key for key in check_keys(checks_of(platform.dataset)) if key.asset_key.path[-1] == PREDICTIONS.name]
        # Planned they are in any case, or there would be no state to leave out.
        assert len(instance.event_log_storage.get_asset_check_partition_info(keys)) == len(keys) == 5
        planned = unfinished_checks(instance, platform.store, platform.dataset.name, keys)
        found = latest_states(platform.store, platform.dataset, planned)
        states = {one.check: one.state for one in found if (one.asset, one.partition) == (PREDICTIONS.name, PLANT)}
    return result, said, states


def materialised(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key:
            yield event.asset_key.path[-1]


@pytest.fixture(scope="module")
def rerun(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory):
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("rerun"))
    return platform, *run_daily(platform)


def test_a_partition_that_is_run_again_is_scored_by_the_model_that_had_not_seen_it(
    loaded_platform: Platform, rerun
) -> None:
    platform, result, *_ = rerun
    assert result.success
    champion = champion_manifest(platform.store.objects(), classifier_prefix(platform.dataset))
    assert (SECOND, "plant") in champion.partitions
    assert platform.rows(PREDICTIONS, PLANT).equals(loaded_platform.rows(PREDICTIONS, PLANT))
    (event,) = (
        one
        for one in result.get_asset_materialization_events()
        if one.asset_key and one.asset_key.path[-1] == PREDICTIONS.name
    )
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["model was trained on this partition"].value is False
    assert metadata["sha256"].value != champion.sha256
    assert metadata["images"].value == 4


def scoring(platform: Platform, partition: Partition, scored_by: list[str]) -> str:
    objects, prefix = platform.store.objects(), classifier_prefix(platform.dataset)
    champion = champion_manifest(objects, prefix)
    return scoring_model(objects, prefix, champion.extractor_digest, partition, scored_by)[1].sha256


def test_only_what_the_champion_has_learnt_from_is_left_to_the_model_before(loaded_platform: Platform) -> None:
    champion = champion_manifest(loaded_platform.store.objects(), classifier_prefix(loaded_platform.dataset)).sha256
    (before,) = set(loaded_platform.rows(PREDICTIONS, PLANT)["model"])
    new = Partition(SECOND + dt.timedelta(1), "plant")
    assert scoring(loaded_platform, new, []) == scoring(loaded_platform, new, [before]) == champion
    assert scoring(loaded_platform, PLANT, [before]) == before != champion
    # A model that is kept no more, and rows of two models: nothing is left to go by.
    assert (
        scoring(loaded_platform, PLANT, ["0" * 64]) == scoring(loaded_platform, PLANT, [before, champion]) == champion
    )
    with pytest.raises(SeenError, match="was trained on it"):
        scoring(loaded_platform, PLANT, [])


def test_predictions_come_before_what_the_next_training_waits_for(rerun) -> None:
    """The refresh begins once near_duplicates is made and checked, and may train on the day that is being scored."""
    order = list(materialised(rerun[1]))
    assert order.index("image_features") < order.index("predictions") < order.index("near_duplicates")


def test_all_checks_of_predictions_are_evaluated_and_pass(rerun) -> None:
    assert list(rerun[3].values()) == ["passed"] * 5


@pytest.mark.parametrize("fault", ["no manifest", "altered model"])
def test_a_day_goes_on_without_a_model_that_can_be_used(damaged: Platform, fault: str) -> None:
    before = damaged.rows(PREDICTIONS, PLANT)
    folder = damaged.files / classifier_prefix(damaged.dataset)
    if fault == "no manifest":
        (folder / CHAMPION).unlink()
    else:
        for file in folder.rglob("model-*.skops"):
            file.write_bytes(b"<html>404</html>")
    result, warned, states = run_daily(damaged)
    assert result.success
    # Of what was rightly not made nothing is left unfinished: the rows that stay are as they were when checked.
    assert set(states.values()) <= {"passed"}
    made = set(materialised(result))
    assert {"near_duplicates", "feature_shards"} <= made
    assert PREDICTIONS.name not in made
    assert any("2026-11-04 plant is not scored" in one for one in warned) == (fault != "no manifest")
    assert damaged.rows(PREDICTIONS, PLANT).equals(before)


def test_what_the_model_has_learnt_from_unscored_is_made_of_no_rows_and_no_step_is_skipped(damaged: Platform) -> None:
    """As a day before the first model that is run again: a step that is skipped looks as if it had failed."""
    damaged.store.table(damaged.dataset.name, PREDICTIONS).replace(PLANT, [])
    result, _, states = run_daily(damaged)
    assert result.success
    assert PREDICTIONS.name in set(materialised(result))
    assert not [event.step_key for event in result.all_events if event.is_step_skipped]
    assert states
    assert set(states.values()) == {"not evaluated"}


def test_before_the_first_model_predictions_are_made_of_no_rows_and_say_why(damaged: Platform) -> None:
    (damaged.files / classifier_prefix(damaged.dataset) / CHAMPION).unlink()
    damaged.store.table(damaged.dataset.name, PREDICTIONS).replace(PLANT, [])
    result, _, states = run_daily(damaged)
    assert result.success
    (made,) = [
        one.step_materialization_data.materialization
        for one in result.get_asset_materialization_events()
        if one.asset_key and one.asset_key.path[-1] == PREDICTIONS.name
    ]
    assert made.metadata["images"].value == 0
    assert "model" in str(made.metadata["not scored"].value)
    assert states["every_image_scored_once"] == "not evaluated"
    assert set(states.values()) == {"not evaluated"}
    assert damaged.rows(PREDICTIONS, PLANT).is_empty()
