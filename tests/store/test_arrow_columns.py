"""Arrow columns are what pyarrow itself makes of the same values, and pandas is not looked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from image_assets.schema import QUARANTINE
from image_assets.store.tables.arrow_columns import as_numbers, batch_of_rows, no_rows, of_numbers, repeated

_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("label", pa.int16()),
        pa.field("mean", pa.float32()),
        pa.field("grey", pa.bool_()),
        pa.field("content", pa.binary()),
        pa.field("tags", pa.list_(pa.field("element", pa.string(), nullable=False))),
    ]
)
_ROWS: list[dict[str, Any]] = [
    {"name": "a", "label": 3, "mean": 0.1, "grey": True, "content": b"\0\xff", "tags": ["x", "ÿ"]},
    {"name": "", "label": None, "mean": float("inf"), "content": b"", "tags": []},
    {"name": "c", "label": np.int16(-2), "mean": np.float32(0.3), "grey": np.bool_(False), "unknown": 1},
]


@pytest.mark.parametrize("rows", [_ROWS, _ROWS[:1], []])
def test_rows_are_those_that_pyarrow_makes(rows: list[dict[str, Any]]) -> None:
    made = batch_of_rows(rows, _SCHEMA)
    assert made.equals(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
    assert made.schema.equals(_SCHEMA, check_metadata=True)


@pytest.mark.parametrize(
    ("column", "value", "error"),
    [
        ("label", 70_000, TypeError),
        ("label", 1.5, TypeError),
        ("content", "text", TypeError),
        ("name", None, ValueError),
    ],
)
def test_what_does_not_fit_is_refused(column: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        batch_of_rows([{**_ROWS[0], column: value}], _SCHEMA)


def test_numbers_and_texts_are_those_that_pyarrow_makes() -> None:
    every_other = np.arange(6, dtype=np.uint32)[::2]
    assert of_numbers(every_other).equals(pa.array(every_other))
    assert of_numbers(np.empty(0, np.float32)).equals(pa.array([], pa.float32()))
    assert repeated("ÿ", 2).equals(pa.array(["ÿ", "ÿ"]))
    assert repeated("", 2).equals(pa.array(["", ""]))
    assert repeated("x", 0).equals(pa.array([], pa.string()))
    assert as_numbers(pa.array([1, 2], pa.int32())).tolist() == [1, 2]
    assert no_rows(QUARANTINE.file_schema).columns == QUARANTINE.file_schema.names


@pytest.mark.parametrize(("made", "imported"), [("of_numbers(np.zeros(2))", False), ("pa.array([1])", True)])
def test_pandas_is_not_looked_for(made: str, imported: bool) -> None:
    """The control shows that pyarrow does: once it does not, this module has no use."""
    program = (
        "import sys\nimport numpy as np\nimport pyarrow as pa\n"
        "from image_assets.store.tables.arrow_columns import as_numbers, batch_of_rows, no_rows, of_numbers, repeated\n"
        "schema = pa.schema([('name', pa.string())])\n"
        "batch_of_rows([{'name': 'a'}], schema), no_rows(schema), repeated('x', 2)\n"
        "as_numbers(of_numbers(np.ones(2)))\n"
        f"{made}\nprint('pandas' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [str(imported)]
