"""Tables and pictures in Markdown."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from image_assets.markdown import code, data_url, markdown_image, markdown_table


def test_a_table_has_its_columns_sides_and_rows() -> None:
    assert markdown_table(("name", "images", "share"), [("owl", 1200, 0.123456)], "lr").splitlines() == [
        "| name | images | share |",
        "|---|---:|---|",
        "| owl | 1200 | 0.1235 |",
    ]
    assert markdown_table(("", ""), []) == "| | |\n|---|---|"


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_no_cell_breaks_a_row_or_a_column(rows: list[list[str]]) -> None:
    lines = markdown_table(("a", "b"), rows).split("\n")
    assert len(lines) == len(rows) + 2
    assert all(line.replace("\\|", "").count("|") == 3 for line in lines)


def test_a_border_that_is_written_as_text_already_stays_as_it_is() -> None:
    assert markdown_table(("a",), [("x\\|y",), ("x|y",)]).count("x\\|y") == 2


def test_code_holds_no_mark_that_ends_it() -> None:
    assert code("a`b") == "`a'b`"


def test_a_picture_is_within_the_text() -> None:
    content = base64.b64encode(b"\xff\xd8").decode()
    assert markdown_image(b"\xff\xd8") == f"![](data:image/jpeg;base64,{content})"
    assert markdown_image(b"\xff\xd8", "map", "webp") == f"![map]({data_url(bytes([0xFF, 0xD8]), 'webp')})"
    assert markdown_image(None) == ""
