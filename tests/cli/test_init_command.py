"""A project of one's own: two files from what lies in a folder, which load without an edit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from image_assets.cli import main
from image_assets.dataset import load_dataset
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.project import PROJECT_FILE, Project, load_project
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from tests.store_files import files_at


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (DATASETS, LANDING, STORE):
        monkeypatch.delenv(variable.name, raising=False)


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def init(folder: Path, *more: str) -> Project:
    assert main(["init", str(folder), *more]) == 0
    return load_project(folder / PROJECT_FILE)


@pytest.mark.parametrize(
    ("files", "images"),
    [
        (["owl/1.png", "duck/2.png"], "."),
        (["photos/owl/1.png", "photos/duck/2.png"], "photos"),
        (["train/owl/1.png", "train/duck/2.png", "val/owl/3.png"], "."),
        (["photos/train/owl/1.png", "photos/val/duck/2.png"], "photos"),
        (["owl/1.png", "duck/2.png", "landing/a", "store/b", "dagster/c"], "."),
    ],
    ids=["folders", "one around them", "a split", "a split in one", "a project's own places"],
)
def test_folders_of_images_become_categories_and_it_is_said_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: list[str], images: str
) -> None:
    folder = made(tmp_path / "My birds 2", *files)
    project = init(folder)
    dataset = load_dataset(project.dataset)
    assert (dataset.name, dataset.categories) == ("my_birds", {"duck": 0, "owl": 1})
    assert dataset.start_day == dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    assert (project.landing, project.store) == (str(folder / "landing"), str(files_at(folder / "store")))
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert said[said.index("next:") + 2 :] == [f"image-assets land {images}", "image-assets run", "image-assets status"]


@pytest.mark.parametrize("landing", ["", "landing/"])
def test_days_that_landed_are_taken_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], landing: str
) -> None:
    made(tmp_path, f"{landing}2026-11-03/owl/1.png", f"{landing}2026-11-05/duck/2.png")
    project = init(tmp_path, "--name", "birds")
    dataset = load_dataset(project.dataset)
    assert dataset.extractor == DEFAULT_EXTRACTOR
    assert "extractor" in dataset.model_fields_set  # another default later leaves its features as they are
    assert (dataset.start_day, [*dataset.categories]) == (dt.date(2026, 11, 3), ["duck", "owl"])
    assert project.landing == str(tmp_path / landing).rstrip("/")
    assert "image-assets run --missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no folders in it"),
        (["1.png"], "1 image(s) lie outside of any category"),
        (["owl/1.png", "ducks.zip"], "ducks.zip lie(s) beside the folders"),
        (["pictures/1.jpg", "annotations/instances.json"], "found annotations/ with instances.json"),
    ],
)
def test_what_is_not_certain_is_asked_about_and_answered_by_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: list[str], said: str
) -> None:
    folder = made(tmp_path / "birds", *files)
    folder.mkdir(exist_ok=True)
    assert main(["init", str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert line.endswith("; or name the --categories, such as --categories duck,owl")
    assert not (folder / PROJECT_FILE).exists()
    project = init(folder, "--categories", "no, 1e3,duck", "--store", "s3://bucket/birds")
    assert load_dataset(project.dataset).categories == {"no": 0, "1e3": 1, "duck": 2}
    assert project.store == "s3://bucket/birds"


def test_a_person_is_asked_with_what_was_found_as_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path / "birds", "owl/1.png")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[tuple[str, object]] = []

    def answer(question: str, default: object) -> object:
        asked.append((question, default))
        return default

    monkeypatch.setattr("click.prompt", answer)
    init(folder)
    assert asked == [("name of the dataset", "birds"), ("its categories, with commas between them", "owl")]
    asked.clear()
    init(made(tmp_path / "other", "owl/1.png"), "--yes")
    assert asked == []


def test_nothing_is_written_over_and_nothing_wrong_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path / "birds", "owl/1.png")
    assert main(["init", str(folder), "--name", "My birds"]) == 2
    assert main(["init", str(folder), "--store", "gs://bucket"]) == 2
    capsys.readouterr()
    assert main(["init", str(folder), "--categories", "owl, duck,owl"]) == 2
    assert "the category owl is named twice" in capsys.readouterr().err
    assert main(["init", str(tmp_path / "nowhere")]) == 2
    assert [one.name for one in folder.iterdir()] == ["owl"]
    for name in (PROJECT_FILE, "birds.yaml"):
        made(folder, name)
        assert main(["init", str(folder)]) == 2
        assert f"{name} is there already" in capsys.readouterr().err
        assert sorted(one.name for one in folder.iterdir()) == sorted(["owl", name])
        (folder / name).unlink()
