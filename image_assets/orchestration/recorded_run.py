"""Runs of jobs through a real Dagster instance, and what they gave."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from image_assets.asset_checks.check import NOT_EVALUATED
from image_assets.health.day_result import CheckResult, DayResult
from image_assets.orchestration.dagster_internals import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import Partition, partition_of
from image_assets.shards.republish import PUBLISH_AGAIN
from image_assets.store.trouble import recorded


@dataclass(frozen=True)
class JobRunner:
    """Runs jobs and records them.

    Attributes:
        definitions: The dataset's and its resources.
        instance: Where runs are recorded.
    """

    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def job(self, name: str) -> dg.JobDefinition:
        """The job of this name."""
        return self.definitions.resolve_job_def(name)

    def run(
        self,
        job: dg.JobDefinition,
        partitions: Sequence[Partition],
        result: DayResult,
        assets: Sequence[dg.AssetKey] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Run a job, or some assets of it, and give the keys of partitions that it found to be published out of date.

        Args:
            job: One of the definitions' jobs.
            partitions: None for what has no partitions. Several share the run: of one day, with categories that follow
                each other in the dataset file.
            result: Is added to.
            assets: Of the job; all where not given.
            tags: Of the run.

        Raises:
            KeyboardInterrupt: Ctrl-C; the run is recorded as ended.
        """
        began = time.monotonic()
        run_id = str(uuid.uuid4())
        logged: list[dg.EventLogEntry] = []
        self.instance.add_event_listener(run_id, logged.append)
        with ended(self.instance, run_id):
            run = job.execute_in_process(
                run_id=run_id,
                instance=self.instance,
                partition_key=partition_key(partitions[0]) if len(partitions) == 1 else None,
                raise_on_error=False,
                asset_selection=assets,
                tags={**(tags or {}), **(_range(partitions) if len(partitions) > 1 else {})},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        result.checks += self._checks_of(run)
        _stop_if_interrupted(run)
        made = [event.asset_key for event in run.all_events if event.is_step_materialization]
        result.made |= {key.path[-1] for key in made if key}
        _add_seconds(run, result, time.monotonic() - began)
        _add_errors(run, " to ".join(map(str, partitions[:: max(len(partitions) - 1, 1)])), result)
        told = [entry for entry in logged if entry.level == logging.WARNING and not entry.is_dagster_event]
        result.warnings += [one.user_message for one in told if one.user_message not in result.warnings]
        return _to_publish_again(run)

    def _checks_of(self, run: dg.ExecuteInProcessResult) -> list[CheckResult]:
        layers = self.definitions.resolve_asset_graph().assets_defs
        blocking = {spec.key: spec.blocking for layer in layers for spec in layer.check_specs}
        return [
            CheckResult(
                asset=evaluation.asset_key.path[-1],
                check=evaluation.check_name,
                partition=partition_of(str(evaluation.partition)) if evaluation.partition else None,
                passed=evaluation.passed,
                severity=evaluation.severity.value,
                blocking=blocking[evaluation.asset_check_key],
                description=evaluation.description or "",
                evaluated=NOT_EVALUATED not in evaluation.metadata,
            )
            for evaluation in run.get_asset_check_evaluations()
        ]


def _range(partitions: Sequence[Partition]) -> dict[str, str]:
    first, last = (str(partition_key(one)) for one in (partitions[0], partitions[-1]))
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


@contextmanager
def ended(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Where a run is left before Dagster has recorded its end, as by an interrupt between two steps, record it."""
    try:
        yield
    except BaseException:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The command was stopped before the end of the run.")
        raise


def _to_publish_again(run: dg.ExecuteInProcessResult) -> list[str]:
    found: list[str] = []
    for event in run.all_events:
        if event.is_step_materialization:
            listed = event.step_materialization_data.materialization.metadata.get(PUBLISH_AGAIN)
            found += listed.value if isinstance(listed, dg.JsonMetadataValue) else []  # pyright: ignore
    return found


def _stop_if_interrupted(run: dg.ExecuteInProcessResult) -> None:
    """Raise `KeyboardInterrupt` again, which Dagster has recorded as the failure of the step that it ended."""
    for event in run.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        if event.event_type is dg.DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error
        while error is not None:
            if error.cls_name in ("KeyboardInterrupt", "DagsterExecutionInterruptedError"):
                raise KeyboardInterrupt
            error = error.cause


def _add_seconds(run: dg.ExecuteInProcessResult, result: DayResult, total: float) -> None:
    stages = 0.0
    for event in run.all_events:
        if event.is_step_success and event.step_key:
            name = event.step_key.split("__")[-1]
            seconds = event.step_success_data.duration_ms / 1000
            stages += seconds
            result.seconds[name] = result.seconds.get(name, 0.0) + seconds
    result.seconds["orchestration"] = result.seconds.get("orchestration", 0.0) + max(total - stages, 0.0)


def _add_errors(run: dg.ExecuteInProcessResult, where: str, result: DayResult) -> None:
    for event in run.all_events:
        if not event.is_step_failure or event.step_failure_data.error is None:
            continue
        error = event.step_failure_data.error
        if error.cls_name == "DagsterAssetCheckFailedError":
            continue
        cause = error.cause or error
        stage = event.step_key.split("__")[-1] if event.step_key else "the run"
        # Dagster writes the error's class, with its module, in front of the message.
        message = cause.message.strip().split(f"{cause.cls_name}: ", 1)[-1]
        said = recorded(cause.cls_name or "error", message)
        result.errors.append(f"{stage}{f' of {where}' if where else ''}: {said}")
    _add_error_outside_of_steps(run, where, result)


def _add_error_outside_of_steps(run: dg.ExecuteInProcessResult, where: str, result: DayResult) -> None:
    """What ended the run before, between or after its steps, where no step says why."""
    if any(event.is_step_failure for event in run.all_events):
        return
    for event in run.all_events:
        if event.event_type is dg.DagsterEventType.RUN_FAILURE and event.job_failure_data.error is not None:
            error = event.job_failure_data.error
            message = error.message.strip().split(f"{error.cls_name}: ", 1)[-1]
            result.errors.append(f"{where or 'the whole dataset'}: {recorded(error.cls_name or 'error', message)}")
