"""What the files of Dagster's home tell without Dagster is what Dagster would tell."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from image_assets.cli import main
from image_assets.orchestration.dagster_home import open_instance
from image_assets.orchestration.home_files import INSTANCE_FILE, SETTINGS_FILE, every_check_came_to_an_end
from tests.pictures import land_pictures
from tests.platform import FIRST, small_dataset


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that Dagster has made, with a run that failed and one that went well."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    open_instance(str(tmp_path / "store")).dispose()
    home = tmp_path / "dagster"
    for run_id, status in (("bad", "FAILURE"), ("good", "SUCCESS"), ("later", "SUCCESS")):
        execute(
            home / "history/runs.db", "INSERT INTO runs (run_id, status, run_body) VALUES (?, ?, '')", run_id, status
        )
    return home


def execute(database: Path, statement: str, *values: str | None) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement, values)
        connection.commit()


def check(home: Path, run_id: str, status: str, partition: str | None = None) -> None:
    columns = "asset_key, check_name, partition, run_id, execution_status"
    execute(
        home / "history/event_log.db",
        f"INSERT INTO asset_check_executions ({columns}) VALUES ('raw_images', 'one', ?, ?, ?)",
        *(partition, run_id, status),
    )


@pytest.mark.parametrize("partition", [None, f"plant|{FIRST}"])
def test_what_a_failed_run_planned_and_left_is_seen_until_a_later_run_evaluates_it(
    home: Path, partition: str | None
) -> None:
    assert every_check_came_to_an_end(home)
    check(home, "good", "PLANNED", partition)
    assert every_check_came_to_an_end(home)
    check(home, "bad", "PLANNED", partition)
    assert not every_check_came_to_an_end(home)
    check(home, "later", "SUCCEEDED", "another")
    assert not every_check_came_to_an_end(home)
    check(home, "later", "SUCCEEDED", partition)
    assert every_check_came_to_an_end(home)


@pytest.mark.parametrize(
    "change",
    [
        {"storage": {"postgres": {}}},
        {"run_storage": {"module": "another"}},
        {"event_log_storage": {"module": "dagster", "class": "SqliteEventLogStorage"}},
    ],
    ids=["storage", "runs", "events"],
)
def test_where_runs_are_recorded_elsewhere_nothing_is_told(home: Path, change: dict) -> None:
    (home / SETTINGS_FILE).write_text(yaml.safe_dump(yaml.safe_load(INSTANCE_FILE) | change))
    assert not every_check_came_to_an_end(home)


@pytest.mark.parametrize("missing", [SETTINGS_FILE, "history/runs.db"])
def test_where_a_file_is_missing_or_damaged_nothing_is_told(home: Path, missing: str) -> None:
    (home / missing).write_bytes(b"\xff no such thing")
    assert not every_check_came_to_an_end(home)
    (home / missing).unlink()
    assert not every_check_came_to_an_end(home)
    assert not (home / missing).exists()


def test_status_of_a_store_in_which_all_came_to_an_end_loads_no_dagster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    Path("drawn.yaml").write_text(yaml.safe_dump(small_dataset().model_dump(mode="json")), encoding="utf-8")
    land_pictures(Path("landing"), str(FIRST), "plant", 0, range(3))
    places = ["--dataset", "drawn.yaml", "--landing", "landing", "--store", "store"]
    assert main(["run", *places, "--day", str(FIRST), "--until", "raw_images"]) == 0
    blocked = "import sys; sys.modules['dagster'] = None; from image_assets.cli import main; sys.exit(main())"

    def status() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", blocked, "status", *places, "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    told = status()
    assert told.returncode == 0, told.stderr
    assert '"passed": ' in told.stdout
    check(Path("dagster"), "unknown", "PLANNED", f"plant|{FIRST}")
    execute(
        Path("dagster/history/runs.db"), "INSERT INTO runs (run_id, status, run_body) VALUES ('unknown', 'FAILURE', '')"
    )
    assert "import of dagster halted" in status().stderr
