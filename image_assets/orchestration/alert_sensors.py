"""The sensors of a dataset that has alert channels: two look at finished runs, one delivers what waits."""

from __future__ import annotations

from collections.abc import Set

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from image_assets.alerts.delivery import deliver, record
from image_assets.alerts.ledger import Ledger
from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.orchestration.run_events import Retry, retry_of, run_report
from image_assets.resources.notifier import NotifierResource

_SECONDS = 10
_CAN_PASS = (OSError, SQLAlchemyError)


class AlertsNotRecorded(dg.DagsterError):
    """A run could not be looked at; the tick fails, and the next one looks at it again.

    It is one of Dagster's errors because a run status sensor moves on to the next run after any other.
    """


class AlertsNotDelivered(Exception):
    """Alerts wait for a channel that does not accept them; the next tick tries again."""


def alert_sensors(dataset: DatasetSpec, seconds: int = _SECONDS) -> list[dg.SensorDefinition]:
    """The sensors that tell of a dataset's failed checks and runs; none where nobody is to be told.

    Args:
        seconds: Between two ticks of each; Dagster's daemon looks every five whether one is due.
    """
    if not dataset.alerts.channels:
        return []
    return [
        _watch(dataset, dg.DagsterRunStatus.SUCCESS, "alerts_of_successful_runs", seconds),
        _watch(dataset, dg.DagsterRunStatus.FAILURE, "alerts_of_failed_runs", seconds),
        _deliver(dataset, seconds),
    ]


def refuse_unknown_assets(dataset: DatasetSpec, assets: Set[str]) -> None:
    """Refuse a channel that waits for an asset which does not exist, and would never hear of anything.

    Raises:
        DatasetError: naming the channel, the asset and those that there are.
    """
    for channel in dataset.alerts.channels:
        if unknown := sorted(set(channel.assets) - assets):
            raise DatasetError(
                f"dataset {dataset.name}: the alert channel {channel.label} names assets that do not exist: "
                f"{', '.join(unknown)}; there are {', '.join(sorted(assets))}"
            )


def _watch(dataset: DatasetSpec, status: dg.DagsterRunStatus, name: str, seconds: int) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=f"{dataset.name}_{name}",
        description="Records what the checks of finished runs say, and sends what is new.",
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def watch(context: dg.RunStatusSensorContext, notifier: NotifierResource) -> None:
        ledger = notifier.ledger(context.instance)
        try:
            _record_run(context.instance, context.dagster_run, dataset, ledger, notifier)
        except _CAN_PASS as error:
            raise AlertsNotRecorded(f"run {context.dagster_run.run_id}: {error}") from error
        for problem in deliver(dataset, ledger, notifier, only_new=True).problems:
            context.log.error(problem)

    return watch


def _record_run(
    instance: dg.DagsterInstance, run: dg.DagsterRun, dataset: DatasetSpec, ledger: Ledger, notifier: NotifierResource
) -> None:
    retry = retry_of(instance, run) if run.status is dg.DagsterRunStatus.FAILURE else Retry.NONE
    report = run_report(instance, run, dataset.name, retried=retry is not Retry.NONE)
    record(report, dataset.alerts, ledger, notifier.links())
    if retry is Retry.EXPECTED:
        ledger.expect_retry(dataset.name, run.run_id)
    else:
        ledger.settle_retry(dataset.name, run.run_id)


def _deliver(dataset: DatasetSpec, seconds: int) -> dg.SensorDefinition:
    @dg.sensor(
        name=f"{dataset.name}_deliver_alerts",
        description="Sends the alerts that a channel has not accepted yet.",
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def deliver_alerts(context: dg.SensorEvaluationContext, notifier: NotifierResource) -> dg.SkipReason:
        ledger = notifier.ledger(context.instance)
        for run_id in ledger.expected_retries(dataset.name):
            # A retry that was promised may be given up; then the run was the last and is to be told of.
            if (run := context.instance.get_run_by_id(run_id)) is None:
                ledger.settle_retry(dataset.name, run_id)
            else:
                _record_run(context.instance, run, dataset, ledger, notifier)
        ledger.forget_old()
        done = deliver(dataset, ledger, notifier)
        if done.problems:
            raise AlertsNotDelivered("\n".join(done.problems))
        said = f"{done.delivered} alerts delivered" if done.delivered else "no alerts wait"
        return dg.SkipReason(f"{done.held} alerts wait to be told together" if done.held else said)

    return deliver_alerts
