"""No number and no name of a table is cut, however narrow the terminal is."""

from __future__ import annotations

import datetime as dt
import io

import polars as pl
import pytest
from rich.console import Console

from image_assets.answers.loaded import PartitionFacts
from image_assets.cli.summary import partition_table
from image_assets.health.accounting import Accounts
from image_assets.reports.accounts import show_accounts
from image_assets.reports.tables import plain_table, show_table
from image_assets.schema import Partition

DAY = dt.date(2026, 11, 18)
MANY = 123_456_789


def accounts() -> Accounts:
    """A day with all that accounts can tell of: columns of companions and of what lay in no category are there too."""
    numbers = {"listed": 4 * MANY, "loaded": MANY, "duplicates": MANY, "quarantined": MANY, "companions": MANY}
    one = {"date": DAY, "category": "owl", **numbers, "unplaced": 0, "near_duplicates": MANY}
    stray = {"date": DAY, "category": "(no category)", "listed": 7, "unplaced": 7}
    rows = pl.DataFrame([one, stray]).select(pl.selectors.exclude(pl.selectors.numeric()), pl.selectors.numeric())
    reasons = pl.DataFrame({"date": [DAY], "category": ["owl"], "reason": ["not_an_image"], "files": [MANY]})
    return Accounts(rows.fill_null(0), reasons)


@pytest.mark.parametrize("width", [40, 80, 100, 300])
def test_accounts_are_whole_in_every_terminal(width: int) -> None:
    printed = io.StringIO()
    show_accounts(Console(width=width, file=printed), "drawn", accounts())
    said = printed.getvalue()
    assert said.count(f"{MANY:,}") >= 10  # each number and its sum
    assert f"{4 * MANY:,}" in said
    assert "not_an_image" in said.replace("\n", "").split()
    assert "\u2026" not in said
    assert len(said.splitlines()) < 14  # and no column of single letters


@pytest.mark.parametrize("width", [30, 80])
def test_a_days_table_is_whole(width: int) -> None:
    facts = PartitionFacts(Partition(DAY, "a name of a category"), MANY, MANY, 0, {}, 0, MANY, None)
    printed = io.StringIO()
    show_table(Console(width=width, file=printed), partition_table([facts], "drawn"))
    (row,) = (line for line in printed.getvalue().splitlines() if str(DAY) in line)
    assert " ".join(row.split()) == f"{DAY} a name of a category {MANY:,} {MANY:,} 0 0 {MANY:,} 0"


def test_a_table_that_fits_is_no_wider_than_it_was() -> None:
    printed = [io.StringIO(), io.StringIO()]
    for stream, show in zip(printed, (show_table, lambda console, table: console.print(table)), strict=True):
        table = plain_table("file", "category", folded=True)
        table.add_row("a" * 30 + " " + "b" * 30, "plant")
        show(Console(width=50, file=stream), table)
    assert [line.rstrip() for line in printed[0].getvalue().splitlines()] == [
        line.rstrip() for line in printed[1].getvalue().splitlines()
    ]
