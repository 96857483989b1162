"""Days that nobody named: where `land` brings images to, what `run` takes up, and what it would take up."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from image_assets.cli import main
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.project import PROJECT_FILE
from image_assets.schema import Partition
from image_assets.store.store import Store
from tests.pictures import picture
from tests.platform import small_dataset

YESTERDAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
START = YESTERDAY - dt.timedelta(days=9)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose dataset has the categories plant and animal, with pictures beside; it is the current folder."""
    for name in ("DAGSTER_HOME", DATASETS.name, LANDING.name, STORE.name):
        monkeypatch.delenv(name, raising=False)
    dataset = small_dataset().model_dump(mode="json") | {"start_day": START.isoformat(), "time_zone": "UTC"}
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset), encoding="utf-8")
    (tmp_path / PROJECT_FILE).write_text("dataset: drawn.yaml\n", encoding="utf-8")
    for kind, category in enumerate(("plant", "animal")):
        for part in ("train", "val"):
            (tmp_path / "pictures" / part / category).mkdir(parents=True)
            (tmp_path / "pictures" / part / category / "1.png").write_bytes(picture(kind, len(part)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def landed(project: Path, *days: dt.date) -> None:
    for day in days:
        assert main(["land", "--day", str(day), "pictures"]) == 0


def test_folders_of_categories_land_under_their_names_also_in_the_parts_of_a_split(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["land", "pictures", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == {
        "day": str(YESTERDAY),
        "categories": {"animal": 2, "plant": 2},
        "copied": 4,
        "already_there": 0,
        "ignored": 0,
        "bytes": report["bytes"],
        "refused": [],
    }
    assert len([*(project / f"landing/{YESTERDAY}/plant/plant").iterdir()]) == 2  # of one name, both are there


def test_a_folder_that_is_no_category_is_refused_before_anything_lands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "val"):
        (project / "pictures" / part / "plant").rename(project / "pictures" / part / "plantt")
    assert main(["land", "pictures"]) == 2
    said = capsys.readouterr().err
    assert "train/plantt: plantt is no category of dataset drawn; did you mean plant?" in said
    assert not (project / "landing").exists()


def test_images_land_on_the_last_day_that_is_over_or_today_where_that_one_was_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DayBook(Store(str(project / "store")), "drawn").begin(Partition(YESTERDAY, "plant"), "a run", "landing")
    assert main(["land", "pictures"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(str(YESTERDAY + dt.timedelta(days=1)))


def would_run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, dict[str, dict]]:
    capsys.readouterr()
    assert main(["run", "--dry-run", "--json", *words]) == 0
    return {one["day"]: one["categories"] for one in json.loads(capsys.readouterr().out)["days"]}


def test_what_would_be_run_is_said_and_nothing_is_changed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (START + dt.timedelta(days=number) for number in (1, 3, 5))
    landed(project, first, second, third)
    two = {"files": 2, "loaded": False, "extracted_anew": 0, "refused": None}
    none = {"files": 0, "loaded": False, "extracted_anew": 0, "refused": None}
    assert would_run(capsys) == {str(third): {"plant": two, "animal": two, "human": none}}
    assert would_run(capsys, "--from", str(first), "--to", str(second)).keys() == {str(first), str(second)}
    assert would_run(capsys, "--from", str(second)).keys() == {str(second), str(third)}
    DayBook(Store(str(project / "store")), "drawn").end(Partition(second, "plant"), DayRun("a run", "", "landing", 2))
    missing = would_run(capsys, "--missing")
    assert {day: sorted(categories) for day, categories in missing.items()} == {
        str(first): ["animal", "plant"],
        str(second): ["animal"],
        str(third): ["animal", "plant"],
    }
    assert would_run(capsys, "--missing", "--category", "plant").keys() == {str(first), str(third)}
    assert main(["run", "--dry-run"]) == 0
    printed = capsys.readouterr()
    assert "1 days with 4 files would be run; nothing was changed" in printed.out
    assert f"day {third}, the newest that landed" in printed.err
    assert not (project / "dagster").exists()


def test_days_that_got_files_after_they_were_run_are_run_again_and_nothing_else(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (START + dt.timedelta(days=number) for number in (1, 2, 3))
    landed(project, first, second, third)
    assert main(["run", "--from", str(first), "--to", str(second), "--until", "raw_images", "--quiet"]) == 0
    assert main(["run", "--late", "--until", "raw_images"]) == 0
    assert "there is nothing to run" in capsys.readouterr().out
    (project / "landing" / str(second) / "animal" / "late.png").write_bytes(picture(1, 9))
    assert main(["status"]) == 0
    assert "`image-assets run --late`" in " ".join(capsys.readouterr().out.split())
    assert {day: list(some) for day, some in would_run(capsys, "--late").items()} == {str(second): ["animal"]}
    assert main(["run", "--late", "--until", "raw_images", "--json"]) == 0
    ((told,),) = [json.loads(capsys.readouterr().out)["days"]]
    assert (told["day"], told["categories"]["animal"]["loaded"]) == (str(second), 1)
    assert would_run(capsys, "--late") == {}


def test_what_a_run_would_refuse_is_refused_before_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    landed(project, YESTERDAY)
    day = ["run", "--day", str(YESTERDAY), "--until", "image_features"]
    assert main(day) == 0
    shutil.rmtree(project / f"landing/{YESTERDAY}/plant")
    for more in ((), ("--dry-run",)):
        capsys.readouterr()
        assert main([*day, *more]) == 1
        said = " ".join("".join(capsys.readouterr()).split())
        assert "2 images of it are loaded, and 0 would be left: its source lists 0 files" in said
    assert main([*day, "--dry-run", "--json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["days"]
    refused = {name: bool(one["refused"]) for name, one in told["categories"].items()}
    assert refused == {"plant": True, "animal": False, "human": False}
    for more in ("--allow-loss", "--checks-only"):
        assert main(["run", "--day", str(YESTERDAY), "--dry-run", more]) == 0
    with zipfile.ZipFile(project / f"landing/{YESTERDAY}/plant.zip", "w") as archive:
        archive.write(project / "pictures/val/plant/1.png", "plant/1.png")
        archive.write(project / "pictures/train/plant/1.png", "plant/2.png")
    assert main([*day, "--dry-run"]) == 0  # it was not opened yet, and nobody knows what is in it
    file = project / "drawn.yaml"
    swapped = yaml.safe_load(file.read_text()) | {"categories": {"plant": 1, "animal": 0, "human": 2}}
    file.write_text(yaml.safe_dump(swapped))
    capsys.readouterr()
    assert main([*day, "--dry-run"]) == 2
    assert "would mix two meanings" in capsys.readouterr().err


def test_a_run_that_is_refused_as_a_whole_is_refused_before_it_in_the_same_words(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    landed(project, YESTERDAY)
    file, capsys_of = project / "drawn.yaml", capsys.readouterr
    good = file.read_text()
    for changed, words in (
        ({}, ["--until", "image_featured"]),
        ({"extractor": {"kind": "onnx", "file": str(project / "none.onnx")}}, []),
    ):
        file.write_text(yaml.safe_dump(yaml.safe_load(good) | changed))
        said = []
        for more in ((), ("--dry-run",)):
            capsys_of()
            assert main(["run", "--day", str(YESTERDAY), *words, *more]) == 2
            said.append(capsys_of().err)
        assert said[0] == said[1]


def test_a_range_without_anything_and_a_dataset_without_any_day_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "landing").mkdir()
    assert main(["run"]) == 2
    assert f"nothing of dataset drawn landed from {START} to {YESTERDAY}" in capsys.readouterr().err
    assert main(["run", "--from", str(START)]) == 2
    assert "nothing of dataset drawn landed or was loaded from" in capsys.readouterr().err


def test_a_day_that_fails_is_not_hidden_by_the_next(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = START, START + dt.timedelta(days=1)
    landed(project, first, second)
    # Where something else stands than a folder, the run of its day ends.
    shutil.rmtree(project / f"landing/{first}/plant")
    (project / f"landing/{first}/plant").touch()
    assert main(["run", "--from", str(first), "--until", "arrivals", "--json"]) == 1
    printed = capsys.readouterr()
    failed, came_through = json.loads(printed.out.splitlines()[-1])["days"]
    assert failed["errors"]
    assert not came_through["errors"]
    told = " ".join(printed.err.split())
    assert f"{second}: 2 of 2, about" in told
    assert "2 days, 1 of them failed" in told
    assert f"failed: {first}" in told


def test_days_that_the_landing_zone_no_longer_holds_are_extracted_anew_from_the_store(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = YESTERDAY - dt.timedelta(days=1)
    landed(project, earlier)
    for kind, category in enumerate(("plant", "animal")):
        (project / "pictures" / "train" / category / "1.png").write_bytes(picture(kind, 77))
    landed(project, YESTERDAY)
    assert main(["run", "--from", str(earlier), "--until", "image_features", "--json"]) == 0
    (of_earlier,) = (project / "landing").rglob(str(earlier))
    shutil.rmtree(of_earlier)
    content = yaml.safe_load((project / "drawn.yaml").read_text(encoding="utf-8"))
    content["extractor"] = {"kind": "colour_statistics"}
    (project / "drawn.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    capsys.readouterr()

    assert main(["run", "--extract-anew", "--category", "plant", "--until", "image_features", "--json"]) == 0
    days = json.loads(capsys.readouterr().out.splitlines()[-1])["days"]
    assert [day["day"] for day in days] == [str(earlier), str(YESTERDAY)]
    assert all("raw_images" not in day["seconds"] and day["seconds"]["image_features"] >= 0 for day in days)
    assert [day["categories"]["plant"]["features"] for day in days] == [2, 1]  # a picture of the later day came before

    assert main(["run", "--extract-anew", "--dry-run", "--json"]) == 0
    left = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [list(day["categories"]) for day in left["days"]] == [["animal"]] * 2
    assert main(["run", "--extract-anew", "--until", "raw_images"]) == 2
    assert "raw_images is made before image_features, so that nothing would be made" in capsys.readouterr().err
    assert main(["run", "--extract-anew", "--until", "image_features", "--json"]) == 0
    capsys.readouterr()
    assert main(["run", "--extract-anew", "--json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out.splitlines()[-1])["days"] == []
    assert "no image has features of another extractor" in found.err


@pytest.mark.parametrize("other", ["--verify", "--allow-loss", "--checks-only", "--missing"])
def test_extracting_anew_says_what_does_not_go_with_it(
    project: Path, capsys: pytest.CaptureFixture[str], other: str
) -> None:
    assert main(["run", "--extract-anew", other]) == 2
    assert "--extract-anew" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("day", "category", "said"),
    [
        ("2025-11-19", "owl", "2025-11-19 lies before start_day 2026-11-01 of dataset d, and is never run"),
        ("2999-11-19", "owl", "2999-11-19 is to come, and is not run until it is over; is it the right year?"),
        ("2026-11-19", "Owl", "Owl is no category of dataset d, and is not loaded; did you mean owl?"),
        ("2026-11-19", "owl", ""),
    ],
)
def test_what_lands_where_nothing_is_loaded_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], day: str, category: str, said: str
) -> None:
    (tmp_path / "d.yaml").write_text("name: d\ncategories: {owl: 0}\nstart_day: 2026-11-01\n")
    (tmp_path / "a.png").write_bytes(b"a picture")
    places = ["--dataset", f"{tmp_path}/d.yaml", "--landing", f"{tmp_path}/landing"]
    assert main(["land", *places, "--day", day, "--category", category, f"{tmp_path}/a.png"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert bool(said) == ("warning" in told)
