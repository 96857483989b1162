"""A landing zone of another shape is refused with what was found in it; an empty one is not."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.answers.health import health_of
from image_assets.cli import main
from image_assets.cli.day_report import left_out
from image_assets.dataset import load_dataset
from image_assets.ingest.day_folders import days_among, meant_day
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import SourceError
from image_assets.ingest.urls.source import UrlLists
from image_assets.reports.health import health_markdown
from image_assets.resources.landing import LandingResource
from image_assets.settings.sources import UrlListSource
from image_assets.store.store import Store
from tests.ingest.folders import folder_source
from tests.store_files import files_at


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["owl/2026-11-19/a.png"], "found owl; expected <day>/<category>"),
        (["train/owl/a.png", "val/owl/b.png"], "found train, val"),
        (["a.png", "b.png"], "found a.png, b.png"),
        (["20261119/owl/a.png"], "20261119 must be named 2026-11-19"),
        ([f"folder-{number}/a.png" for number in range(9)], "and 4 more"),
    ],
    ids=["category first", "splits", "only images", "another spelling", "many"],
)
def test_a_landing_zone_without_a_folder_of_a_day_is_refused_with_what_was_found(
    tmp_path: Path, files: list[str], said: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=re.escape(said)):
        folder_source(tmp_path).days()
    (tmp_path / "2026-11-20").mkdir()
    assert folder_source(tmp_path).days() == [dt.date(2026, 11, 20)]


def test_a_landing_zone_in_which_nothing_has_arrived_yet_has_no_days(tmp_path: Path) -> None:
    assert folder_source(tmp_path).days() == []


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("20261119", "2026-11-19"),
        ("2026_11_19", "2026-11-19"),
        ("2026.11.9", "2026-11-09"),
        ("2026-1-5", "2026-01-05"),
        ("2026 11 19", "2026-11-19"),
        (" 2026-11-19", "2026-11-19"),
        ("2026-11-19 (2)", "2026-11-19"),
        ("2026-11-19_again", "2026-11-19"),
        ("20261119T0700", "2026-11-19"),
        ("19.11.2026", "2026-11-19"),
        ("05.06.2026", "2026-06-05"),
        ("19-11-2026", "2026-11-19"),
        ("2026-W47-4", "2026-11-19"),
        ("05-06-2026", None),
        ("2026-11-19", None),
        ("2026-13-19", None),
        ("2026-11-191", None),
        ("202611191", None),
        ("2026-11", None),
        ("annotations", None),
    ],
)
def test_a_folder_that_means_a_day_and_is_named_otherwise_is_known(tmp_path: Path, name: str, day: str | None) -> None:
    (tmp_path / "2026-11-20").mkdir()
    (tmp_path / name).mkdir()
    expected = {} if day is None else {name: dt.date.fromisoformat(day)}
    assert folder_source(tmp_path).misnamed() == expected


@given(st.dates(dt.date(1900, 1, 1)), st.sampled_from(["%Y%m%d", "%Y_%m_%d", "%d.%m.%Y", "%Y-%m-%d copy", "%G-W%V-%u"]))
def test_every_day_is_known_in_other_spellings_and_none_in_its_own(day: dt.date, form: str) -> None:
    assert meant_day(day.strftime(form)) == day
    assert days_among([day.isoformat(), day.strftime(form)]) == [day]


def test_status_and_a_run_tell_folders_of_days_that_are_named_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("2026-11-19/owl", "20261120/owl"):
        (tmp_path / "landing" / name).mkdir(parents=True)
    (tmp_path / "d.yaml").write_text(
        "name: d\ncategories: {owl: 0}\nstart_day: 2026-11-19\nextractor: {kind: colour_statistics}\n"
    )
    dataset = load_dataset(tmp_path / "d.yaml")
    source = LandingResource(url=str(tmp_path / "landing")).source(dataset)
    health = health_of(dataset, Store(str(tmp_path / "store")), [], source=source)
    assert health.as_json()["misnamed_days"] == {"20261120": "2026-11-20"}
    assert "not run, as no folders of days: 20261120 must be named 2026-11-20" in health_markdown(health)
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", f"{tmp_path}/landing", "--store", f"{tmp_path}/store"]
    assert main(["status", *places]) == 1  # nothing is loaded
    assert "20261120 must be named 2026-11-20" in capsys.readouterr().out
    told = left_out(dataset, Store(f"{tmp_path}/store"), source, dt.date(2026, 11, 21))
    assert told[0] == "not run, as no folders of days: 20261120 must be named 2026-11-20"


def test_what_lies_in_no_day_is_told_where_it_is_meant_to_be_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landing = tmp_path / "landing"
    for name in ("2026-11-19/owl/a.png", "Owl/b.png", "crow/c.png", "20261120/owl/d.png", "20261121.zip"):
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).touch()
    for name in ("loose.JPG", "june.zip", "july.tar.gz", "may.rar", "README.md", "list.csv", ".hidden.png"):
        (landing / name).touch()
    (tmp_path / "d.yaml").write_text(
        "name: d\ncategories: {owl: 0}\nstart_day: 2026-11-19\nextractor: {kind: colour_statistics}\n"
    )
    dataset = load_dataset(tmp_path / "d.yaml")
    source = LandingResource(url=str(landing)).source(dataset)
    beside = ["Owl", "july.tar.gz", "june.zip", "loose.JPG", "may.rar"]
    assert source.beside_days(dataset.categories) == beside
    lists = UrlLists(LocalTree(landing), UrlListSource(kind="url_list"), tmp_path, 1)
    assert lists.beside_days(["owl"]) == ["list.csv"]
    said = "in no folder of a day, and never loaded: Owl, july.tar.gz, june.zip"
    health = health_of(dataset, Store(str(tmp_path / "store")), [], source=source)
    assert health.as_json()["beside_days"] == beside
    assert said in health_markdown(health)
    told = left_out(dataset, Store(f"{tmp_path}/store"), source, dt.date(2026, 11, 21))
    assert told[1].startswith(said)
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", str(landing), "--store", f"{tmp_path}/store"]
    assert main(["status", *places]) == 1  # nothing is loaded
    assert said in capsys.readouterr().out


def test_status_and_a_run_tell_days_that_no_run_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ahead, tomorrow = (str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)) for days in (366, 1))
    for name in ("2025-11-19/owl", "2025-11-20/crow", "2026-11-19/owl", f"{tomorrow}/owl", f"{ahead}/owl"):
        (tmp_path / "landing" / name).mkdir(parents=True)
        Image.effect_noise((32, 32), 60).save(tmp_path / "landing" / name / "a.png")
    (tmp_path / "d.yaml").write_text(
        "name: d\ncategories: {owl: 0}\nstart_day: 2026-11-01\nextractor: {kind: colour_statistics}\n"
    )
    dataset = load_dataset(tmp_path / "d.yaml")
    source = LandingResource(url=str(tmp_path / "landing")).source(dataset)
    health = health_of(dataset, Store(str(tmp_path / "store")), [], source=source)
    said = health.as_json()
    assert (said["days_before_start"], said["days_to_come"]) == (["2025-11-19"], [ahead])
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", f"{tmp_path}/landing", "--store", f"{tmp_path}/store"]
    assert main(["status", *places]) == 1  # nothing is loaded
    shown = capsys.readouterr().out
    assert "landed before start_day, and never run: 2025-11-19; is it the right year?" in shown
    assert f"landed for days to come, and not run until then: {ahead}; is it the right year?" in shown
    told = left_out(dataset, Store(f"{tmp_path}/store"), source, dt.date(2026, 11, 20))
    assert told[0] == f"landed for days to come, and not run until then: {ahead}; is it the right year?"


def test_the_command_says_so_before_anything_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "landing" / "owl" / "2026-11-19").mkdir(parents=True)
    (tmp_path / "d.yaml").write_text(
        "name: d\ncategories: {owl: 0}\nstart_day: 2026-01-01\nextractor: {kind: colour_statistics}\n"
    )
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", f"{tmp_path}/landing", "--store", f"{tmp_path}/store"]
    assert main(["run", *places, "--day", "2026-11-19"]) == 2
    assert "found owl" in " ".join(capsys.readouterr().err.split())
    assert not files_at(tmp_path / "store").exists()
