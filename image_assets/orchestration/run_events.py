"""From Dagster's record of a run to what is to be told of it, and whether Dagster tries the run again by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import dagster as dg

from image_assets.alerts.run_report import CheckOutcome, RunFailure, RunReport, StepFailure
from image_assets.markdown import plain
from image_assets.orchestration.dagster_internals import (
    AUTO_RETRY_RUN_ID_TAG,
    BACKFILL_ID_TAG,
    BULK_ACTION_TERMINAL_STATUSES,
    PARTITION_NAME_TAG,
    RUN_FAILURE_REASON_TAG,
    WILL_RETRY_TAG,
    JobFailureData,
    RunFailureReason,
    SerializableErrorInfo,
    auto_reexecution_should_retry_run,
)
from image_assets.schema import partition_of

Event = dg.DagsterEventType
_FIGURES = (dg.IntMetadataValue, dg.FloatMetadataValue, dg.BoolMetadataValue, dg.TextMetadataValue)
_OF_A_CHECK = "DagsterAssetCheckFailedError"


class Retry(Enum):
    """What becomes of a run that failed."""

    NONE = "nobody tries it again"
    EXPECTED = "Dagster is going to try it again"
    STARTED = "another run has taken its place"


def retry_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Retry:
    """Whether Dagster's run retries take care of a failed run.

    Dagster decides that when the run fails and writes it into the tag `dagster/will_retry`, a moment after the event;
    where the tag is not there yet, its own rule is asked. The tag stays where the retry is then given up because the
    run's backfill has ended.
    """
    tags = run.tags
    if AUTO_RETRY_RUN_ID_TAG in tags:
        return Retry.STARTED
    if WILL_RETRY_TAG in tags:
        retried = tags[WILL_RETRY_TAG].lower() == "true"
    else:
        reason = tags.get(RUN_FAILURE_REASON_TAG)
        retried = instance.run_retries_enabled and auto_reexecution_should_retry_run(
            instance, run, RunFailureReason(reason) if reason else None
        )
    if retried and BACKFILL_ID_TAG in tags:
        backfill = instance.get_backfill(tags[BACKFILL_ID_TAG])
        retried = backfill is not None and backfill.status not in BULK_ACTION_TERMINAL_STATUSES
    return Retry.EXPECTED if retried else Retry.NONE


def run_report(instance: dg.DagsterInstance, run: dg.DagsterRun, dataset: str, *, retried: bool = False) -> RunReport:
    """What a finished run says of a dataset: its check evaluations, and its failure unless a check is all there is.

    Args:
        retried: Whether Dagster tries the failed run again. Then the failure is nobody's business, nor is what the
            steps that failed found: they run again. What other steps found is told now, as these do not.
    """
    entries = instance.all_logs(
        run.run_id, of_type={Event.ASSET_CHECK_EVALUATION, Event.STEP_FAILURE, Event.RUN_FAILURE}
    )
    failed_steps = {e.step_key: e for e in entries if e.is_dagster_event and e.dagster_event_type is Event.STEP_FAILURE}
    outcomes: dict[tuple[str, str, str], CheckOutcome] = {}
    for entry in entries:
        if (evaluation := entry.asset_check_evaluation) is None or evaluation.asset_key.path[0] != dataset:
            continue
        if not (retried and entry.step_key in failed_steps):
            outcome = _outcome(evaluation, run.run_id, entry.timestamp)
            # A step that was tried again within the run has said so more than once: the last time counts.
            outcomes[outcome.asset, outcome.check, outcome.partition] = outcome
    failure = None if retried else _failure(instance, run, dataset, entries)
    return RunReport(tuple(outcomes.values()), failure)


def _outcome(evaluation: dg.AssetCheckEvaluation, run_id: str, at: float) -> CheckOutcome:
    return CheckOutcome(
        dataset=evaluation.asset_key.path[0],
        asset=evaluation.asset_key.path[-1],
        check=evaluation.check_name,
        partition=_people_read(evaluation.partition),
        run_id=run_id,
        at=at,
        passed=evaluation.passed,
        severity=evaluation.severity.value,
        advice=evaluation.description or "",
        figures=_figures(evaluation.metadata, evaluation.description),
    )


def _figures(metadata: Mapping[str, dg.MetadataValue[Any]], description: str | None) -> dict[str, str]:
    """What fits into a line; the sample rows are a click away, and the advice is the description, as Markdown."""
    advice = plain(description or "")
    return {
        name: _number(value.value)
        for name, value in metadata.items()
        if isinstance(value, _FIGURES) and not (isinstance(value.value, str) and plain(value.value) == advice)
    }


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _people_read(partition: str | None) -> str:
    if partition is None:
        return ""
    try:
        return str(partition_of(partition))
    except (KeyError, ValueError):  # partitioned in another way than by day and category
        return partition


def _failure(
    instance: dg.DagsterInstance, run: dg.DagsterRun, dataset: str, entries: Sequence[dg.EventLogEntry]
) -> RunFailure | None:
    """The failure of a run of the dataset; nothing where all that failed is checks, of which is told one by one."""
    ended = [entry for entry in entries if entry.dagster_event_type is Event.RUN_FAILURE]
    assets = _assets_by_step(instance, run.run_id, dataset)
    if not ended or not assets:
        return None
    errors = {
        str(entry.step_key): entry.get_dagster_event().step_failure_data.error
        for entry in entries
        if entry.dagster_event_type is Event.STEP_FAILURE
    }
    steps = tuple(
        StepFailure(step, frozenset(assets.get(step, ())), _message(error))
        for step, error in errors.items()
        if error is None or error.cls_name != _OF_A_CHECK
    )
    if errors and not steps:
        return None
    event = ended[-1].get_dagster_event()
    error = event.event_specific_data.error if isinstance(event.event_specific_data, JobFailureData) else None
    return RunFailure(
        dataset=dataset,
        job=run.job_name,
        partition=_people_read(run.tags.get(PARTITION_NAME_TAG)),
        run_id=run.run_id,
        at=ended[-1].timestamp,
        steps=steps,
        error=_message(error) if error else event.message or "Dagster gives no reason",
    )


def _assets_by_step(instance: dg.DagsterInstance, run_id: str, dataset: str) -> dict[str, set[str]]:
    """The dataset's assets that each step of the run was to make or to check."""
    assets: dict[str, set[str]] = {}
    planned = {Event.ASSET_MATERIALIZATION_PLANNED, Event.ASSET_CHECK_EVALUATION_PLANNED}
    for entry in instance.all_logs(run_id, of_type=planned):
        event = entry.get_dagster_event()
        if event.event_type is Event.ASSET_MATERIALIZATION_PLANNED:
            key = event.asset_materialization_planned_data.asset_key
        else:
            key = event.asset_check_planned_data.asset_key
        if key.path[0] == dataset:
            assets.setdefault(str(event.step_key), set()).add(key.path[-1])
    return assets


def _message(error: SerializableErrorInfo | None) -> str:
    """The error of the platform's code, without the one that Dagster wraps around it."""
    if error is None:
        return "Dagster gives no reason"
    cause = error.cause or error
    return cause.message.strip()
