"""What became of everything that arrived?"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from image_assets.health.accounting import OUTCOMES, Accounts, accounts_of
from image_assets.schema import Partition
from image_assets.store.store import Store


@dataclass(frozen=True)
class Account:
    """What became of the files of a day and category.

    Attributes:
        partition: The day, and the category or `NO_CATEGORY`.
        listed: Files that arrived.
        outcomes: Files by what became of them, each of the `OUTCOMES`.
        near_duplicates: Images that look like others, of those that were loaded.
        reasons: Files in quarantine by reason.
        let_go: How many of the files in quarantine have no rows any more.
        let_go_on: When they were last let go of.
    """

    partition: Partition
    listed: int
    outcomes: dict[str, int]
    near_duplicates: int
    reasons: dict[str, int]
    let_go: int = 0
    let_go_on: dt.date | None = None

    @property
    def balances(self) -> bool:
        """Whether something became of every file, and of no file two things."""
        return self.listed == sum(self.outcomes.values())

    def as_json(self) -> dict[str, Any]:
        """Its entry in the output of `image-assets accounting --json`."""
        return {
            **self.partition.as_json(),
            "listed": self.listed,
            **self.outcomes,
            "near_duplicates": self.near_duplicates,
            "reasons": self.reasons,
            "let_go": self.let_go,
            "let_go_on": self.let_go_on and self.let_go_on.isoformat(),
            "balances": self.balances,
        }


@dataclass(frozen=True)
class AccountBook:
    """The accounts of a dataset.

    Attributes:
        dataset: Its name.
        accounts: In the order of days and categories.
        tables: The same as tables, for sums, files and plots.
    """

    dataset: str
    accounts: tuple[Account, ...]
    tables: Accounts

    @property
    def balances(self) -> bool:
        """Whether all of them do."""
        return all(one.balances for one in self.accounts)

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets accounting --json`."""
        accounts = [one.as_json() for one in self.accounts]
        return {"dataset": self.dataset, "balances": self.balances, "accounts": accounts}


def account_book(store: Store, dataset: str) -> AccountBook:
    """Count what the tables of a dataset hold."""
    tables = accounts_of(store, dataset)
    reasons: dict[tuple[dt.date, str], dict[str, int]] = {}
    for day, category, reason, files in tables.reasons.iter_rows():
        reasons.setdefault((day, category), {})[reason] = files
    gone = {(day, category): (files, on) for day, category, files, on in tables.let_go.iter_rows()}
    accounts = tuple(
        Account(
            Partition(row["date"], row["category"]),
            row["listed"],
            {name: row[name] for name in OUTCOMES},
            row["near_duplicates"],
            reasons.get((row["date"], row["category"]), {}),
            *gone.get((row["date"], row["category"]), (0, None)),
        )
        for row in tables.rows.iter_rows(named=True)
    )
    return AccountBook(dataset, accounts, tables)
