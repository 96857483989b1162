"""What the checks last found, from the Dagster instance that recorded it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import dagster as dg

from image_assets.partitions import partition_of
from image_assets.schema import Partition

State = Literal["passed", "warned", "failed", "unfinished"]
"""Unfinished is what was planned and never evaluated: something before it failed, or it is still running."""
STATES: tuple[State, ...] = ("passed", "warned", "failed", "unfinished")


@dataclass(frozen=True)
class CheckState:
    """The latest evaluation of a check, in a partition where the asset has them."""

    asset: str
    check: str
    partition: Partition | None
    state: State
    description: str = ""

    def __str__(self) -> str:
        where = f" [{self.partition}]" if self.partition else ""
        return f"{self.asset}/{self.check}{where}"


def check_states(instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]) -> list[CheckState]:
    """The latest evaluation of every check and partition; what was never evaluated is left out.

    So is what a run planned that went well: the asset was rightly not made, as predictions before the first model.

    Args:
        instance: Where runs are recorded.
        keys: The checks of a dataset.
    """

    @cache
    def evaluations(run_id: str) -> dict[tuple[dg.AssetCheckKey, str | None], dg.AssetCheckEvaluation]:
        entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        found = [entry.asset_check_evaluation for entry in entries]
        return {(one.asset_check_key, one.partition): one for one in found if one is not None}

    @cache
    def went_well(run_id: str) -> bool:
        run = instance.get_run_by_id(run_id)
        return run is not None and run.status is dg.DagsterRunStatus.SUCCESS

    states = []
    for info in instance.event_log_storage.get_asset_check_partition_info(list(keys)):
        state: State = "passed"
        description = ""
        if info.latest_execution_status.value == "PLANNED":
            if went_well(info.latest_planned_run_id):
                continue
            state = "unfinished"
        elif info.latest_execution_status.value == "FAILED":
            # How bad it is, only the evaluation says.
            one = evaluations(info.latest_planned_run_id).get((info.check_key, info.partition_key))
            state = "warned" if one is not None and one.severity is dg.AssetCheckSeverity.WARN else "failed"
            description = (one.description if one else "") or ""
        partition = partition_of(info.partition_key) if info.partition_key else None
        states.append(CheckState(info.check_key.asset_key.path[-1], info.check_key.name, partition, state, description))
    return sorted(states, key=_order)


def count_states(states: Sequence[CheckState]) -> dict[State, int]:
    """How many checks are in each state."""
    counts = Counter(one.state for one in states)
    return {state: counts[state] for state in STATES}


def _order(one: CheckState) -> tuple[int, int, str, str, str]:
    """Worst first, then the latest days."""
    worst = {"failed": 0, "warned": 1, "unfinished": 2, "passed": 3}[one.state]
    day, category = (-one.partition.date.toordinal(), one.partition.category) if one.partition else (0, "")
    return worst, day, category, one.asset, one.check
