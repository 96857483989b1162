"""A command that is stopped says so in one line and leaves no run that looks as if it were still going on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import dagster as dg
import pytest

from image_assets.interrupts import INTERRUPTED, terminated_as_interrupted
from image_assets.orchestration.recorded_run import ended
from tests.pictures import land_pictures

_DATASET = "name: owls\nstart_day: 2026-11-01\ncategories:\n  barn: 0\n  eagle: 1\n"


def _statuses(root: Path) -> list[str]:
    """Of all runs that are recorded; none before the first."""
    found: list[str] = []
    path = root / "dagster" / "history" / "runs.db"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found = [status for (status,) in database.execute("SELECT status FROM runs")]
    return found


def _run_nothing(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def nothing() -> None:
        pass

    assert dg.materialize([nothing], instance=instance).success


@pytest.mark.long
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_has_ended_and_can_be_run_again(tmp_path: Path, number: int, status: int) -> None:
    for kind, name in enumerate(("barn", "eagle")):
        land_pictures(tmp_path / "landing", "2026-11-24", name, kind, range(6))
    (tmp_path / "owls.yaml").write_text(_DATASET)
    places = ["--dataset", "owls.yaml", "--landing", "landing", "--store", "store"]
    command = [sys.executable, "-m", "image_assets.cli", "run", *places, "--day", "2026-11-24", "--until", "raw_images"]
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while "STARTED" not in _statuses(tmp_path) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == status, said
    assert said.count("run the same command again") == 1
    assert "Traceback" not in said
    assert _statuses(tmp_path)
    assert not {"NOT_STARTED", "STARTING", "STARTED"} & set(_statuses(tmp_path))
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr


def test_what_runs_in_the_background_is_stopped_between_two_runs_too() -> None:
    """A shell has Ctrl-C ignored there, and Dagster leaves to SIGTERM what Ctrl-C does."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with terminated_as_interrupted() as interrupt:
            with dg.DagsterInstance.ephemeral() as instance:
                _run_nothing(instance)
            signal.raise_signal(signal.SIGINT)
            assert interrupt.status == INTERRUPTED
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
            assert interrupt.status == 128 + signal.SIGTERM
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_that_is_left_between_two_steps_is_recorded_as_failed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        left = instance.add_run(dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED))
        with pytest.raises(KeyboardInterrupt), ended(instance, left.run_id):
            raise KeyboardInterrupt
        run = instance.get_run_by_id(left.run_id)
        assert run is not None
        assert run.status is dg.DagsterRunStatus.FAILURE
        with ended(instance, "a run that was never made"):
            pass
