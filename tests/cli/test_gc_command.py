"""`image-assets gc`: what it says, and that it waits for runs."""

import datetime as dt
import json
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster import DagsterRun, DagsterRunStatus

from image_assets.cli import main
from image_assets.cli.gc import _old_runs, _said_of
from image_assets.orchestration.dagster_home import open_instance
from image_assets.schema import IMAGE_FEATURES, QUARANTINE
from image_assets.settings.retention import Retention
from tests.cli.shapes import assert_told
from tests.platform import Platform, small_dataset
from tests.store_files import files_at
from tests.verification.test_verify import PLANTS


@pytest.fixture
def unlisted(damaged: Platform, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of an earlier version, written ten days ago."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (before,) = damaged.store.table("drawn", IMAGE_FEATURES).snapshot().of(PLANTS).written_files()
    damaged.replace_rows(IMAGE_FEATURES, PLANTS, damaged.rows(IMAGE_FEATURES, PLANTS).head(15))
    file = damaged.files / "drawn" / IMAGE_FEATURES.name / before.path
    ten_days_ago = time.time() - 10 * 86_400
    os.utime(file, (ten_days_ago, ten_days_ago))
    return file


def said(platform: Platform, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    file = platform.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    capsys.readouterr()
    status = main(["gc", "--dataset", str(file), "--store", platform.store.url, "--json", *more])
    out = capsys.readouterr().out
    return status, json.loads(out) if out else {}


@pytest.mark.local_store(reason="how old a file is, which only a disk lets anybody say")
def test_a_dry_run_changes_nothing_and_the_age_is_asked_for(
    damaged: Platform, unlisted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, told = said(damaged, capsys, "--dry-run")
    assert_told("gc", told)
    assert told["old_runs"] is None  # nothing is recorded here
    assert (status, [Path(one["path"]).name for one in told["moved"]]) == (0, [unlisted.name])
    assert unlisted.exists()
    assert said(damaged, capsys, "--older-than", "11")[1]["moved"] == []
    status, told = said(damaged, capsys)
    assert (status, len(told["moved"]), unlisted.exists()) == (0, 1, False)
    assert said(damaged, capsys)[1]["deleted"] == []  # it was moved a moment ago


def test_a_dry_run_tells_what_old_runs_take_and_leaves_them(
    damaged: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    @dg.op
    def say(context) -> None:
        context.log.info("x" * 5_000)

    @dg.job
    def saying() -> None:
        say()

    with open_instance(damaged.store.url) as instance:
        for _ in range(2):
            saying.execute_in_process(instance=instance)
    told = said(damaged, capsys, "--dry-run")[1]
    assert_told("gc", told)
    assert told["old_runs"]["runs"] == 0
    in_a_year = dt.datetime.now(dt.UTC) + dt.timedelta(days=365)
    for _ in range(2):
        old = _old_runs(damaged.store.url, in_a_year)
        assert old is not None
        assert (old["runs"], old["bytes"] > 2 * 5_000 * 0.1) == (2, True)
        assert "2 runs that ended before" in _said_of(old)


@pytest.mark.local_store(reason="how old a file is, which only a disk lets anybody say")
def test_while_a_run_is_in_progress_nothing_is_removed(
    damaged: Platform, unlisted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_instance(damaged.store.url) as instance:
        instance.add_run(DagsterRun(job_name="drawn_daily", status=DagsterRunStatus.STARTED))
    assert said(damaged, capsys)[0] == 2
    assert unlisted.exists()


def test_quarantine_goes_when_the_dataset_file_says_so_and_its_numbers_stay(
    damaged: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert said(damaged, capsys)[1]["let_go"] is None
    days = (dt.datetime.now(dt.UTC).date() - PLANTS.date).days
    kept = Platform(damaged.dataset.model_copy(update={"retention": Retention(quarantine_days=days)}), damaged.root)
    assert said(kept, capsys)[1]["let_go"]["files"] == 0  # one day too young
    old = Platform(damaged.dataset.model_copy(update={"retention": Retention(quarantine_days=days - 1)}), damaged.root)
    rows = damaged.rows(QUARANTINE, PLANTS)
    for more in (["--dry-run"], []):
        status, told = said(old, capsys, *more)
        assert_told("gc", told)
        assert (status, told["let_go"]["partitions"], told["let_go"]["files"]) == (0, 1, rows.height)
        assert damaged.rows(QUARANTINE, PLANTS).height == (rows.height if more else 0)
    assert said(old, capsys)[1]["let_go"]["files"] == 0
    assert main(["accounting", "--dataset", str(old.root / "drawn.yaml"), "--store", old.store.url]) == 0
    assert "only the numbers are kept" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["gc"], ["gc", "--dry-run"], ["report"]])
def test_a_store_that_was_mistyped_is_no_store_that_is_well(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump(small_dataset().model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    assert main([*command, "--dataset", str(file), "--store", str(tmp_path / "stroe")]) == 2
    told, place = capsys.readouterr(), files_at(tmp_path / "stroe")
    assert told.out == ""
    assert f"there is nothing of dataset drawn in {place} yet: run a day first, or say by --store" in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn.yaml"]
