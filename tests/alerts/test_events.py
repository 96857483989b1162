"""From real runs to what is told: every failed check and run, nothing that Dagster itself puts right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.alerts.run_report import RunReport, hears_of_check, hears_of_failure
from image_assets.alerts.text import Links, text_of_check, text_of_failure
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.run_events import Retry, retry_of, run_report
from tests.alerts.little_location import PARTITION, Faults, definitions
from tests.daemon import SILENT
from tests.dagster_internals import BulkActionStatus, PartitionBackfill
from tests.platform import small_dataset

DATASET = small_dataset()


class Runs:
    """Runs the little location's day on an instance."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.folder = folder
        self.faults = Faults(folder)
        self._definitions = definitions(DATASET, folder)

    def run(self, *faults: str, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        for fault in faults:
            self.faults.plant(fault, PARTITION.category)
        result = self._definitions.resolve_job_def("drawn_daily").execute_in_process(
            instance=self.instance,
            partition_key=partition_key(PARTITION),
            raise_on_error=False,
            run_config=SILENT,
            tags=tags,
        )
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run

    def report(self, run: dg.DagsterRun, **more: Any) -> RunReport:
        return run_report(self.instance, run, "drawn", **more)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    with dg.instance_for_test() as instance:
        yield Runs(tmp_path, instance)


@pytest.fixture
def retrying_runs(tmp_path: Path) -> Iterator[Runs]:
    with dg.instance_for_test({"run_retries": {"enabled": True, "max_retries": 0}}) as instance:
        yield Runs(tmp_path, instance)


def failed(report: RunReport) -> list[tuple[str, str]]:
    return [(outcome.check, outcome.severity) for outcome in report.outcomes if not outcome.passed]


def test_a_good_run_has_nothing_but_passes(runs: Runs) -> None:
    report = runs.report(runs.run())
    assert {outcome.check for outcome in report.outcomes} == {"quarantine_rate", "nothing_odd", "ids_loaded_once"}
    assert failed(report) == []
    assert report.failure is None


def test_checks_that_fail_in_a_run_that_succeeds_are_found_with_their_figures(runs: Runs) -> None:
    run = runs.run("quarantine_rate", "nothing_odd")
    assert run.status is dg.DagsterRunStatus.SUCCESS
    report = runs.report(run)
    assert failed(report) == [("quarantine_rate", "ERROR"), ("nothing_odd", "WARN")]
    text = text_of_check(report.outcomes[0], Links("http://ui.example.org/"))
    assert text.title == "[drawn] ERROR: raw_images/quarantine_rate failed, 2026-11-03 plant"
    assert "Look at the ‹reasons›.\n\n- limit: 0.05\n- listed: 1,200\n- rate: 0.4\n\nEvaluated " in text.body
    assert (
        f"<http://ui.example.org/runs/{run.run_id}"
        "?logs=asset%20check%20%27quarantine_rate%27%20on%20%27drawn%2Fraw_images%27>"
        f"\n\nRun: <http://ui.example.org/runs/{run.run_id}>" in text.body
    )
    assert "http" not in text_of_check(report.outcomes[0], Links(None)).body


def test_a_check_that_stops_a_run_is_told_of_as_a_check_alone(runs: Runs) -> None:
    run = runs.run("ids_loaded_once")
    assert run.status is dg.DagsterRunStatus.FAILURE
    report = runs.report(run)
    assert failed(report) == [("ids_loaded_once", "ERROR")]
    assert report.failure is None


def test_a_step_that_fails_is_told_of_with_its_asset_and_error(runs: Runs) -> None:
    run = runs.run("image_features", "nothing_odd")
    report = runs.report(run)
    assert failed(report) == [("nothing_odd", "WARN")]
    assert report.failure is not None
    (step,) = report.failure.steps
    assert (step.step, step.assets) == ("drawn__image_features", {"image_features"})
    text = text_of_failure(report.failure, Links("http://ui.example.org"))
    assert text.title == "[drawn] run failed: drawn__image_features, 2026-11-03 plant"
    assert "no such model" in text.body
    assert f"Run: <http://ui.example.org/runs/{run.run_id}>" in text.body
    assert runs.report(run, retried=True).failure is None


def test_a_run_that_dies_without_a_step_is_told_of_with_what_dagster_says(runs: Runs) -> None:
    run = runs.run("image_features")
    lost = runs.instance.create_run_for_job(
        definitions(DATASET, runs.folder).resolve_job_def("drawn_daily"), tags=run.tags
    )
    runs.instance.report_run_failed(lost, "Run worker died")
    lost = runs.instance.get_run_by_id(lost.run_id)
    assert lost is not None
    failure = runs.report(lost).failure
    assert failure is not None
    assert failure.steps == ()
    assert "Run worker died" in text_of_failure(failure, Links(None)).body


def test_another_dataset_hears_nothing(runs: Runs) -> None:
    assert run_report(runs.instance, runs.run("quarantine_rate"), "other") == RunReport()
    assert run_report(runs.instance, runs.run("raw_images"), "other") == RunReport()


# Who hears of what


def test_filters_choose_assets_and_severities(runs: Runs) -> None:
    alerts = small_dataset(
        alerts={
            "severity": "ERROR",
            "channels": [
                {"url_env": "ALL"},
                {"url_env": "EVEN_WARNINGS", "severity": "WARN"},
                {"url_env": "FEATURES", "assets": ["image_features"]},
                {"url_env": "IMAGES", "assets": ["raw_images"], "severity": "WARN"},
            ],
        }
    ).alerts
    report = runs.report(runs.run("nothing_odd", "quarantine_rate", "image_features"))
    heard = {
        channel.label: sorted(o.check for o in report.outcomes if not o.passed and hears_of_check(channel, alerts, o))
        for channel in alerts.channels
    }
    both = ["nothing_odd", "quarantine_rate"]
    assert heard == {"ALL": ["quarantine_rate"], "EVEN_WARNINGS": both, "FEATURES": [], "IMAGES": both}
    assert report.failure is not None
    told = [channel.label for channel in alerts.channels if hears_of_failure(channel, report.failure)]
    assert told == ["ALL", "EVEN_WARNINGS", "FEATURES"]


# Dagster's own retries


def test_a_run_that_dagster_tries_again_is_left_to_it(retrying_runs: Runs) -> None:
    runs = retrying_runs
    run = runs.run("ids_loaded_once", "quarantine_rate", tags={"dagster/max_retries": "1"})
    assert run.tags["dagster/will_retry"] == "true"
    assert retry_of(runs.instance, run) is Retry.EXPECTED
    # The step that failed holds all the checks of the asset, and runs again.
    assert runs.report(run, retried=True) == RunReport()
    last = runs.run("ids_loaded_once", tags={"dagster/max_retries": "0"})
    assert last.tags["dagster/will_retry"] == "false"
    assert retry_of(runs.instance, last) is Retry.NONE


def test_what_a_step_found_that_is_not_run_again_is_told_now(retrying_runs: Runs) -> None:
    run = retrying_runs.run("quarantine_rate", "image_features", tags={"dagster/max_retries": "1"})
    assert retry_of(retrying_runs.instance, run) is Retry.EXPECTED
    report = retrying_runs.report(run, retried=True)
    assert failed(report) == [("quarantine_rate", "ERROR")]
    assert report.failure is None


@pytest.mark.parametrize(
    ("tags", "retry"),
    [
        ({"dagster/will_retry": "true", "dagster/auto_retry_run_id": "another"}, Retry.STARTED),
        ({"dagster/will_retry": "true"}, Retry.EXPECTED),
        ({"dagster/will_retry": "false"}, Retry.NONE),
        ({"dagster/max_retries": "2"}, Retry.EXPECTED),  # the moment before Dagster has written its tag
        ({}, Retry.NONE),
        ({"dagster/will_retry": "true", "dagster/backfill": "gone"}, Retry.NONE),
        ({"dagster/will_retry": "true", "dagster/backfill": "ended"}, Retry.NONE),
        ({"dagster/will_retry": "true", "dagster/backfill": "running"}, Retry.EXPECTED),
    ],
)
def test_a_retry_is_expected_as_dagster_itself_decides(retrying_runs: Runs, tags: dict[str, str], retry: Retry) -> None:
    instance = retrying_runs.instance
    for name, status in (("ended", BulkActionStatus.CANCELED), ("running", BulkActionStatus.REQUESTED)):
        instance.add_backfill(PartitionBackfill(name, status, from_failure=False, tags={}, backfill_timestamp=0.0))
    run = instance.create_run_for_job(
        definitions(DATASET, retrying_runs.folder).resolve_job_def("drawn_daily"),
        tags=tags,
        status=dg.DagsterRunStatus.FAILURE,
    )
    assert retry_of(instance, run) is retry
