"""Tables as CSV files that somebody may open in a spreadsheet, which takes text that begins like a formula for one."""

from __future__ import annotations

import polars as pl

# OWASP, "CSV Injection": a cell that begins with one of these is calculated, and may send what stands in others away.
_BEGINS_A_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"  # full-width signs count too


def csv_of(frame: pl.DataFrame) -> bytes:
    """A table as CSV in UTF-8.

    Text that begins with `=`, `+`, `-`, `@`, one of these in full width, a tab or the end of a line gets an apostrophe
    before it: names of files are what their sender called them. Numbers are as they are.
    """
    text = pl.selectors.string()
    harmless = pl.when(text.str.contains(_BEGINS_A_FORMULA)).then("'" + text).otherwise(text).name.keep()
    return frame.with_columns(harmless).write_csv().encode()
