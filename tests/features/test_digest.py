from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from image_assets.features.digest import extractor_digest, folder_digest
from image_assets.features.preprocess import Resize


def test_weights_and_every_setting_change_the_digest() -> None:
    settings = Resize(128, "pad").settings
    digests = {
        extractor_digest("a", settings),
        extractor_digest("b", settings),
        extractor_digest("a", Resize(160, "pad").settings),
        extractor_digest("a", Resize(128, "squash").settings),
        extractor_digest("a", {**settings, "mean": 127}),
    }
    assert len(digests) == 5
    assert all(len(digest) == 64 for digest in digests)


def test_the_order_of_the_settings_does_not_change_the_digest() -> None:
    assert extractor_digest("a", {"x": 1, "y": 2}) == extractor_digest("a", {"y": 2, "x": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    return folder


def test_a_copy_elsewhere_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another name"
    shutil.copytree(folder, copy)
    os.utime(copy / "saved_model.pb", (0, 0))
    assert folder_digest(copy) == folder_digest(folder)


@pytest.mark.parametrize("change", ["content", "name", "more", "less", "border"])
def test_any_change_to_the_files_changes_the_digest(folder: Path, change: str) -> None:
    before = folder_digest(folder)
    match change:
        case "content":
            (folder / "variables" / "data").write_bytes(b"Weights")
        case "name":
            (folder / "variables" / "data").rename(folder / "variables" / "dato")
        case "more":
            (folder / "assets").write_bytes(b"")
        case "less":
            (folder / "variables" / "data").unlink()
        case "border":
            (folder / "saved_model.pb").rename(folder / "saved_model.pbg")
            (folder / "saved_model.pbg").write_bytes(b"raph")
    assert folder_digest(folder) != before
