"""Runs in progress, for commands that must not come in between."""

from __future__ import annotations

from image_assets.errors import UsageError


def refuse_while_running(dataset: str, store: str) -> None:
    """Raise `UsageError` while a dataset is run: a run may have found a finished file that it is about to list."""
    import dagster as dg

    from image_assets.orchestration.dagster_home import existing_instance
    from image_assets.orchestration.dagster_internals import FINISHED_STATUSES

    instance = existing_instance(store)
    if instance is None:
        return
    going_on = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]
    try:
        runs = instance.get_runs(dg.RunsFilter(statuses=going_on))
    finally:
        instance.dispose()
    if running := [run for run in runs if run.job_name.startswith(f"{dataset}_") or run.job_name.startswith("__")]:
        raise UsageError(
            f"{len(running):,} runs are in progress, such as {running[0].run_id[:8]} of {running[0].job_name}: wait "
            "until they have ended, or end those that nobody works on any more in the UI"
        )
