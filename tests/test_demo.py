"""The demo on folders of one's own: spread over two days, everything once, and safe to run again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from image_assets.cli import main
from image_assets.dataset import load_dataset
from image_assets.health.check_book import CHECK_RESULTS
from image_assets.ingest.day_book import DAYS_RUN
from image_assets.ingest.known_files import KNOWN_FILES
from tests.pictures import picture

pytestmark = pytest.mark.local_store(reason="the demo makes its own folder")


@pytest.fixture(autouse=True)
def _own_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo sets this variable; it is put back afterwards."""
    monkeypatch.setenv("DAGSTER_HOME", "")


def own_folders(root: Path, count: int) -> Path:
    for kind, name in enumerate(("My Cats", "é dogs")):
        for seed in range(count):
            file = root / "mine" / name / ("deep/er" if seed % 2 else "") / f"{seed}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture(kind, seed))
    return root / "mine"


def demo(root: Path, images: Path) -> int:
    return main(["demo", "--root", str(root / "demo"), "--images", str(images)])


def snapshot(root: Path) -> dict[str, str]:
    """Every file of the demo's landing zone and store, and its digest, but for the records of runs and checks."""
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for part in ("landing", "store")
        for file in (root / part).rglob("*")
        if file.is_file() and not {DAYS_RUN, CHECK_RESULTS, KNOWN_FILES} & set(file.parts)
    }


@pytest.mark.long
def test_own_folders_are_spread_over_two_days_and_every_image_is_there_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = own_folders(tmp_path, 20)
    assert demo(tmp_path, mine) == 0
    printed = capsys.readouterr().out
    for what in ("tables", "shards", "classifier", "map", "dataset file", "next:", "make ui", "make console"):
        assert f"\n  {what} " in printed or f"\n{what}" in printed
    for where in ("dataset.yaml", "store/my_images/classifier/champion.json", "store/my_images/plots/embedding.png"):
        assert f"{tmp_path}/demo/{where}" in printed
        assert (tmp_path / "demo" / where).is_file()
    rows = pl.read_delta(str(tmp_path / "demo/store/my_images/raw_images")).select("image_id", "date", "category")
    drawn = {hashlib.sha256(file.read_bytes()).hexdigest() for file in mine.rglob("*.png")}
    assert rows.height == 40
    assert set(rows["image_id"]) == drawn
    assert rows.select("date", "category").n_unique() == 4
    assert dict(rows.group_by("category").len().iter_rows()) == {"My_Cats": 20, "e_dogs": 20}
    assert load_dataset(tmp_path / "demo/dataset.yaml").categories == {"My_Cats": 0, "e_dogs": 1}

    before = snapshot(tmp_path / "demo")
    assert sum(name.startswith("landing/") for name in before) == 40
    assert demo(tmp_path, mine) == 0
    assert snapshot(tmp_path / "demo") == before

    for categories in (("birds",), ("My Cats", "é dogs")):
        other = tmp_path / categories[0] / "of others"
        for name in categories:
            (other / name).mkdir(parents=True)
        assert demo(tmp_path, other) == 2
        said = capsys.readouterr().err
        assert "make clean-demo" in said
        assert f"The images of {mine}: My_Cats, e_dogs" in said
    assert snapshot(tmp_path / "demo") == before


@pytest.mark.long
def test_a_handful_of_images_ends_well_and_says_why_there_is_no_classifier(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = own_folders(tmp_path, 2)
    (mine / "My Cats" / "gone.png").symlink_to("nowhere")
    assert demo(tmp_path, mine) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count(f"refused: {mine}/My Cats/gone.png: No such file or directory") == 1
    assert "cannot train a classifier" in printed
    assert "classifier: not trained" in printed


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (None, "mine: No such file or directory; expected"),
        ([], "mine: no folders in it; expected"),
        (["1.png", "cats/2.png"], "1.png: 1 image(s) lie outside of any category; expected"),
    ],
)
def test_a_folder_without_categories_is_refused_with_the_layout_that_is_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: list[str] | None, said: str
) -> None:
    mine = tmp_path / "mine"
    if files is not None:
        mine.mkdir()
        for file in files:
            (mine / file).parent.mkdir(exist_ok=True)
            (mine / file).write_bytes(picture(0, 0))
    assert demo(tmp_path, mine) == 2
    assert f"{said} {mine}/<category>/**" in capsys.readouterr().err
    assert not (tmp_path / "demo" / "dataset.yaml").exists()
