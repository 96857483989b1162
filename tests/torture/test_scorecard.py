"""The scorecard is green only where all was played and nothing failed; what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.torture import __main__ as torture
from tests.torture import scorecard
from tests.torture.play import ROOT, Played, play, this_machine
from tests.torture.rows import ROWS, Row
from tests.torture.scorecard import State, page_of, read, state_of, write

ASKED = {f"R{number}" for number in range(1, 16)} | {"S1", "S2", "S3", "S4", "S7"}


def test_every_row_that_is_asked_for_is_declared() -> None:
    assert ROWS.keys() == ASKED


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_a_row_names_is_there(row: Row) -> None:
    for named in (*row.tests, *row.controls):
        path, _, test = named.partition("::")
        assert (ROOT / path).exists(), named
        assert not test or re.search(rf"^def {test}\(", (ROOT / path).read_text(), re.MULTILINE), named
    assert bool(row.tests) == bool(row.controls)


def test_the_page_is_what_was_played() -> None:
    assert scorecard.PAGE.read_text(encoding="utf-8") == page_of(read())


OUTCOMES = {
    "passes": ("record('X1', rounds=3, found=3)", (), State.GREEN),
    "plays less": ("record('X1', rounds=2)", (), State.SHORT),
    "tells nothing": ("pass", ("nothing was played",), State.RED),
    "tells of another row": ("record('X2', rounds=3)", ("nothing was played",), State.RED),
    "fails": ("record('X1', rounds=3); assert False", ("test_planted",), State.RED),
    "is skipped": ("record('X1', rounds=3); import pytest; pytest.skip('no')", (), State.INCOMPLETE),
    "kills pytest": ("import os; os._exit(0)", ("nothing was played",), State.RED),
}


QUICK = "fails", "tells nothing"


@pytest.mark.parametrize(
    ("body", "failed", "state"),
    [pytest.param(*one, id=name, marks=[pytest.mark.long] * (name not in QUICK)) for name, one in OUTCOMES.items()],
)
def test_a_row_is_green_only_where_all_of_it_was_played(
    tmp_path: Path, body: str, failed: tuple[str, ...], state: State
) -> None:
    """The control of all rows: what is planted is a row that fails, or that says nothing, or too little."""
    test = tmp_path / "test_planted.py"
    test.write_text(f"from tests.torture.size import record\ndef test_planted():\n    {body}\n")
    row = Row("X1", "", "rounds", 3, tests=(str(test),), controls=("x",))
    played = play(row)
    assert (played.failed, state_of(row, played)) == (failed, state)


@pytest.mark.long
def test_a_test_that_is_missing_is_red(tmp_path: Path) -> None:
    row = Row("X1", "", "rounds", 3, tests=(str(tmp_path / "test_gone.py"),), controls=("x",))
    assert state_of(row, play(row)) is State.RED


def result(row: str, **changes: object) -> Played:
    content = Played(row, "2026-11-28", "full", 3, 60, this_machine()).as_json()
    return Played.of_json({**content, **changes})


def test_rows_that_were_not_played_say_so_and_keep_what_they_had(tmp_path: Path) -> None:
    rows = {name: Row(name, "what", "rounds", 3, tests=("t",), controls=("c",)) for name in ("X1", "X2", "X3")}
    rows["X4"] = Row("X4", "what", "rounds", 3)
    files = rows, tmp_path / "results.json", tmp_path / "page.md"
    write({"X1": result("X1", date="2026-11-01"), "gone": result("gone")}, *files)
    write({**read(files[1]), "X2": result("X2", failed=["test_planted"])}, *files)
    said = {line.split(" | ")[0]: line for line in files[2].read_text().splitlines() if " | what | " in line}
    states = [State.GREEN, State.RED, State.NOT_RUN, State.NO_TEST]
    assert all(f"| {state}" in line for state, line in zip(states, said.values(), strict=True))
    assert "2026-11-01" in said["| X1"]
    assert read(files[1]).keys() == {"X1", "X2"}


def test_a_row_whose_full_size_depends_on_what_there_is_is_green_only_in_full() -> None:
    row = Row("X1", "", "faults", 0, tests=("t",), controls=("c",))
    assert state_of(row, result("X1", size="full")) is State.GREEN
    assert state_of(row, result("X1", size="30")) is State.SHORT


@pytest.mark.parametrize(
    ("changes", "size", "status"),
    [({}, "full", 0), ({"rounds": 2}, "full", 1), ({"rounds": 2}, "2", 0), ({"failed": ["x"]}, "2", 1)],
)
def test_the_exit_status_says_whether_a_row_is_as_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], size: str, status: int
) -> None:
    row = Row("R3", "what", "rounds", 3, tests=("t",), controls=("c",))
    monkeypatch.setitem(torture.ROWS, "R3", row)
    monkeypatch.setattr(torture, "play", lambda row, size: result(row.name, size=size, **changes))
    kept: dict[str, Played] = {}
    monkeypatch.setattr(torture, "write", kept.update)
    monkeypatch.setattr(torture, "read", dict)
    assert torture.main(["R3", "--size", size]) == status
    assert kept.keys() == {"R3"}


def test_a_row_without_a_test_is_no_success() -> None:
    row = Row("X1", "what", "rounds", 3)
    assert state_of(row, result("X1")) is State.NO_TEST
