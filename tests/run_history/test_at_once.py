"""Many runs at the same moment are all recorded, in SQLite and in PostgreSQL: R10 of the scorecard."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest

from image_assets.orchestration.dagster_home import open_instance
from tests.postgres_server import PostgresServer
from tests.test_postgres_storage import CONFIG, VARIABLE
from tests.torture.size import record, rounds_of

AT_ONCE = max(5, min(50, rounds_of("R10") // 2))
ROUNDS = max(1, rounds_of("R10") // (2 * AT_ONCE))
# One of the runs, which begins when all processes are there; prints what went wrong. Not several of them in threads of
# one process: Dagster configures logging for each, and that waits for ever for a thread that logs at that moment.
_PROGRAM = """
import json, pathlib, sys, time
import dagster as dg
from image_assets.run_history import event_log

home, name = pathlib.Path(sys.argv[1]), sys.argv[2]
if "impatient" in sys.argv:
    event_log.SQLITE_BUSY_TIMEOUT_SECONDS = 0

@dg.asset
def numbers(): return dg.MaterializeResult(metadata={"rows": 3, "long": "x" * 3000})

@dg.asset_check(asset=numbers)
def many(): return dg.AssetCheckResult(passed=True, metadata={"found": 3})

wrong = []

with dg.DagsterInstance.from_config(str(home)) as instance:
    (home / f"ready-{name}").touch()
    while not (home / "go").exists():
        time.sleep(0.01)
    try:
        assert dg.materialize([numbers, many], instance=instance, tags={"number": name}).success
    except BaseException as error:
        wrong.append(f"{type(error).__name__}: {error}")
json.dump(wrong, sys.stdout)
"""


def play(home: Path, *more: str) -> list[str]:
    """Have all runs begin at once; what went wrong in any."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(home), str(number), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for number in range(AT_ONCE)
    ]
    while len(list(home.glob("ready-*"))) < AT_ONCE and all(one.poll() is None for one in started):
        time.sleep(0.05)
    (home / "go").touch()
    said = [one.communicate()[0] for one in started]
    for left in (*home.glob("ready-*"), home / "go"):
        left.unlink()
    assert [one.returncode for one in started] == [0] * AT_ONCE
    return [line for one in said for line in json.loads(one)]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "SQLite":
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        open_instance(str(tmp_path / "store")).dispose()
        return tmp_path / "dagster"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    monkeypatch.setenv(VARIABLE, server.new_database())
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text(CONFIG)
    dg.DagsterInstance.from_config(str(tmp_path / "dagster")).dispose()
    return tmp_path / "dagster"


@pytest.mark.long
def test_all_runs_that_begin_at_once_are_recorded_whole(home: Path) -> None:
    kinds = {
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    }
    for number in range(ROUNDS):
        assert play(home) == []
        with dg.DagsterInstance.from_config(str(home)) as instance:
            runs = instance.get_runs()
            assert len(runs) == AT_ONCE * (number + 1)
            assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
            for run in runs[:AT_ONCE]:
                logged = Counter(entry.dagster_event_type for entry in instance.all_logs(run.run_id))
                assert {kind: logged[kind] for kind in kinds} == dict.fromkeys(kinds, 1)
        record("R10", rounds=AT_ONCE, succeeded=AT_ONCE)


@pytest.mark.long
@pytest.mark.parametrize("home", ["SQLite"], indirect=True)
def test_without_waiting_for_each_other_runs_are_lost(home: Path) -> None:
    """The control: whoever does not wait finds the database locked."""
    assert any("database is locked" in line for line in play(home, "impatient"))
