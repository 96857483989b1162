"""The benchmark of a day: a contestant that fails, or that has other rows than there are photos, is no figure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from benchmarks import day
from benchmarks.day_contestants import commands
from benchmarks.day_contestants.commands import Contestant, ContestantFailed, timed
from benchmarks.extraction.inputs import Inputs


def program(code: str, folder: Path) -> Contestant:
    return Contestant([sys.executable, "-c", code], os.environ, folder)


def test_a_process_is_timed_with_its_processor_and_memory(tmp_path: Path) -> None:
    # It stays as it is for a while: memory is looked at now and then.
    code = "import time; held = bytearray(50_000_000); print(sum(range(2_000_000)) > 0, 7); time.sleep(0.5)"
    run = timed(program(code, tmp_path))
    assert run.printed == "True 7\n"
    assert commands.rows_of_peer(run) == 7
    assert run.processor > 0
    assert run.peak_bytes > 50_000_000


def test_a_process_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ContestantFailed, match="no such model"):
        timed(program("raise SystemExit('no such model')", tmp_path))


@pytest.mark.parametrize("rows", [3, 2])
def test_contestants_have_a_row_for_every_photo_or_there_is_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    said = json.dumps({"errors": [], "categories": {"plant": {"features": 3}}})
    monkeypatch.setattr(day, "ours", lambda *_: program(f"print('''{said}''')", tmp_path))
    monkeypatch.setattr(day, "peers", lambda *_: {"peer": program(f"print({rows})", tmp_path)})
    (tmp_path / "model.onnx").touch()
    inputs = Inputs(tmp_path, tmp_path, tmp_path)
    if rows == 3:
        assert set(day._all_run(inputs, tmp_path, 3)) == {day.OURS, "peer"}
    else:
        with pytest.raises(ContestantFailed, match=r"3 photos, but rows: .*'peer': 2"):
            day._all_run(inputs, tmp_path, 3)
