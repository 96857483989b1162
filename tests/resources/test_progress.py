"""Progress reaches the log as lines, and a terminal as bars, also while Dagster captures the output."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from image_assets.resources.progress import LogProgress, TerminalProgress, describe, terminal_console
from tests.pictures import land_pictures
from tests.platform import FIRST, small_dataset
from tests.store_files import python_path


def test_a_line_says_how_much_how_fast_and_how_long_still() -> None:
    assert describe("load x", "files", 250, 1000, 5) == "load x: 250 of 1,000 files, 50 files/s, 15 s left"
    assert describe("load x", "files", 1000, 1000, 20) == "load x: 1,000 of 1,000 files, 50 files/s"
    assert describe("load x", "files", 750, 1000, 5, 500) == "load x: 750 of 1,000 files, 50 files/s, 5 s left"


def test_lines_come_at_intervals_not_at_every_step(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("progress")
    caplog.set_level(logging.INFO)
    with LogProgress(seconds=3600).track("quiet", "files", log) as progress:
        for done in range(100):
            progress(done, 100)
    assert caplog.messages == []
    with LogProgress(seconds=0).track("talkative", "files", log) as progress:
        progress(1, 2)
    assert caplog.messages[0].startswith("talkative: 1 of 2 files")


def test_what_an_earlier_run_has_done_makes_this_one_no_faster(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("progress")
    caplog.set_level(logging.INFO)
    with LogProgress(seconds=0).track("resumed", "files", log) as progress:
        progress(1_000_000, 2_000_000)
        progress(1_000_000, 2_000_000)
    assert caplog.messages[-1] == "resumed: 1,000,000 of 2,000,000 files, 0 files/s"


def test_a_bar_is_drawn_in_a_terminal_and_nothing_elsewhere() -> None:
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
        with TerminalProgress(console).track("load", "files") as progress:
            progress(3, 3)
        written = console.file.getvalue()  # type: ignore[attr-defined]
        assert ("3/3" in written) == terminal


def test_a_stream_that_is_no_file_is_written_to_as_it_is() -> None:
    stream = io.StringIO()
    terminal_console(stream).print("hello")
    assert "hello" in stream.getvalue()


@pytest.mark.long
def test_a_run_in_a_terminal_shows_bars_for_its_stages(tmp_path: Path) -> None:
    """A real run in a real pseudo-terminal: Dagster redirects the output of steps, the bars must not go with it."""
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(small_dataset().model_dump(mode="json")))
    land_pictures(tmp_path / "landing", str(FIRST), "plant", 0, range(4))
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store"]
    command = [sys.executable, "-m", "image_assets.cli", "run", *places, "--day", str(FIRST), "--category", "plant"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm", "HOME": str(tmp_path)}
    environment.pop("DAGSTER_HOME", None)
    root = Path(__file__).resolve().parents[2]
    environment["PYTHONPATH"] = python_path(root)
    run = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        shown += read
    assert run.wait(timeout=60) == 0, shown.decode(errors="replace")
    for stage in ("load 2026-11-03 plant", "features 2026-11-03 plant", "shards 2026-11-03 plant"):
        assert stage.encode() in shown
