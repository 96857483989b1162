"""The accounts as a person reads them."""

from __future__ import annotations

import polars as pl
from rich.console import Console
from rich.table import Table

from image_assets.health.accounting import OUTCOMES, Accounts
from image_assets.markdown import markdown_table
from image_assets.reports.tables import show_table, table_with_sums

_SHOWN = 200
# In a terminal of 80 columns the reasons need the room.
_SHORT = {"near_duplicates": "near\ndupl."}


def accounting_table(accounts: Accounts, title: str) -> Table:
    """A line per day and category with the quarantine by reason, sums below; what does not balance is red."""
    rows = accounts.shown()
    faulty = set(accounts.unbalanced().select("date", "category").iter_rows())
    table = table_with_sums({_SHORT.get(name, name): int(rows[name].sum()) for name in rows.columns[2:]}, title)
    table.add_column("reasons", footer=_sum_of_reasons(accounts), overflow="fold")
    for row, reasons in zip(rows.iter_rows(), accounts.table()["reasons"], strict=True):
        style = "bold red" if row[:2] in faulty else None
        table.add_row(str(row[0]), row[1], *(f"{number:,}" for number in row[2:]), reasons, style=style)
    return table


def show_accounts(console: Console, dataset: str, accounts: Accounts) -> None:
    """Print the accounts, and what does not balance."""
    if accounts.rows.is_empty():
        console.print(f"nothing has arrived of {dataset} yet", highlight=False)
        return
    show_table(console, accounting_table(accounts, dataset))
    if said := let_go_said(accounts):
        console.print(said, highlight=False, soft_wrap=True)
    for row in accounts.unbalanced().iter_rows(named=True):
        outcomes = " + ".join(f"{row[name]:,} {name}" for name in OUTCOMES)
        console.print(
            f"[bold red]does not balance:[/] {row['date']} {row['category']}: {row['listed']:,} listed, {outcomes}; "
            "run this day and category again",
            highlight=False,
            soft_wrap=True,
        )


def accounting_markdown(accounts: Accounts) -> str:
    """The latest days as a Markdown table, newest first, below the sums of all days."""
    rows = accounts.shown()
    if rows.is_empty():
        return "nothing has arrived yet"
    header = ["day", "category", *(name.replace("_", " ") for name in rows.columns[2:]), "reasons"]
    sums = ["all", "", *(f"{rows[name].sum():,}" for name in rows.columns[2:]), _sum_of_reasons(accounts)]
    lines = [sums]
    texts = rows.with_columns(accounts.table()["reasons"]).sort("date", "category", descending=[True, False])
    for row in texts.head(_SHOWN).iter_rows():
        lines.append([str(row[0]), row[1], *(f"{number:,}" for number in row[2:-1]), row[-1]])
    table = markdown_table(header, lines, "ll".ljust(rows.width, "r"))
    more = f"\n\nand {rows.height - _SHOWN:,} earlier rows" if rows.height > _SHOWN else ""
    said = let_go_said(accounts)
    return table + more + (f"\n\n{said}" if said else "")


def let_go_said(accounts: Accounts) -> str:
    """Of how many files in quarantine the rows were let go of, up to which day, and when; empty where of none."""
    gone = accounts.let_go
    if gone.is_empty():
        return ""
    files, last, on = int(gone["files"].sum()), gone["date"].max(), gone["let_go_on"].max()
    return (
        f"of {files:,} files in quarantine, of days up to {last}, only the numbers are kept: their rows were let go "
        f"of, last on {on}"
    )


def _sum_of_reasons(accounts: Accounts) -> str:
    sums = accounts.reasons.group_by("reason").agg(pl.col("files").sum()).sort("reason")
    return ", ".join(f"{reason} {files:,}" for reason, files in sums.iter_rows())
