"""The data dictionary in docs says what the code says."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from image_assets.data_dictionary import data_dictionary
from image_assets.dataset import DatasetSpec
from image_assets.images.reasons import Reason
from image_assets.schema import TABLES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"


def test_the_page_is_the_one_that_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(), "run make docs"


def test_every_column_reason_and_table_is_in_it() -> None:
    page = data_dictionary()
    for schema in TABLES:
        assert f"### {schema.name}" in page
        assert all(f"| `{column.name}` |" in page for column in schema.columns)
    assert all(f"| `{reason}` | {reason.meaning} |" in page for reason in Reason)


def test_every_section_of_a_dataset_file_is_in_it() -> None:
    page = data_dictionary()
    for name, field in DatasetSpec.model_fields.items():
        if isinstance(field.default, BaseModel):
            assert f"### `{name}`" in page


def test_nothing_in_it_is_left_unexplained() -> None:
    """Every setting that is no section says what it means."""
    empty = [line for line in data_dictionary().splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert [line for line in empty if "see below" not in line and "`kind`" not in line] == []
