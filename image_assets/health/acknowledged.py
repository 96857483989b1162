"""What somebody said of a check that did not pass: that it is known, and why it may stay so for now.

It changes no state and no exit status: what failed has failed. It is over as soon as the check passes; when that fails
again afterwards, or is worse than it was, nobody has said anything of it yet.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from image_assets.health.check_book import CheckState, CheckStatus, OfCheck
from image_assets.schema import Partition
from image_assets.store.listing import Listing
from image_assets.store.records import Records
from image_assets.store.store import Store

ACKNOWLEDGED = "acknowledged"
"""The folder of a dataset that holds it."""
CAN_BE_ACKNOWLEDGED: tuple[CheckStatus, ...] = ("warned", "unfinished", "failed")
"""States, from the least bad to the worst."""
MOST_CHARACTERS = 1_000


class NotToBeAcknowledged(ValueError):
    """There is nothing of this check that could be acknowledged, or nothing was said."""


@dataclass(frozen=True)
class Acknowledgement:
    """What was said.

    Attributes:
        comment: Why it may stay so.
        by: Who said it.
        at: When; UTC, ISO 8601.
        state: That the check was in.
    """

    comment: str
    by: str
    at: str
    state: CheckStatus

    def holds_for(self, state: CheckStatus) -> bool:
        """Whether this is what it was said of: what is worse is not."""
        return state in CAN_BE_ACKNOWLEDGED and CAN_BE_ACKNOWLEDGED.index(state) <= CAN_BE_ACKNOWLEDGED.index(
            self.state
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Acknowledgements:
    """The acknowledgements of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose checks they are of.
        there: What lies in its folder, where that is known already.
    """

    def __init__(self, store: Store, dataset: str, there: Listing | None = None) -> None:
        self._records = Records(store, dataset, ACKNOWLEDGED, there)

    def say(self, check: CheckState, comment: str, by: str) -> Acknowledgement:
        """Acknowledge what a check found, in the place of what was said of it before.

        Raises:
            NotToBeAcknowledged: it passed or was not evaluated, or there is no comment, or too long a one.
        """
        comment = comment.strip()
        if check.state not in CAN_BE_ACKNOWLEDGED:
            raise NotToBeAcknowledged(f"{check}: {check.state}; only what did not pass can be acknowledged")
        if not comment or len(comment) > MOST_CHARACTERS:
            raise NotToBeAcknowledged(f"{check}: say in 1 to {MOST_CHARACTERS:,} characters why it may stay so")
        said = Acknowledgement(comment, by, dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), check.state)
        self._records.write(_name(check), {**_of(check), **said.as_json()})
        return said

    def take_back(self, check: OfCheck) -> bool:
        """Have nothing said of a check any more; whether anything was."""
        return bool(self.over([check]))

    def all(self) -> dict[OfCheck, Acknowledgement]:
        """What was said, by the check; without what is damaged."""
        return dict(self._records.parsed(_said).values())

    def damaged(self) -> list[str]:
        """The files among the records that are none, below the dataset's folder."""
        return self._records.damaged(_said)

    def over(self, checks: Iterable[OfCheck]) -> list[OfCheck]:
        """What was said of checks is over, as they have passed: of these something was."""
        there = set(self._records.names())
        gone = [check for check in checks if _name(check) in there] if there else []
        for check in gone:
            self._records.remove(_name(check))
        return gone


def holding(said: Mapping[OfCheck, Acknowledgement], checks: Sequence[CheckState]) -> dict[OfCheck, Acknowledgement]:
    """Of all that was said, what is still so."""
    states: dict[OfCheck, CheckStatus] = {one.identity: one.state for one in checks}
    return {check: one for check, one in said.items() if check in states and one.holds_for(states[check])}


def _said(name: str, one: Mapping[str, Any]) -> tuple[OfCheck, Acknowledgement]:
    del name  # a digest
    day = one["day"]
    where = Partition(dt.date.fromisoformat(day), one["category"]) if day else None
    said = Acknowledgement(one["comment"], one["by"], one["at"], one["state"])
    return OfCheck(one["asset"], one["check"], where), said


def _name(check: OfCheck) -> str:
    return hashlib.sha256(str(check).encode()).hexdigest()[:32]


def _of(check: OfCheck) -> dict[str, str | None]:
    where = check.partition
    return {
        "asset": check.asset,
        "check": check.check,
        "day": str(where.date) if where else None,
        "category": where.category if where else None,
    }
