"""Folders as people have them: certain shapes give categories, all others are asked about with what was found."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from image_assets.ingest.landing import LandingError, land_files
from image_assets.ingest.own_folders import own_folders

DAY = dt.date(2026, 11, 20)


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_folders_become_categories_with_clean_names(tmp_path: Path) -> None:
    for name in ("My Cats", "é dogs", "(owls) & ducks!", "_x-", ".hidden"):
        write(tmp_path / name / "1.png")
    write(tmp_path / "readme.txt")
    found = own_folders(tmp_path)
    assert {name: folder.name for name, (folder,) in found.categories.items()} == {
        "owls_ducks": "(owls) & ducks!",
        "My_Cats": "My Cats",
        "x": "_x-",
        "e_dogs": "é dogs",
    }
    assert found.left_out == ("readme.txt",)


def test_a_category_of_the_longest_name_can_be_landed(tmp_path: Path) -> None:
    path = write(tmp_path / "top" / ("long " * 40) / "1.png")
    (category,) = own_folders(tmp_path / "top").categories
    assert len(category) == 64
    assert land_files([path], tmp_path / "landing", DAY, category).copied == 1


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/cats/._1.png",
        "@eaDir/1.png/SYNOPHOTO_THUMB_S.jpg",
        "#recycle/old.png",
        "THUMBS.DB",
        "thumbs.db",
        "Desktop.ini",
        "3.png.part",
        "archive.zip.crdownload",
    ],
)
def test_what_systems_leave_behind_is_passed_over(tmp_path: Path, name: str) -> None:
    for one in ("cats/1.png", "dogs/2.png", name):
        write(tmp_path / one)
    found = own_folders(tmp_path)
    assert (list(found.categories), found.left_out) == (["cats", "dogs"], ())


@pytest.mark.parametrize(
    "names",
    [
        ["train/1.png", "plane/1.png", "boat/1.png"],
        ["train/steam/1.png", "boat/2.png"],
        ["cats/1.png", "cats/deep/2.png"],
        ["cats/deep/deeper/1.png"],
        ["cats/2026-11-20/1.png", "dogs/2026-11-20/2.png"],
        ["labels/1.png", "stamps/2.png"],
    ],
    ids=["a train", "kinds of trains", "one", "one, deep down", "days within", "stickers"],
)
def test_names_alone_do_not_make_a_shape_that_is_asked_about(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write(tmp_path / name)
    assert set(own_folders(tmp_path).categories) == {name.split("/")[0] for name in names}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a b/1.png", "a_b/1.png"], "a b and .*a_b both become category 'a_b'; rename one"),
        (["Cats/1.png", "cats/1.png"], "Cats and .*cats both become category 'cats'"),
        (["cats/1.png", "Çats/1.png"], "cats and .*Çats both become category 'Cats'"),
        (["中/1.png"], "中: no letter or digit of A-Z, 0-9 to name it by; rename it"),
        (["1.png", "2.JPG", "cats/2.png"], r"1\.png: 2 image\(s\) lie outside of any category; expected .*<category>"),
        ([], "no folders in it; expected .*<category>"),
        (["readme.txt"], "no folders in it; expected .*<category>"),
        (["cats/1.png", "dogs.zip"], r"dogs\.zip lie.*such as .*/dogs/dogs\.zip"),
        (["all.tar.gz"], r"all\.tar\.gz lie.*such as .*/all/all\.tar\.gz"),
        (["cats/1.png", "dogs.rar"], r"dogs\.rar lie.*not opened \(rar\): unpack it"),
        (["cats/1.png", "dogs.zip.001"], r"dogs\.zip\.001 lie.*a part of a split archive"),
        (["2026-11-20/cats/1.png"], r"folders of days, such as 2026-11-20: give it as `--landing`"),
        (["train/cats/1.png", "val/2.png", "val/cats/3.png"], "found train/, val/ with cats/ in train: "),
        (["train/cats/1.png", "val/cats/3.png", "val/dogs.zip"], "found train/, val/ with cats/ in train: "),
        (["train/cats/1.png", "val/Cats/1.png"], "train/cats and .*val/Cats both become category 'Cats'"),
        (["Training/cats/1.png", "test/1.png"], "found Training/, test/ with cats/ in Training: .*such as .*Training"),
        (["train/cats/1.png", "val/cats/1.png", "more/1.png"], "found train/, val/ with cats/ in train"),
        (["train/1.png", "test/1.png"], "found test/, train/: the parts of a split"),
        (["train2017/1.jpg", "val2017/2.jpg", "annotations/instances.json"], "found train2017/, val2017/: the parts"),
        (["pictures/1.jpg", "annotations/instances.json"], r"found annotations/ with instances\.json .*kind: coco"),
        (["images/1.jpg", "labels/1.txt"], r"found labels/ with 1\.txt beside images/"),
        (["set/cats/1.png", "set/dogs/1.png"], "one folder around all others, .*set with cats/, dogs/ in it"),
        (["a/b/cats/1.png", "a/b/dogs/1.png"], "one folder around all others, .*a/b with cats/, dogs/ in it"),
    ],
)
def test_folders_that_give_no_categories_are_refused_with_what_was_found(
    tmp_path: Path, names: list[str], said: str
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for name in names:
        write(top / name)
    with pytest.raises(LandingError, match=said) as refused:
        own_folders(top)
    assert "\n" not in str(refused.value)


def test_the_parts_of_a_split_that_hold_categories_are_taken_together(tmp_path: Path) -> None:
    for name in ("train/cats/1.png", "train/dogs/2.png", "val/cats/3.png"):
        write(tmp_path / name)
    found = own_folders(tmp_path).categories
    assert found == {"cats": (tmp_path / "train/cats", tmp_path / "val/cats"), "dogs": (tmp_path / "train/dogs",)}
    assert set(own_folders(tmp_path, apart=[tmp_path / "val"]).categories) == {"cats", "dogs"}


def test_what_is_set_apart_is_no_category(tmp_path: Path) -> None:
    for name in ("cats/1.png", "store/2.png"):
        write(tmp_path / name)
    assert set(own_folders(tmp_path, apart=[tmp_path / "store"]).categories) == {"cats"}


def test_categories_of_a_folder_that_is_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"nowhere: No such file or directory; expected .*<category>"):
        own_folders(tmp_path / "nowhere")
