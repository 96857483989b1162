"""Which dataset, landing zone and store are meant: the option says it, else a variable, else the project file."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from image_assets.cli import main
from image_assets.definitions import defs
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.places import PlaceError
from image_assets.project import (
    PROJECT_FILE,
    Found,
    ProjectError,
    found,
    found_datasets,
    load_project,
    place_or_default,
    project_above,
)
from image_assets.resources.landing import LandingResource
from image_assets.store.records import Records
from image_assets.store.store import Store
from tests.store_files import files_at


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project file and a dataset file, which is the current one; no variable is set."""
    for variable in (DATASETS, LANDING, STORE):
        monkeypatch.delenv(variable.name, raising=False)
    (tmp_path / PROJECT_FILE).write_text("dataset: plants.yaml\nlanding: arrivals\n", encoding="utf-8")
    (tmp_path / "plants.yaml").write_text(
        "name: plants\ncategories: {rose: 0}\nstart_day: 2026-11-01\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_places_of_a_project_file_are_relative_to_it_also_for_who_stands_below(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = project / "notes/deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found_project = project_above()
    assert found_project == project_above(project) == load_project(project / PROJECT_FILE)
    assert found_project is not None
    assert found_project.dataset == str(project / "plants.yaml")
    assert (found_project.landing, found_project.store) == (str(project / "arrivals"), str(files_at(project / "store")))
    assert found(STORE) == Found(str(files_at(project / "store")), f"../../{PROJECT_FILE}")


def test_a_bucket_a_home_folder_an_absolute_path_and_a_bundled_dataset_stay_what_they_are(project: Path) -> None:
    keys = "dataset: kingdoms\nlanding: ~/arrivals\nstore: s3://bucket/prefix\n"
    (project / PROJECT_FILE).write_text(keys, encoding="utf-8")
    one = load_project(project / PROJECT_FILE)
    assert (one.dataset, one.landing, one.store) == (
        "kingdoms",
        os.path.expanduser("~/arrivals"),
        "s3://bucket/prefix",
    )
    (project / PROJECT_FILE).write_text("dataset: kingdoms\nstore: /somewhere/else\n", encoding="utf-8")
    assert load_project(project / PROJECT_FILE).store == str(files_at("/somewhere/else"))
    (project / "kingdoms").touch()
    assert load_project(project / PROJECT_FILE).dataset == str(project / "kingdoms")


def test_a_variable_goes_before_the_project_file_and_an_empty_one_does_not(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STORE.name, "elsewhere")
    monkeypatch.setenv(LANDING.name, "")
    assert found(STORE) == Found("elsewhere", STORE.name)
    assert found(LANDING) == Found(str(project / "arrivals"), PROJECT_FILE)
    monkeypatch.setenv(DATASETS.name, "kingdoms, sample")
    assert [one.value for one in found_datasets()] == ["kingdoms", "sample"]


def test_without_any_of_them_a_deployment_has_its_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STORE.name, raising=False)
    assert (project_above(), found(STORE), place_or_default(STORE)) == (None, None, "store")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("dataset: plants.yaml\nstor: s\n", "stor: unknown key; did you mean store? allowed keys here: dataset, "),
        ("landing: l\n", "dataset: missing; allowed keys here: dataset, landing, store"),
        ("", "dataset: missing"),
        ("dataset: [a]\n", "dataset: found a list"),
        ("- a\n", "is not a usable project file"),
        ("dataset: a\ndataset: b\n", "line 2: the key 'dataset' stands there twice"),
        ("dataset: {\n", "not YAML"),
    ],
)
def test_a_wrong_project_file_is_told_with_what_is_meant(project: Path, content: str, said: str) -> None:
    (project / PROJECT_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(ProjectError) as raised:
        load_project(project / PROJECT_FILE)
    assert said in str(raised.value)
    assert str(project / PROJECT_FILE) in str(raised.value)


def test_a_place_that_can_be_none_is_told_with_the_file_that_names_it(project: Path) -> None:
    (project / PROJECT_FILE).write_text("dataset: plants.yaml\nstore: gs://bucket\n", encoding="utf-8")
    with pytest.raises(PlaceError, match=rf"{PROJECT_FILE}: store 'gs://bucket'"):
        load_project(project / PROJECT_FILE)


def test_dagster_reads_the_same_project_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    deployment = defs()
    assert isinstance(deployment, dg.Definitions)
    assert {key.path[0] for key in deployment.resolve_asset_graph().get_all_asset_keys()} >= {"plants"}
    assert [one.name for one in deployment.schedules or ()] != []  # it runs by itself, as it is named
    landing = (deployment.resources or {})["landing"]
    assert isinstance(landing, LandingResource)
    assert landing.place == str(project / "arrivals")


def test_a_command_says_in_one_line_of_stderr_what_it_found_and_where(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for store in ("elsewhere", "here"):  # what holds nothing of the dataset is refused
        Records(Store(store), "plants", "notes").write("a", {})
    monkeypatch.setenv(STORE.name, "elsewhere")
    assert main(["accounting", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("{")
    assert printed.err == f"dataset plants.yaml ({PROJECT_FILE}), store elsewhere ({STORE.name})\n"
    assert main(["accounting", "--json", "--store", "here"]) == 0
    assert capsys.readouterr().err == f"dataset plants.yaml ({PROJECT_FILE}), store here (--store)\n"
    assert main(["accounting", "--json", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    # A program that gives all of it is told nothing; a person is.
    assert main(["accounting", "--json", "--store", "here", "--dataset", "plants.yaml"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["accounting", "--store", "here", "--dataset", "plants.yaml"]) == 0
    assert capsys.readouterr().err == "dataset plants.yaml (--dataset), store here (--store)\n"
    assert main(["accounting", "--store", "here", "--dataset", "plants.yaml", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_command_asks_where_nothing_is_found_and_where_a_variable_names_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(STORE.name, raising=False)
    monkeypatch.setenv(DATASETS.name, "kingdoms")
    assert main(["accounting"]) == 2
    assert capsys.readouterr().err == (
        "error: image-assets accounting: missing: --store URL; give what is missing, set IMAGE_ASSETS_STORE, or have "
        "image-assets.yaml in this folder or above, as image-assets init writes it (see image-assets accounting "
        "--help)\n"
    )
    monkeypatch.setenv(DATASETS.name, "kingdoms,sample")
    assert main(["accounting", "--store", "s"]) == 2
    said = "2 datasets are named by IMAGE_ASSETS_DATASETS (kingdoms, sample): say which by --dataset"
    assert said in capsys.readouterr().err


def test_a_misspelt_variable_is_told_before_something_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGE_ASSETS_STROE", "s")
    assert main(["accounting"]) == 2
    assert "did you mean IMAGE_ASSETS_STORE?" in capsys.readouterr().err
