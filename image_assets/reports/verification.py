"""What reading a whole store gave, as a person sees it in a terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from image_assets.reports.tables import plain_table
from image_assets.verification.finding import Verified

_NUMBERS = ("files", "MB", "wrong")


def verified_table(verified: Verified) -> Table:
    """A line per part of the store."""
    table = plain_table("part", *_NUMBERS, numbers=_NUMBERS)
    for part, read in verified.looked_at.items():
        table.add_row(part.value, f"{read.files:,}", f"{read.bytes / 1e6:,.1f}", f"{verified.of(part):,}")
    return table


def findings_table(verified: Verified) -> Table:
    """A line per thing that is wrong."""
    table = plain_table("file", "what is wrong", "what makes it good")
    for one in verified.findings:
        table.add_row(escape(one.path), escape(one.what), one.remedy.value)
    return table
