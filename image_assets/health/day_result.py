"""What running a day gave, as plain data: it can be told again without the platform that ran it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from image_assets.health.check_book import OfCheck
from image_assets.schema import Partition


@dataclass(frozen=True)
class CheckResult(OfCheck):
    """One evaluation of one check."""

    passed: bool
    severity: str
    blocking: bool
    description: str
    evaluated: bool = True


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

    def add(self, other: DayResult) -> None:
        """Add what other runs of the day gave."""
        self.checks += other.checks
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.errors += other.errors
        self.warnings += [warning for warning in other.warnings if warning not in self.warnings]
        self.made |= other.made

    @property
    def sound(self) -> bool:
        """Whether every run ended well and all blocking checks passed: more may be made of the data."""
        return not self.errors and not any(check.blocking and not check.passed for check in self.checks)

    @property
    def ok(self) -> bool:
        """Whether every run ended well and no check failed but those that only warn."""
        return not self.errors and not any(check.severity == "ERROR" and not check.passed for check in self.checks)

    def as_record(self) -> dict[str, Any]:
        """It as JSON can keep it."""
        checks = [
            {**dataclasses.asdict(one), "partition": [one.partition.date.isoformat(), one.partition.category]}
            if one.partition
            else dataclasses.asdict(one)
            for one in self.checks
        ]
        return {**dataclasses.asdict(self), "checks": checks, "made": sorted(self.made)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> DayResult:
        """What `as_record` gave. Raises `LookupError`, `TypeError` or `ValueError` for anything else."""
        checks = [CheckResult(**{**one, "partition": _partition(one["partition"])}) for one in record["checks"]]
        return cls(**{**record, "checks": checks, "made": set(record["made"])})


def _partition(kept: list[str] | None) -> Partition | None:
    return Partition(dt.date.fromisoformat(kept[0]), kept[1]) if kept else None
