"""Landing loses nothing, overwrites nothing, and can be run again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from image_assets.ingest import landing as landing_module
from image_assets.ingest.folder import FolderSource
from image_assets.ingest.landing import LandingError, categories_of, land

DAY = dt.date(2026, 11, 20)


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def landed(landing: Path) -> dict[str, bytes]:
    folder = landing / str(DAY) / "plant"
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_nested_folders_keep_their_paths(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a" / "b" / "1.png", b"1")
    write(tmp_path / "in" / "2.png", b"2")
    single = write(tmp_path / "3.png", b"3")
    report = land([tmp_path / "in", single], tmp_path / "landing", DAY, "plant")
    assert (report.copied, report.bytes, report.refused) == (3, 3, ())
    assert landed(tmp_path / "landing") == {"in/a/b/1.png": b"1", "in/2.png": b"2", "3.png": b"3"}


def test_a_second_time_everything_is_there_already(tmp_path: Path) -> None:
    write(tmp_path / "in" / "1.png")
    land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    before = landed(tmp_path / "landing")
    report = land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert (report.copied, report.already_there) == (0, 1)
    assert landed(tmp_path / "landing") == before


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for number in range(3):
        land(
            [write(tmp_path / str(number) / "in" / "1.png", bytes([number])).parent], tmp_path / "landing", DAY, "plant"
        )
    assert sorted(landed(tmp_path / "landing").values()) == [b"\0", b"\1", b"\2"]
    assert "in/1.png" in landed(tmp_path / "landing")
    assert land([tmp_path / "2" / "in"], tmp_path / "landing", DAY, "plant").already_there == 1


def test_what_desktops_leave_behind_is_ignored_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "in" / ".DS_Store")
    write(tmp_path / "in" / "1.png")
    assert land([tmp_path / "in"], tmp_path / "landing", DAY, "plant").ignored == 1


def test_only_what_is_wanted_is_landed(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "in" / f"{number}.png", bytes([number]))
    report = land(
        [tmp_path / "in"], tmp_path / "landing", DAY, "plant", only=lambda path: path in ("in/1.png", "in/3.png")
    )
    assert report.copied == 2
    assert list(landed(tmp_path / "landing")) == ["in/1.png", "in/3.png"]


def test_a_copy_that_is_cut_off_is_not_seen_and_the_next_run_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in" / "1.png", b"whole content")

    def killed(_: str, target: Path) -> None:
        Path(target).write_bytes(b"whole")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(landing_module.shutil, "copyfile", killed)
        with pytest.raises(KeyboardInterrupt):
            land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert FolderSource(tmp_path / "landing").list_files(DAY, "plant").files == ()
    land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert landed(tmp_path / "landing") == {"in/1.png": b"whole content"}


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in" / "1.png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(landing_module.shutil, "copyfile", full)
    with pytest.raises(LandingError, match=r"in/1\.png cannot be copied to .*No space left on device"):
        land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")


@pytest.mark.parametrize(
    ("category", "said"),
    [("../plant", "expected 1 to 64 letters"), ("", "expected 1 to 64"), ("a b", "expected 1 to 64")],
)
def test_a_category_that_is_no_name_is_refused(tmp_path: Path, category: str, said: str) -> None:
    with pytest.raises(LandingError, match=said):
        land([write(tmp_path / "1.png")], tmp_path / "landing", DAY, category)
    assert not (tmp_path / "landing").exists()


def test_a_missing_path_is_named_before_anything_is_copied(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="nowhere: no such file or folder"):
        land([write(tmp_path / "1.png"), tmp_path / "nowhere"], tmp_path / "landing", DAY, "plant")
    assert not (tmp_path / "landing").exists()


def test_the_landing_zone_is_not_landed_in_itself(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    with pytest.raises(LandingError, match="holds the landing zone"):
        land([tmp_path], tmp_path / "landing", DAY, "plant")


def test_a_link_to_nowhere_is_refused_and_the_rest_lands(tmp_path: Path) -> None:
    write(tmp_path / "in" / "1.png")
    (tmp_path / "in" / "2.png").symlink_to("nowhere")
    report = land([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert report.copied == 1
    assert len(report.refused) == 1
    assert "in/2.png: No such file" in report.refused[0]


def test_folders_become_categories_with_clean_names(tmp_path: Path) -> None:
    for name in ("My Cats", "é dogs", ".hidden"):
        write(tmp_path / name / "1.png")
    assert {name: folder.name for name, folder in categories_of(tmp_path).items()} == {
        "My_Cats": "My Cats",
        "e_dogs": "é dogs",
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a b/1.png", "a_b/1.png"], "a b.*a_b"),
        (["中/1.png"], "中"),
        (["1.png", "cats/2.png"], "1.png"),
        ([], "folder"),
    ],
)
def test_folders_that_give_no_categories_are_refused(tmp_path: Path, names: list[str], said: str) -> None:
    top = tmp_path / "top"
    top.mkdir()
    for name in names:
        write(top / name)
    with pytest.raises(LandingError, match=said):
        categories_of(top)
