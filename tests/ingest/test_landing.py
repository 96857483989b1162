"""Landing loses nothing, overwrites nothing, and can be run again."""

from __future__ import annotations

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from image_assets.ingest import landing as landing_module
from image_assets.ingest.landing import LandingError, LandingReport, land_files
from tests.ingest.folders import folder_source

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
    report = land_files([tmp_path / "in", single], tmp_path / "landing", DAY, "plant")
    assert (report.copied, report.bytes, report.refused) == (3, 3, ())
    assert landed(tmp_path / "landing") == {"in/a/b/1.png": b"1", "in/2.png": b"2", "3.png": b"3"}


def test_a_second_time_everything_is_there_already(tmp_path: Path) -> None:
    write(tmp_path / "in" / "1.png")
    land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    before = landed(tmp_path / "landing")
    report = land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert (report.copied, report.already_there) == (0, 1)
    assert landed(tmp_path / "landing") == before


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for number in range(3):
        land_files(
            [write(tmp_path / str(number) / "in" / "1.png", bytes([number])).parent], tmp_path / "landing", DAY, "plant"
        )
    assert sorted(landed(tmp_path / "landing").values()) == [b"\0", b"\1", b"\2"]
    assert "in/1.png" in landed(tmp_path / "landing")
    assert land_files([tmp_path / "2" / "in"], tmp_path / "landing", DAY, "plant").already_there == 1


def test_the_second_file_of_a_name_is_told_by_its_content(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        land_files([write(tmp_path / "1.png", content)], tmp_path / "landing", DAY, "plant")
    # printf second | sha256sum
    assert landed(tmp_path / "landing") == {"1.png": b"first", "1-16367aacb67a4a01.png": b"second"}


@pytest.mark.parametrize("name", ["é" * 125 + ".jpeg", "x" * 255])
def test_the_longest_of_names_leave_room_for_a_second_content(tmp_path: Path, name: str) -> None:
    for content in (b"first", b"second"):
        land_files([write(tmp_path / name, content)], tmp_path / "landing", DAY, "plant")
    assert sorted(landed(tmp_path / "landing").values()) == [b"first", b"second"]


def test_whoever_lands_the_same_name_at_the_same_time_loses_nothing(tmp_path: Path) -> None:
    contents = [b"%d" % (number % 6) for number in range(12)]
    together = Barrier(len(contents))

    def one(number: int) -> int:
        path = write(tmp_path / str(number) / "in" / "1.png", contents[number])
        together.wait(timeout=60)
        return land_files([path.parent], tmp_path / "landing", DAY, "plant").copied

    with ThreadPoolExecutor(len(contents)) as pool:
        copied = list(pool.map(one, range(len(contents))))
    assert set(landed(tmp_path / "landing").values()) == set(contents)
    assert len(landed(tmp_path / "landing")) == sum(copied)


def test_a_name_that_another_takes_during_the_copy_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def taken_first(partial: Path, target: Path) -> None:
        if target.name == "1.png":
            target.write_bytes(b"theirs")
        link(partial, target)

    monkeypatch.setattr(os, "link", taken_first)
    land_files([write(tmp_path / "1.png", b"ours")], tmp_path / "landing", DAY, "plant")
    assert sorted(landed(tmp_path / "landing").values()) == [b"ours", b"theirs"]


def test_a_disk_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    for content in (b"first", b"second"):
        land_files([write(tmp_path / "1.png", content)], tmp_path / "landing", DAY, "plant")
    assert sorted(landed(tmp_path / "landing").values()) == [b"first", b"second"]


def test_any_name_can_land_and_a_url_names_the_landing_zone(tmp_path: Path) -> None:
    names = [b"a b#%.png", b"new\nline.png", b"not\xffutf8.png"]
    for name in names:
        write(tmp_path / "in" / os.fsdecode(name), name)
    url = (tmp_path / "landing zone").as_uri()
    assert land_files([tmp_path / "in"], url, DAY, "plant").copied == len(names)
    source = folder_source(url)
    files = source.list_files(DAY, "plant").files
    assert sorted(source.read(file, 100) for file in files) == sorted(names)


def test_progress_is_told_of_every_file(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "in" / f"{number}.png")
    told: list[tuple[int, int]] = []
    land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant", lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_desktops_leave_behind_is_ignored_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "in" / ".DS_Store")
    write(tmp_path / "in" / "1.png")
    assert land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant").ignored == 1


def test_only_what_is_wanted_is_landed(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "in" / "deep" / f"{number}.png", bytes([number]))
    (tmp_path / "in" / "broken link.png").symlink_to("nowhere")
    wanted = ("in/deep/1.png", "in/deep/3.png")
    report = land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant", only=lambda path: path in wanted)
    assert report == LandingReport(copied=2, already_there=0, ignored=0, bytes=2, refused=())
    assert tuple(landed(tmp_path / "landing")) == wanted


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
            land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert folder_source(tmp_path / "landing").list_files(DAY, "plant").files == ()
    land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert landed(tmp_path / "landing") == {"in/1.png": b"whole content"}


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in" / "1.png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(landing_module.shutil, "copyfile", full)
    with pytest.raises(LandingError, match=r"in/1\.png cannot be copied to .*No space left on device"):
        land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")


def test_a_disk_that_refuses_midway_keeps_what_came_through_and_no_half_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path / "in" / f"{number}.png", bytes([number]))
    copy = landing_module.shutil.copyfile

    def full_at_the_second(path: str, target: Path) -> None:
        copy(path, target)
        if path.endswith("1.png"):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(landing_module.shutil, "copyfile", full_at_the_second)
        with pytest.raises(LandingError, match=r"in/1\.png cannot be copied"):
            land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert landed(tmp_path / "landing") == {"in/0.png": b"\0"}
    report = land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert (report.copied, report.already_there) == (2, 1)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    write(tmp_path / "landing" / str(DAY))
    with pytest.raises(LandingError, match=rf"1\.png cannot be copied to .*landing/{DAY}"):
        land_files([write(tmp_path / "1.png")], tmp_path / "landing", DAY, "plant")


@pytest.mark.parametrize("day", ["2026-11-20", dt.datetime(2026, 11, 20, 7)])
def test_a_day_that_is_no_date_is_refused(tmp_path: Path, day: object) -> None:
    with pytest.raises(LandingError, match="expected a date such as 2026-11-20, without a time"):
        land_files([write(tmp_path / "1.png")], tmp_path / "landing", day, "plant")  # pyright: ignore[reportArgumentType]
    assert not (tmp_path / "landing").exists()


@pytest.mark.parametrize(
    ("category", "said"),
    [
        ("../plant", "expected 1 to 64 of a to z"),
        ("", "expected 1 to 64"),
        ("a b", "expected 1 to 64"),
        ("é", "'é': expected"),
    ],
)
def test_a_category_that_is_no_name_is_refused(tmp_path: Path, category: str, said: str) -> None:
    with pytest.raises(LandingError, match=said):
        land_files([write(tmp_path / "1.png")], tmp_path / "landing", DAY, category)
    assert not (tmp_path / "landing").exists()


def test_a_missing_path_is_named_before_anything_is_copied(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="nowhere: no such file or folder"):
        land_files([write(tmp_path / "1.png"), tmp_path / "nowhere"], tmp_path / "landing", DAY, "plant")
    assert not (tmp_path / "landing").exists()


def test_a_path_whose_own_name_is_ignored_is_refused_rather_than_landed_unseen(tmp_path: Path) -> None:
    write(tmp_path / ".photos" / "1.png")
    with pytest.raises(LandingError, match=r"\.photos: this name is ignored"):
        land_files([tmp_path / ".photos"], tmp_path / "landing", DAY, "plant")


def test_the_landing_zone_is_not_landed_in_itself(tmp_path: Path) -> None:
    write(tmp_path / "1.png")
    with pytest.raises(LandingError, match="holds the landing zone"):
        land_files([tmp_path], tmp_path / "landing", DAY, "plant")


def test_what_is_no_file_is_refused_with_its_reason_and_the_rest_lands(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "5.png", b"5")
    write(tmp_path / "in" / "1.png", b"1")
    (tmp_path / "in" / "2.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "in" / "3.png")
    (tmp_path / "in" / "4").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "5.png").symlink_to(tmp_path / "elsewhere" / "5.png")
    report = land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant")
    assert landed(tmp_path / "landing") == {"in/1.png": b"1", "in/5.png": b"5"}
    assert not (tmp_path / "landing" / str(DAY) / "plant" / "in" / "5.png").is_symlink()
    assert report.copied == 2
    assert [line.removeprefix(f"{tmp_path}/in/") for line in report.refused] == [
        "2.png: No such file or directory",
        "3.png: no regular file",
        "4: a link to a folder, which is not followed; give the folder itself",
    ]


def test_a_link_to_a_folder_that_is_given_is_that_folder(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "1.png", b"1")
    (tmp_path / "in").symlink_to(tmp_path / "elsewhere")
    assert land_files([tmp_path / "in"], tmp_path / "landing", DAY, "plant").copied == 1
    assert landed(tmp_path / "landing") == {"in/1.png": b"1"}
