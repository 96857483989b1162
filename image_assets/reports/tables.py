"""How tables look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

_UNBOUNDED = 100_000
_READABLE = 12
"""A column that goes on in further lines is no narrower: a letter a line is not read."""


def plain_table(*columns: str, numbers: Sequence[str] = (), folded: bool = False) -> Table:
    """A table with a line below its head.

    Args:
        columns: Their names.
        numbers: Those that stand on the right.
        folded: Whether what is long goes on in further lines.
    """
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in columns:
        justify = "right" if name in numbers else "left"
        table.add_column(name, justify=justify, no_wrap=not folded, overflow="fold" if folded else "ellipsis")
    return table


def table_with_sums(sums: Mapping[str, int], title: str | None) -> Table:
    """A table of numbers by day and category, each in a column with its sum below.

    Args:
        sums: By the columns' names.
        title: Above it.
    """
    table = plain_table("day", "category")
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    table.show_footer, table.columns[0].footer = True, "all"
    for name, total in sums.items():
        table.add_column(name, footer=f"{total:,}", justify="right", no_wrap=True)
    return table


def show_table(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal, or wider where a number or a name would be cut: the terminal wraps it."""
    needed = sum(_least(one, table) for one in table.columns) + len(table.columns) + 1  # and a line around each
    if needed > console.width:
        table.width = needed
    console.print(table, soft_wrap=True)


def _least(column: Column, table: Table) -> int:
    """How many signs a column needs."""
    shown = [*column.cells, *([column.header] if table.show_header else []), *([column.footer] * table.show_footer)]
    measure = Console(width=_UNBOUNDED).measure
    whole = max((measure(one).maximum for one in shown), default=0)
    return whole if column.no_wrap else min(whole, _READABLE)
