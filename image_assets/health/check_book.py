"""What every check last found, as the store keeps it: of each asset and partition a record, which its checks write."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from image_assets.dataset import DatasetSpec
from image_assets.health.checked_assets import checked_assets
from image_assets.schema import IMAGE_FEATURES, NEAR_DUPLICATES, PREDICTIONS, RAW_IMAGES, Partition
from image_assets.store.listing import Listing
from image_assets.store.records import Records
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion

CHECK_RESULTS = "check_results"
"""The folder of a dataset that holds them."""
_WHOLE = "whole"
_CHECKED_BY_DAY = (RAW_IMAGES, IMAGE_FEATURES, PREDICTIONS, NEAR_DUPLICATES)
"""Tables whose checks look at every day and category that they have rows of."""
_NONE: Mapping[str, Any] = {}

CheckStatus = Literal["passed", "warned", "failed", "not evaluated", "unfinished"]
"""Not evaluated is what there was too little for; unfinished what was planned and never came to an end."""
STATES: tuple[CheckStatus, ...] = ("passed", "warned", "failed", "not evaluated", "unfinished")
_STATES = frozenset(STATES)


class Measure(NamedTuple):
    """A figure that a check judges by, and what it may be at most as the check was told then."""

    value: float
    limit: float


@dataclass(frozen=True)
class OfCheck:
    """Which check, and of which partition where the asset has them."""

    asset: str
    check: str
    partition: Partition | None

    @property
    def name(self) -> str:
        """Asset and check."""
        return f"{self.asset}/{self.check}"

    @property
    def identity(self) -> OfCheck:
        """Which check this is, whatever it found."""
        return OfCheck(self.asset, self.check, self.partition)

    def __str__(self) -> str:
        where = f" [{self.partition}]" if self.partition else ""
        return f"{self.name}{where}"


@dataclass(frozen=True)
class CheckState(OfCheck):
    """The latest evaluation of a check; `measures` are figures by name, of checks that keep any."""

    state: CheckStatus
    description: str = ""
    run_id: str = ""
    measures: Mapping[str, Measure] = field(default_factory=dict, compare=False)


class CheckBook:
    """The check results of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
        there: What lies in its folder, where that is known already.
    """

    def __init__(self, store: Store, dataset: str, there: Listing | None = None) -> None:
        self._records = Records(store, dataset, CHECK_RESULTS, there)

    def write(
        self,
        asset: str,
        partition: Partition | None,
        results: Mapping[str, tuple[CheckStatus, str]],
        run_id: str,
        measures: Mapping[str, Mapping[str, Measure]] | None = None,
    ) -> None:
        """Keep what all checks of an asset found, in the place of what they found before.

        Args:
            asset: The asset's name.
            partition: Of the asset, where it has them.
            results: State and description by the check's name.
            run_id: The run that evaluated them.
            measures: Figures to be seen over time, by the check's name and their own.
        """
        where = f"{partition.date}/{partition.category}" if partition else _WHOLE
        content = {
            "run": run_id,
            "at": _now(),
            "checks": {
                name: {"state": state, "description": said, **_kept((measures or {}).get(name))}
                for name, (state, said) in results.items()
            },
        }
        self._records.write(f"{where}/{asset}", content)

    def states(self, checks: Sequence[tuple[str, str]] | None = None) -> list[CheckState]:
        """What the checks last found, by asset and check, or all of them.

        What was never evaluated is left out, and what the newest record of an asset does not name: this is no longer
        checked, however long ago a partition was last looked at.
        """
        records = list(self._all())
        newest = {record.asset: record for record in sorted(records, key=lambda record: record.at)}
        made = {(asset, name) for asset, record in newest.items() for name in record.found}
        wanted = made if checks is None else made.intersection(checks)
        return [state for record in records for state in record.states() if (state.asset, state.check) in wanted]

    def looked_at(self) -> dict[Partition, set[str]]:
        """Of each partition at which checks have looked, the assets that they looked at."""
        found: dict[Partition, set[str]] = {}
        for name in self._records.names():
            partition, asset = checked_by(name)
            if partition is not None:
                found.setdefault(partition, set()).add(asset)
        return found

    def damaged(self) -> list[str]:
        """The files among the records that are none, below the dataset's folder."""
        return self._records.damaged(_record)

    def times_of(self, asset: str) -> dict[Partition, dt.datetime]:
        """When the checks of an asset last looked at each of its partitions, UTC, whole seconds."""
        return {
            one.partition: dt.datetime.fromisoformat(one.at)
            for one in self._all()
            if one.asset == asset and one.partition is not None
        }

    def _all(self) -> Iterator[_Record]:
        yield from self._records.parsed(_record).values()


def checked_by(name: str) -> tuple[Partition | None, str]:
    """The partition and the asset that a record is of, by its name; without either where that is no such name."""
    *where, asset = name.split("/")
    if where == [_WHOLE]:
        return None, asset
    try:
        day, category = where
        return Partition(dt.date.fromisoformat(day), category), asset
    except ValueError:
        return None, ""


def _record(name: str, content: Mapping[str, Any]) -> _Record:
    """What a record says. Raises one of `NO_RECORD` where it is none."""
    partition, asset = checked_by(name)
    record = _Record(asset, partition, content["checks"], content["run"], content["at"])
    dt.datetime.fromisoformat(record.at)
    for found in record.found.values():
        if not asset or found["state"] not in _STATES or not isinstance(found["description"], str):
            raise ValueError(f"no record of checks: {name}")
        if any(len([float(one) for one in figures]) != 2 for figures in found.get("measures", _NONE).values()):
            raise ValueError(f"no figures of checks: {name}")
    return record


def _kept(measures: Mapping[str, Measure] | None) -> dict[str, Any]:
    return {"measures": {name: list(one) for name, one in measures.items()}} if measures else {}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class _Record:
    asset: str
    partition: Partition | None
    found: Mapping[str, Mapping[str, Any]]
    run_id: str
    at: str

    def states(self) -> Iterator[CheckState]:
        for check, found in self.found.items():
            kept = found.get("measures")
            measures = {name: Measure(*one) for name, one in kept.items()} if kept else _NONE
            yield CheckState(
                self.asset, check, self.partition, found["state"], found["description"], self.run_id, measures
            )


def latest_states(
    store: Store, dataset: DatasetSpec, unfinished: Sequence[CheckState] = (), there: Listing | None = None
) -> list[CheckState]:
    """What a dataset's checks last found, the worst first; what was never evaluated is left out.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
        unfinished: What was planned since and never came to an end.
        there: What lies in the dataset's folder, where that is known already.
    """
    assets = set(checked_assets(dataset))
    instead = {_key(one): one for one in unfinished}
    found = (one for one in CheckBook(store, dataset.name, there).states() if one.asset in assets)
    # To hash tens of thousands for nothing takes longer than to read them.
    kept = [one for one in found if _key(one) not in instead] if instead else found
    return sorted([*kept, *instead.values()], key=_order)


def never_checked(store: Store, dataset: str, checks: Sequence[CheckState]) -> list[Partition]:
    """The days and categories of which a table holds rows that none of its checks is of, in their order.

    An earlier version kept the results in Dagster's records alone, so a store that it wrote has none; and a record may
    be gone. Tables that cannot be read are left out: who asks is told of them elsewhere.
    """
    looked_at: dict[str, set[Partition | None]] = {}
    for one in checks:
        looked_at.setdefault(one.asset, set()).add(one.partition)
    found: set[Partition] = set()
    for schema in _CHECKED_BY_DAY:
        with suppress(Damaged, OtherVersion):
            found |= {*store.table(dataset, schema).partitions()} - looked_at.get(schema.name, set())
    return sorted(found)


def _key(one: CheckState) -> tuple[str, str, Partition | None]:
    return one.asset, one.check, one.partition


def _order(one: CheckState) -> tuple[int, int, str, str, str]:
    """Worst first, then the latest days."""
    worst = {"failed": 0, "warned": 1, "unfinished": 2, "not evaluated": 3, "passed": 4}[one.state]
    day, category = (-one.partition.date.toordinal(), one.partition.category) if one.partition else (0, "")
    return worst, day, category, one.asset, one.check


def count_states(states: Sequence[CheckState]) -> dict[CheckStatus, int]:
    """How many checks are in each state."""
    counts = Counter(one.state for one in states)
    return {state: counts[state] for state in STATES}
