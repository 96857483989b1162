"""The demo on folders of one's own: spread over two days, everything once, and safe to run again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from image_assets.cli import main
from image_assets.dataset import load_dataset
from tests.pictures import picture


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


def test_own_folders_are_spread_over_two_days_and_every_image_is_there_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = own_folders(tmp_path, 20)
    assert demo(tmp_path, mine) == 0
    printed = capsys.readouterr().out
    assert "next:" in printed
    assert "feature_shards" in printed
    rows = pl.read_delta(str(tmp_path / "demo/store/my_images/raw_images")).select("image_id", "date", "category")
    assert rows.height == rows["image_id"].n_unique() == 40
    assert rows["date"].n_unique() == 2
    assert dict(rows.group_by("category").len().iter_rows()) == {"My_Cats": 20, "e_dogs": 20}
    assert load_dataset(tmp_path / "demo/dataset.yaml").categories == {"My_Cats": 0, "e_dogs": 1}

    assert demo(tmp_path, mine) == 0
    again = pl.read_delta(str(tmp_path / "demo/store/my_images/raw_images")).select(rows.columns)
    assert again.sort("image_id").equals(rows.sort("image_id"))

    (tmp_path / "other" / "birds").mkdir(parents=True)
    assert demo(tmp_path, tmp_path / "other") == 2
    assert "make clean-demo" in capsys.readouterr().err


def test_a_handful_of_images_ends_well_and_says_why_there_is_no_classifier(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo(tmp_path, own_folders(tmp_path, 2)) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "cannot train a classifier" in printed
    assert "classifier: not trained" in printed


@pytest.mark.parametrize(("file", "said"), [(None, "folder"), ("1.png", "1.png")])
def test_a_folder_without_categories_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str | None, said: str
) -> None:
    (tmp_path / "mine").mkdir()
    if file:
        (tmp_path / "mine" / file).write_bytes(picture(0, 0))
    assert demo(tmp_path, tmp_path / "mine") == 2
    assert said in capsys.readouterr().err
