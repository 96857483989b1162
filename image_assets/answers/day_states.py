"""How does each day of each category fare: one state, the worst of all that is known, with the reasons?"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from image_assets.answers.health import CategoryHealth, Health
from image_assets.answers.status import Status
from image_assets.health.acknowledged import CAN_BE_ACKNOWLEDGED, Acknowledgement
from image_assets.health.causes import check_again
from image_assets.health.check_book import CheckState, CheckStatus
from image_assets.health.days import TO_BE_RUN, OpenDay
from image_assets.schema import Partition

DayState = Literal["failed", "unfinished", "warned", "to be run", "running", "not evaluated", "passed", "nothing"]
STATES: tuple[DayState, ...] = (
    *("failed", "unfinished", "warned", "to be run", "running"),
    *("not evaluated", "passed", "nothing"),
)
"""The worst first. `running` also while a retry is waited for; `nothing` where no file arrived."""
_GOOD: tuple[CheckStatus, ...] = ("passed", "not evaluated")
_WHAT_TO_DO = {
    "landed since it was run": "run it again",
    "run and failed": "run it again once the cause is gone",
    "not run": "whether anything arrived is not known: say where by --landing",
}


@dataclass(frozen=True)
class Cause:
    """Why a day is in its state.

    Attributes:
        state: That this alone would put it in.
        what: The check as asset/check, or what is known of the day.
        said: What was found, and what to do; for a person.
        since: The first of the category's days, one after the other, that this has been so on.
        run_id: The run that found it; empty where that is not known.
        acknowledged: What somebody said of it; it stays in its state.
        is_check: Whether it is a check that did not pass, of which something can be said.
    """

    state: DayState
    what: str
    said: str
    since: dt.date | None
    run_id: str = ""
    acknowledged: Acknowledgement | None = None
    is_check: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        told = {"state": self.state, "what": self.what, "said": self.said, "run_id": self.run_id}
        since = str(self.since) if self.since else None
        return {**told, "since": since, "acknowledged": self.acknowledged.as_json() if self.acknowledged else None}


_PASSED = Cause("passed", "", "", None)


@dataclass(frozen=True)
class OneDay:
    """A day of a category, or the whole dataset.

    Attributes:
        partition: None for what is of the whole dataset.
        state: The worst of its causes.
        causes: The worst first; without what passed.
        checks: How many of its checks are in each state.
    """

    partition: Partition | None
    state: DayState
    causes: tuple[Cause, ...]
    checks: Mapping[CheckStatus, int]

    @property
    def wanting(self) -> list[Cause]:
        """What wants somebody: it is not well, does not run, and nobody has said that it may stay so."""
        bad = (one for one in self.causes if STATES.index(one.state) < STATES.index("running"))
        return [one for one in bad if one.acknowledged is None]

    @property
    def acknowledged(self) -> list[Cause]:
        """What somebody has said that it may stay so."""
        return [one for one in self.causes if one.acknowledged]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **(self.partition.as_json() if self.partition else {"day": None, "category": None}),
            "state": self.state,
            "causes": [one.as_json() for one in self.causes],
            "checks": dict(self.checks),
        }


def day_states(status: Status, running: Collection[str] = ()) -> list[OneDay]:
    """The state of every day and category of which anything is known, and of the whole dataset, which comes first.

    Args:
        status: All that is known.
        running: Runs that are not over, or will be tried again: what they have not come to is no failure.
    """
    checks: dict[Partition | None, list[CheckState]] = defaultdict(list)
    for one in status.health.checks or ():
        checks[one.partition].append(one)
    open_days = {one.partition: one for one in status.health.open_days}
    loaded = {one.partition for one in status.loaded}
    since = _since(status.health.checks or ())
    never_checked = set(status.health.never_checked)
    late = {Partition(status.health.due, one.category): one for one in status.health.categories if not one.is_fresh}
    found = []
    for partition in sorted({*loaded, *open_days, *late, *never_checked, *filter(None, checks)}):
        causes = [_of_check(one, since.get(one), running, status.health) for one in checks[partition]]
        if partition in open_days:
            causes.append(_of_day(open_days[partition], checks[partition], running))
        if partition in never_checked:
            causes.append(_never_checked(partition))
        if status.other_features and partition in status.other_features.images:
            causes.append(_of_features(partition, status.other_features.images[partition]))
        if partition in late:
            causes.append(_late(late[partition]))
        found.append(_one_day(partition, causes, checks[partition]))
    whole = [_of_check(one, None, running, status.health) for one in checks[None]]
    return [_one_day(None, whole, checks[None]), *found]


def _one_day(partition: Partition | None, causes: Sequence[Cause], checks: Sequence[CheckState]) -> OneDay:
    ordered = sorted((one for one in causes if one.state != "passed"), key=lambda one: STATES.index(one.state))
    # What is not known to be well is not well: without any check there is nothing that passed.
    without = "passed" if any(one.state == "passed" for one in causes) else "nothing"
    # A check that had too little to go by does not make a day worse whose other checks passed.
    worse = [one for one in ordered if one.state not in ("not evaluated", "nothing")]
    state = worse[0].state if worse else without if without == "passed" or not ordered else ordered[0].state
    return OneDay(partition, state, tuple(ordered), Counter(one.state for one in checks))


def _of_check(check: CheckState, since: dt.date | None, running: Collection[str], health: Health) -> Cause:
    if check.state == "passed":
        return _PASSED  # of tens of thousands nearly all, and nothing of it is told
    state: DayState = "running" if check.state == "unfinished" and check.run_id in running else check.state
    said = health.acknowledgement(check)
    return Cause(state, check.name, check.description, since, check.run_id, said, check.state in CAN_BE_ACKNOWLEDGED)


def _of_day(day: OpenDay, checks: Sequence[CheckState], running: Collection[str]) -> Cause:
    if day.state == "run and failed":
        under_way = any(one.run_id in running for one in checks) or str(day.partition) in running
        state: DayState = "running" if under_way else "failed"
    else:
        state = "to be run" if day.state in TO_BE_RUN else "nothing"
    partition = day.partition
    todo = _WHAT_TO_DO.get(day.state, "run it, or wait for the next run at 07:00")
    said = _run_it(partition, todo) if state in ("failed", "to be run") else ""
    return Cause(state, day.state, said, partition.date)


def _run_it(partition: Partition, todo: str) -> str:
    return f"{todo} (image-assets run --day {partition.date} --category {partition.category})"


def _never_checked(partition: Partition) -> Cause:
    said = f"no check has looked at it ({check_again([partition])})"
    return Cause("not evaluated", "checks", said, partition.date)


def _of_features(partition: Partition, images: int) -> Cause:
    what = "features of another extractor"
    return Cause("to be run", what, f"{images:,} images; {_run_it(partition, 'run it again')}", partition.date)


def _late(category: CategoryHealth) -> Cause:
    """A category of which the day that is due is not there: nobody looked, whatever the days before it say."""
    last = category.last_run or category.last_day
    if last is None:
        return Cause("warned", "late", "no day of it was ever run", None)
    said = f"the last day that was run is {last}, {category.days_behind} before the one that is due"
    return Cause("warned", "late", said, last + dt.timedelta(days=1))


def _since(checks: Sequence[CheckState]) -> dict[CheckState, dt.date]:
    """Of every check that did not pass, the first day from which on it never has, in its category."""
    lines: dict[tuple[str, str], list[CheckState]] = defaultdict(list)
    for one in checks:
        if one.partition is not None:
            lines[one.name, one.partition.category].append(one)
    found: dict[CheckState, dt.date] = {}
    for line in lines.values():
        first: dt.date | None = None
        for one in sorted(line, key=lambda check: check.partition or Partition(dt.date.min, "")):
            if one.state in _GOOD or one.partition is None:
                first = None
                continue
            first = first or one.partition.date
            found[one] = first
    return found
