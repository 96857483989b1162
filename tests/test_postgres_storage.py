"""Dagster's records in PostgreSQL, as the documentation says: a day is run, told and pruned; faults are a line."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path

import pytest
import yaml

from image_assets.cli import main
from image_assets.orchestration.dagster_home import open_instance
from image_assets.run_history.prune import prune_runs
from tests.pictures import land_pictures
from tests.platform import small_dataset
from tests.postgres_server import PostgresServer
from tests.test_docs import ROOT, blocks

(CONFIG,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "file=dagster.yaml"]
VARIABLE = yaml.safe_load(CONFIG)["storage"]["postgres"]["postgres_url"]["env"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the documented `dagster.yaml`, beside a dataset file."""
    dataset = small_dataset(
        name="birds", categories={"owls": 0}, extractor={"kind": "colour_statistics"}, start_day="2026-11-18"
    )
    (tmp_path / "birds.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/dagster.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _status(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["status", "--dataset", "birds.yaml", "--store", "store", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def _refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `status` says instead of what it is asked."""
    assert main(["status", "--dataset", "birds.yaml", "--store", "store", "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.long
def test_a_day_is_recorded_told_and_pruned_there(
    home: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, postgres_server.new_database())
    land_pictures(home.parent / "landing", "2026-11-18", "owls", 0, range(3))
    places = ["--dataset", "birds.yaml", "--landing", "landing", "--store", "store"]
    assert main(["run", *places, "--day", "2026-11-18", "--until", "image_features"]) == 0
    told = _status(capsys)
    (loaded,) = told["partitions"]  # type: ignore[misc]
    assert (loaded["loaded"], loaded["features"]) == (3, 3)
    assert not list(home.rglob("*.db"))
    with open_instance("store") as instance:
        assert type(instance.event_log_storage).__module__.startswith("dagster_postgres")
        runs = instance.get_runs()
        assert runs
        assert instance.all_logs(runs[0].run_id)
        assert prune_runs(instance, dt.datetime.now(dt.UTC)).runs == len(runs)
        assert instance.get_runs_count() == 0
    assert _status(capsys) == told


@pytest.mark.long
def test_a_database_that_lets_nobody_in_is_one_line(
    home: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, postgres_server.url("postgres").replace(postgres_server.password, "wrong"))
    line = _refused(capsys)
    assert f"error: Dagster's home {home} cannot be used: " in line
    assert 'password authentication failed for user "tests"' in line
    assert "wrong" not in line.replace(str(home), "")


@pytest.mark.parametrize(
    ("config", "address", "said"),
    [
        (CONFIG, None, f'the environment variable "{VARIABLE}" which is not set'),
        (CONFIG, "runs", "expected postgresql+psycopg2://user:password@host/database"),
        (CONFIG, "postgresql://127.0.0.1/runs", "begins with postgresql+psycopg2://"),
        ("storage: {postgress: {}}", None, 'unexpected config entry "postgress"'),
        ("storage: {postgres: {postgres_db: {username: a, hostname: b}}}", None, 'required config entry "db_name"'),
        ("storage: [", None, "line 1, column 11"),
    ],
    ids=["no address", "no URL", "another driver", "misspelt", "incomplete", "no YAML"],
)
def test_a_configuration_that_cannot_be_used_is_one_line(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    address: str | None,
    said: str,
) -> None:
    pytest.importorskip("dagster_postgres", reason="the extra `postgres` is not installed")
    monkeypatch.delenv(VARIABLE, raising=False)
    if address:
        monkeypatch.setenv(VARIABLE, address)
    (home / "dagster.yaml").write_text(config)
    line = _refused(capsys)
    assert f"error: {home}/dagster.yaml: " in line
    assert said in line


def test_a_missing_extra_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dagster_postgres", None)
    assert 'PostgreSQL is an extra: pip install "image-assets[postgres]"' in _refused(capsys)
