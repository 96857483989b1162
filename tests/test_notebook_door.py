"""The door of notebooks: what it opens, what it answers, what it shows, and what it does not import."""

from __future__ import annotations

import doctest
import html
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import image_assets as ia
import image_assets.notebook
from image_assets.answers.neighbours import UnknownImage
from image_assets.dataset import DatasetError
from image_assets.environment import CACHE, DATASETS, LANDING, STORE
from image_assets.images.reasons import Rejected
from image_assets.pages.notebook import WholePage, overview
from image_assets.predict.answer import NoImage, Prediction
from image_assets.project import PROJECT_FILE
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from tests.pictures import picture
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import files_at


@pytest.fixture(autouse=True)
def _index_is_kept_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE.name, str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def project(loaded_platform: Platform) -> ia.OpenedProject:
    return opened(loaded_platform)


def opened(platform: Platform) -> ia.OpenedProject:
    return ia.OpenedProject(platform.dataset, str(platform.landing), platform.store.url)


def fresh(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_in_the_docstrings_are_true(project: ia.OpenedProject) -> None:
    finder = doctest.DocTestFinder()
    ids = project.table("raw_images", category="plant").select("image_id").collect()["image_id"]
    tests = [
        test for test in finder.find(image_assets.notebook, globs={"project": project, "ids": ids}) if test.examples
    ]
    assert len(tests) == 10
    said = io.StringIO()
    for test in tests:
        doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.write)
    assert said.getvalue() == ""


def test_reading_imports_no_dagster_and_the_import_itself_nothing_large(loaded_platform: Platform) -> None:
    said = loaded_platform.dataset.model_dump(mode="json")
    file = loaded_platform.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    code = """
import sys
import image_assets as ia
large = ("dagster", "polars", "numpy", "pyarrow", "pydantic", "sklearn", "matplotlib")
print([name for name in large if name in sys.modules])
project = ia.open("drawn.yaml", landing="landing", store="store")
ids = project.table("raw_images").collect()["image_id"]
project.image(ids[0]), project.pil(ids[0]), project.thumbnail(ids[0]), project.days(), project.wrong()
project.thumbnails(ids)._repr_html_(), project._repr_html_(), project.models(), project.neighbours(ids[0])
project.predict(project.content(ids[0]))
print([name for name in sys.modules if name.split(".")[0].startswith("dagster")])
"""
    assert fresh(code, loaded_platform.root) == "[]\n[]\n"


def test_what_is_not_given_is_found_as_by_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (DATASETS, LANDING, STORE):
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=r"the project file say none\): give its file"):
        ia.open()
    (tmp_path / PROJECT_FILE).write_text("dataset: sample\nlanding: arrivals\n", encoding="utf-8")
    found = ia.open()
    assert (found.dataset.name, found.landing, found.store) == (
        "sample",
        str(tmp_path / "arrivals"),
        str(files_at(tmp_path / "store")),
    )
    assert ia.open(store="elsewhere").store == "elsewhere"
    monkeypatch.setenv(DATASETS.name, "sample,odonata")
    with pytest.raises(DatasetError, match="say sample, odonata"):
        ia.open()


def test_a_store_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    project = ia.open("sample", landing=str(tmp_path / "landing"), store=str(tmp_path / "store"))
    assert project.table("raw_images").collect().is_empty()
    assert project.days().is_empty()
    assert "<td>0</td>" in project._repr_html_()
    assert list(tmp_path.iterdir()) == []
    assert not files_at(tmp_path / "store").exists()


def test_a_table_is_that_of_the_store_by_day_and_category(project: ia.OpenedProject) -> None:
    whole = project.table("raw_images").collect()
    part = project.table("raw_images", str(SECOND), "plant").collect()
    assert whole.height == 60
    assert part.select("date", "category").unique().rows() == [(SECOND, "plant")]
    with pytest.raises(LookupError, match="there is no table 'raw_image'; did you mean raw_images"):
        project.table("raw_image")


def test_an_image_is_the_file_that_was_loaded(project: ia.OpenedProject, loaded_platform: Platform) -> None:
    row = project.table("raw_images", FIRST, "animal").collect().row(0, named=True)
    content = (loaded_platform.landing / row["source"]).read_bytes()
    assert project.content(row["image_id"]) == content
    assert np.array_equal(project.image(row["image_id"]), np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
    assert project.pil(row["image_id"]).size == (row["width"], row["height"])
    assert max(project.thumbnail(row["image_id"]).size) <= 96
    with pytest.raises(UnknownImage, match="ffff: not loaded in drawn"):
        project.image("ffff")


def test_what_is_wrong_is_told_where_it_is(damaged: Platform) -> None:
    project = opened(damaged)
    before = project.wrong()
    assert "damaged" not in before["what"].to_list()
    third = damaged.landing / "2026-11-05/plant"
    third.mkdir(parents=True)
    (third / "a.png").write_bytes(picture(0, 77))
    file = next((damaged.files / "drawn/raw_images").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-100])
    found = project.wrong()
    assert "landed and not run" in found["what"].to_list()
    assert "damaged" in found["what"].to_list()
    assert found.height > before.height


def test_predictions_are_of_paths_and_of_content(project: ia.OpenedProject, tmp_path: Path) -> None:
    (tmp_path / "new.png").write_bytes(picture(2, 99))
    seen, refused = project.predict(tmp_path / "new.png", b"no image")
    assert isinstance(seen, Prediction)
    assert seen.category == "human"
    assert isinstance(refused, NoImage)
    assert refused.reason == "not_an_image"


def test_neighbours_are_those_of_a_full_comparison(project: ia.OpenedProject, tmp_path: Path) -> None:
    rows = project.table("image_features").sort("image_id").collect()
    vectors = np.sqrt(np.stack(rows["features"].to_list()))  # as the classifier sees them
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors[7]
    cosines[7] = -2
    own = rows["image_id"][7]
    found = project.neighbours(own, 5)
    assert set(found["image_id"]) == {rows["image_id"][int(at)] for at in np.argsort(-cosines)[:5]}
    assert np.allclose(found["similarity"], np.sort(cosines)[::-1][:5], atol=1e-5)
    (tmp_path / "same").write_bytes(project.content(own))
    of_file = project.neighbours(tmp_path / "same", 3)
    assert of_file.equals(found.head(3))
    assert project.neighbours(str(tmp_path / "same"), 3).equals(of_file)
    with pytest.raises(UnknownImage, match="no features of such an image"):
        project.neighbours("ffff")
    with pytest.raises(Rejected):
        project.neighbours(b"no image")


def test_features_of_another_width_are_no_neighbours(damaged: Platform) -> None:
    import polars as pl

    rows = damaged.rows(IMAGE_FEATURES, damaged.partition())
    other = rows.with_columns(pl.col("features").list.head(7))
    damaged.replace_rows(IMAGE_FEATURES, damaged.partition(), other)
    found = opened(damaged).neighbours(rows["image_id"][0], 100)
    assert set(found["category"]) == {"plant"}
    assert found.height == rows.height - 1


def test_a_day_is_run_and_read(tmp_path: Path, loaded_platform: Platform) -> None:
    project = opened(loaded_platform.copy_to(tmp_path))
    day = tmp_path / "landing/2026-11-05/plant"
    day.mkdir(parents=True)
    (day / "a.png").write_bytes(picture(0, 77))
    report = project.run("2026-11-05", ["plant"], until="raw_images")
    assert report.result.ok
    assert project.table("raw_images", "2026-11-05").collect().height == 1


def test_what_a_notebook_shows_is_escaped_and_runs_nothing(damaged: Platform) -> None:
    evil = "<script>alert(1)</script>\"'"
    ids = damaged.rows(RAW_IMAGES)["image_id"].head(3)
    shown = opened(damaged).thumbnails(ids)
    assert shown._repr_html_().count('<img alt="" src="data:image/jpeg;base64,') == 3
    assert repr(shown) == "<3 thumbnails>"
    page = WholePage(evil, f'<p title="x">{evil}\n</p>')
    framed = page._repr_html_()
    for said in (framed, overview(evil, evil, {evil: evil})):
        assert "<script" not in said
        assert "&lt;script&gt;" in said
    assert "<iframe sandbox " in framed
    (inner,) = re.findall(r'srcdoc="([^"]*)"', framed)
    assert html.unescape(inner) == page.html


def test_the_report_of_a_model_is_shown_and_saved(damaged: Platform, tmp_path: Path) -> None:
    project = opened(damaged)
    model = project.models().models[0]
    from image_assets.classifier.report.places import ReportMissingError, report_name, reports_prefix

    with pytest.raises(ReportMissingError):
        project.report()
    place = files_at(project.store) / reports_prefix("drawn")
    place.mkdir(exist_ok=True)
    (place / report_name(model.digits, "html")).write_text("<h1>Report – good</h1>", encoding="utf-8")
    page = project.report(model.digits[:6])
    page.save(tmp_path / "model.html")
    assert (tmp_path / "model.html").read_text(encoding="utf-8") == "<h1>Report – good</h1>"
    assert model.digits in repr(page)


def test_the_package_offers_its_door_and_nothing_that_is_not_there() -> None:
    assert set(ia.__all__) <= set(dir(ia))
    with pytest.raises(AttributeError, match="has no attribute 'close'"):
        _ = ia.close  # pyright: ignore[reportAttributeAccessIssue]
