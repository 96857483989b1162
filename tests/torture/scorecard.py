"""The scorecard: what was played of every row, when and where. What was never played is said too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from tests.torture.play import ROOT, Played
from tests.torture.rows import ROWS, Row
from tests.torture.size import FULL

PAGE, RESULTS = ROOT / "docs" / "scorecard.md", ROOT / "docs" / "scorecard.json"
_TOP = """# Scorecard

What must survive, and whether it did. `make torture` plays every row at its full size and writes this page;
`make torture ROWS="R3 R5"` plays some, and leaves the others as they are. `make test` plays a few rounds of each. A row
is green when all of its full size was played and nothing failed.

| row | what is done, and what has to hold | full size | played | result | counted | when and where |
|---|---|---|---|---|---|---|
"""
_CONTROLS = """
## Controls

Each plants the fault where the safeguard is missing, and sees it: else a green row would show nothing.

| row | tests |
|---|---|
"""


class State(StrEnum):
    """What is to be thought of a row."""

    GREEN = "green"
    SHORT = "less than its full size"
    INCOMPLETE = "not all of it could be played there"
    RED = "red"
    NOT_RUN = "not run"
    NO_TEST = "there is no test of it yet"


def state_of(row: Row, played: Played | None) -> State:
    """A row is green only where all of it was played and nothing failed."""
    if not row.tests:
        return State.NO_TEST
    if played is None:
        return State.NOT_RUN
    if played.failed or not played.rounds:
        return State.RED
    if played.skipped:
        return State.INCOMPLETE
    whole = played.rounds >= row.full if row.full else played.size == FULL
    return State.GREEN if whole else State.SHORT


def read(path: Path = RESULTS) -> dict[str, Played]:
    """What was played, by row."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: Played.of_json(one) for name, one in content.items()}


def write(
    results: Mapping[str, Played], rows: Mapping[str, Row] = ROWS, path: Path = RESULTS, page: Path = PAGE
) -> None:
    """Keep what was played, and the page that says so."""
    content = {name: results[name].as_json() for name in rows if name in results}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    page.write_text(page_of(results, rows), encoding="utf-8")


def page_of(results: Mapping[str, Played], rows: Mapping[str, Row] = ROWS) -> str:
    """The scorecard as Markdown."""
    lines = [_line(row, results.get(name)) for name, row in rows.items()]
    controls = [f"| {row.name} | {_controls(row)} |" for row in rows.values()]
    return _TOP + "\n".join(lines) + "\n" + _CONTROLS + "\n".join(controls) + "\n"


def _line(row: Row, played: Played | None) -> str:
    full = f"{row.full:,} {row.unit}" if row.full else f"all {row.unit}"
    state = state_of(row, played)
    if played is None:
        return f"| {row.name} | {row.what} | {full} | nothing | {state} | | |"
    wrong = [f"{len(played.failed)} failed: {', '.join(played.failed)}"] if played.failed else []
    wrong += [f"{played.skipped} skipped"] if played.skipped else []
    said = "; ".join([str(state), *wrong])
    counted = ", ".join(f"{name} {number:g}" for name, number in played.figures.items())
    where = f"{played.date}, {_duration(played.seconds)}; {played.machine}"
    return f"| {row.name} | {row.what} | {full} | {played.rounds:,} | {said} | {counted} | {where} |"


def _controls(row: Row) -> str:
    return ", ".join(f"`{one.removeprefix('tests/')}`" for one in row.controls) or "none yet"


def _duration(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
