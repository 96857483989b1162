"""What every check last found, as the store keeps it: of each asset and partition a record, which its checks write."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from image_assets.schema import Partition
from image_assets.store.records import Records
from image_assets.store.store import Store

CHECK_RESULTS = "check_results"
"""The folder of a dataset that holds them."""
_WHOLE = "whole"

CheckStatus = Literal["passed", "warned", "failed", "not evaluated", "unfinished"]
"""Not evaluated is what there was too little for; unfinished what was planned and never came to an end."""
STATES: tuple[CheckStatus, ...] = ("passed", "warned", "failed", "not evaluated", "unfinished")


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

    def __str__(self) -> str:
        where = f" [{self.partition}]" if self.partition else ""
        return f"{self.name}{where}"


@dataclass(frozen=True)
class CheckState(OfCheck):
    """The latest evaluation of a check."""

    state: CheckStatus
    description: str = ""
    run_id: str = ""


class CheckBook:
    """The check results of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._records = Records(store, dataset, CHECK_RESULTS)

    def write(
        self, asset: str, partition: Partition | None, results: Mapping[str, tuple[CheckStatus, str]], run_id: str
    ) -> None:
        """Keep what all checks of an asset found, in the place of what they found before.

        Args:
            asset: The asset's name.
            partition: Of the asset, where it has them.
            results: State and description by the check's name.
            run_id: The run that evaluated them.
        """
        where = f"{partition.date}/{partition.category}" if partition else _WHOLE
        content = {
            "run": run_id,
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "checks": {name: {"state": state, "description": said} for name, (state, said) in results.items()},
        }
        self._records.write(f"{where}/{asset}", content)

    def states(self, checks: Sequence[tuple[str, str]] | None = None) -> list[CheckState]:
        """What the checks last found, by asset and check, or all of them; what was never evaluated is left out."""
        wanted = None if checks is None else set(checks)
        return [one for one in self._all() if wanted is None or (one.asset, one.check) in wanted]

    def _all(self) -> Iterator[CheckState]:
        for name, record in self._records.all():
            *where, asset = name.split("/")
            partition = Partition(dt.date.fromisoformat(where[0]), where[1]) if where != [_WHOLE] else None
            for check, found in record["checks"].items():
                yield CheckState(asset, check, partition, found["state"], found["description"], record["run"])


def count_states(states: Sequence[CheckState]) -> dict[CheckStatus, int]:
    """How many checks are in each state."""
    counts = Counter(one.state for one in states)
    return {state: counts[state] for state in STATES}
