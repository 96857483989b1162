"""Running a day from the command line, through a real Dagster instance, as the schedule would."""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg

from image_assets.asset_checks import check_keys, checks_of
from image_assets.asset_checks.check import NOT_EVALUATED
from image_assets.asset_checks.raw_images import duplicates_have_an_original
from image_assets.dataset import DatasetSpec
from image_assets.ingest.loss import ALLOW_LOSS_TAG
from image_assets.orchestration.automation import daily_job_name, publish_job_name, refresh_job_name
from image_assets.orchestration.partitions import partition_key, partition_of, partitioned, partitions_of
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.shards.republish import PUBLISH_AGAIN


class UsageError(ValueError):
    """What was asked for cannot be done: the message says why and what can."""


@dataclass(frozen=True)
class CheckResult:
    """One evaluation of one check."""

    asset: str
    check: str
    partition: Partition | None
    passed: bool
    severity: str
    blocking: bool
    description: str
    evaluated: bool = True

    @property
    def name(self) -> str:
        """Asset and check."""
        return f"{self.asset}/{self.check}"

    def __str__(self) -> str:
        where = f" [{self.partition}]" if self.partition else ""
        return f"{self.name}{where}"


@dataclass
class DayResult:
    """What running a day gave: its checks, the seconds of every stage, what was warned of and what ended a run.

    Of a check that was evaluated several times in a partition it has the last evaluation; `made` are the assets that
    were materialised, by name.
    """

    checks: list[CheckResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    refreshed: bool = False

    @property
    def sound(self) -> bool:
        """Whether every run ended well and all blocking checks passed: more may be made of the data."""
        return not self.errors and not any(check.blocking and not check.passed for check in self.checks)

    @property
    def ok(self) -> bool:
        """Whether every run ended well and no check failed but those that only warn."""
        return not self.errors and not any(check.severity == "ERROR" and not check.passed for check in self.checks)


def chosen_partitions(dataset: DatasetSpec, day: dt.date, categories: Sequence[str]) -> list[Partition]:
    """The day's partitions, of the categories asked for or of all.

    Raises:
        UsageError: a day that is not over, or before the dataset begins, or an unknown category.
    """
    for category in categories:
        if category not in dataset.categories:
            raise UsageError(
                f"dataset {dataset.name} has no category {category!r}; it has {', '.join(dataset.categories)}"
            )
    days = partitions_of(dataset).get_partitions_def_for_dimension("date")
    today = dt.datetime.now(dataset.zone).date()
    if day >= today:
        raise UsageError(
            f"{day} is not over in {dataset.time_zone}; the last complete day is {today - dt.timedelta(1)}"
        )
    if not days.has_partition_key(day.isoformat()):
        raise UsageError(f"{day} lies before start_day {dataset.start_day} of dataset {dataset.name}; change it there")
    return [Partition(day, category) for category in categories or dataset.categories]


def run_day(
    definitions: dg.Definitions,
    dataset: DatasetSpec,
    partitions: Sequence[Partition],
    instance: dg.DagsterInstance,
    *,
    until: str | None = None,
    refresh: bool = True,
    allow_loss: bool = False,
) -> DayResult:
    """Materialise the partitions one after the other, then, unless told not to, what is made of the whole dataset.

    What that shows to be published with images whose category is in doubt is published anew. The whole dataset's part
    is left alone where a partition did not come through: it would be made from data that is not sound.

    Args:
        definitions: The dataset's and its resources.
        dataset: Whose day it is.
        partitions: To be run, in this order.
        instance: Where the runs are recorded.
        until: The last of a partition's assets to be made; nothing is made of the whole dataset then.
        refresh: Whether to go on to what is made of the whole dataset.
        allow_loss: Whether images may go that were loaded and are no longer there, however many.

    Raises:
        UsageError: `until` is none of a partition's assets.
        KeyboardInterrupt: Ctrl-C; what was committed stays, and the next run finds the finished units.
    """
    result = DayResult()
    assets = needed_for(until, dataset, definitions) if until else None
    daily, tags = definitions.resolve_job_def(daily_job_name(dataset)), {ALLOW_LOSS_TAG: "true"} if allow_loss else {}
    for partition in partitions:
        _run(definitions, daily, partition, instance, result, assets, tags)
    _check_originals_again(definitions, dataset, partitions, instance, result)
    if refresh and until is None and result.sound:
        for key in _run(definitions, definitions.resolve_job_def(refresh_job_name(dataset)), None, instance, result):
            # With it goes the check of what is published, which has just warned of what is mended here.
            publish = definitions.resolve_job_def(publish_job_name(dataset))
            _run(definitions, publish, partition_of(key), instance, result)
        result.refreshed = not result.errors
    result.checks = list({str(check): check for check in result.checks}.values())
    return result


def _check_originals_again(
    definitions: dg.Definitions,
    dataset: DatasetSpec,
    partitions: Sequence[Partition],
    instance: dg.DagsterInstance,
    result: DayResult,
) -> None:
    """Look again at images that were lost with their original, as far as partitions that were run later have a copy."""
    name = duplicates_have_an_original.name
    lost = [one.partition for one in result.checks if one.check == name and not one.passed]
    keys = {key for key in check_keys(checks_of(dataset)) if key.asset_key.path[-1] == RAW_IMAGES.name}
    everything = definitions.resolve_implicit_global_asset_job_def() if lost else None
    for partition in lost:
        if everything is not None and partition != partitions[-1]:
            _run(definitions, everything.get_subset(asset_check_selection=keys), partition, instance, result)


def needed_for(asset: str, dataset: DatasetSpec, definitions: dg.Definitions) -> list[dg.AssetKey]:
    """A partition's assets up to one of them. Raises `UsageError` where a partition has no such asset."""
    in_order = [key for key in partitioned(definitions.assets or ()) if key.path[0] == dataset.name]
    of_partitions, graph = set(in_order), definitions.resolve_asset_graph()
    key = dg.AssetKey([dataset.name, asset])
    if key not in of_partitions:
        names = ", ".join(one.path[-1] for one in in_order)
        raise UsageError(f"dataset {dataset.name} makes no {asset!r} of a day; it makes {names}")
    needed = dg.AssetSelection.assets(key).upstream().resolve(graph)
    # An asset that is made together with others brings them with it.
    together = {other for one in needed & of_partitions for other in graph.get(one).assets_def.keys}
    return sorted(of_partitions & together)


def _run(
    definitions: dg.Definitions,
    job: dg.JobDefinition,
    partition: Partition | None,
    instance: dg.DagsterInstance,
    result: DayResult,
    assets: Sequence[dg.AssetKey] | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[str]:
    """Run a job, or some assets of it; give the keys of the partitions that it found to be published out of date."""
    began = time.monotonic()
    run_id = str(uuid.uuid4())
    logged: list[dg.EventLogEntry] = []
    instance.add_event_listener(run_id, logged.append)
    with _ended(instance, run_id):
        run = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            partition_key=partition_key(partition) if partition else None,
            raise_on_error=False,
            asset_selection=assets,
            tags=dict(tags or {}),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    blocking = {
        spec.key: spec.blocking for layer in definitions.resolve_asset_graph().assets_defs for spec in layer.check_specs
    }
    for evaluation in run.get_asset_check_evaluations():
        result.checks.append(
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
        )
    _stop_if_interrupted(run)
    made = [event.asset_key for event in run.all_events if event.is_step_materialization]
    result.made |= {key.path[-1] for key in made if key}
    _add_seconds(run, result, time.monotonic() - began)
    _add_errors(run, partition, result)
    result.warnings += [
        entry.user_message
        for entry in logged
        if entry.level == logging.WARNING and not entry.is_dagster_event and entry.user_message not in result.warnings
    ]
    return _to_publish_again(run)


@contextmanager
def _ended(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
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


def _add_errors(run: dg.ExecuteInProcessResult, partition: Partition | None, result: DayResult) -> None:
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
        where = f"{stage} of {partition}" if partition else stage
        result.errors.append(f"{where}: {cause.cls_name}: {message}")
    _add_error_outside_of_steps(run, partition, result)


def _add_error_outside_of_steps(run: dg.ExecuteInProcessResult, partition: Partition | None, result: DayResult) -> None:
    """What ended the run before, between or after its steps, where no step says why."""
    if any(event.is_step_failure for event in run.all_events):
        return
    for event in run.all_events:
        if event.event_type is dg.DagsterEventType.RUN_FAILURE and event.job_failure_data.error is not None:
            error = event.job_failure_data.error
            message = error.message.strip().split(f"{error.cls_name}: ", 1)[-1]
            result.errors.append(f"{partition or 'the whole dataset'}: {error.cls_name}: {message}")
