"""The folder source lists everything that arrived, under any name, and reads nothing that it should not."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.dataset import FolderSource as FolderSpec
from image_assets.ingest.folder import IN_PROGRESS, FolderSource
from image_assets.ingest.source import SourceError, SourceReadError, open_source, printable

DAY = dt.date(2026, 11, 20)
MANY = 1_000_000


@pytest.fixture
def plants(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / str(DAY) / "plant"
    folder.mkdir(parents=True)
    return folder


def source(plants: Path, *ignore: str) -> FolderSource:
    return FolderSource(plants.parents[1], ignore)


def listed(plants: Path, *ignore: str) -> list[str]:
    return [file.source for file in source(plants, *ignore).list_files(DAY, "plant").files]


def test_files_are_found_at_any_depth_in_the_order_of_their_names(plants: Path) -> None:
    for name in ("b.png", "a/c.png", "a/x/y/z.png"):
        (plants / name).parent.mkdir(parents=True, exist_ok=True)
        (plants / name).write_bytes(b"x")
    assert listed(plants) == [f"{DAY}/plant/{name}" for name in ("a/c.png", "a/x/y/z.png", "b.png")]


ODD_NAMES = [
    b"with space.jpg",
    "é中.jpg".encode(),
    b"a#b%20c?.jpg",
    b"new\nline.jpg",
    b"back\\slash.jpg",
    b"tab\t.jpg",
    b"not\xffutf8.jpg",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_is_listed_printably_and_read_again(plants: Path, name: bytes) -> None:
    with open(os.path.join(os.fsencode(plants), name), "wb") as file:
        file.write(name)
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    file.source.encode("utf-8")
    assert file.source.isprintable()
    assert folder.read(file, MANY) == name


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
def test_no_two_names_share_a_provenance(names: list[bytes]) -> None:
    first, second = (printable(os.fsdecode(name)) for name in names)
    assert first != second
    assert first.encode("utf-8")


def test_what_is_ignored_is_counted(plants: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "a.png", ".hidden/b.png", f"{IN_PROGRESS}123"):
        (plants / name).parent.mkdir(exist_ok=True)
        (plants / name).write_bytes(b"x")
    listing = source(plants, *FolderSpec().ignore).list_files(DAY, "plant")
    assert [file.source for file in listing.files] == [f"{DAY}/plant/a.png"]
    assert listing.ignored == 4


def test_a_file_that_is_still_arriving_is_never_listed(plants: Path) -> None:
    (plants / f"{IN_PROGRESS}123").write_bytes(b"half")
    assert listed(plants) == []


def test_links_within_the_landing_zone_are_files(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"content")
    (plants / "link.png").symlink_to(plants / "a.png")
    folder = source(plants)
    assert [folder.read(file, MANY) for file in folder.list_files(DAY, "plant").files] == [b"content", b"content"]


def no_file(kind: str, path: Path, outside: Path) -> None:
    match kind:
        case "dangling link":
            path.symlink_to(path.with_name("nowhere"))
        case "link that leads out":
            path.symlink_to(outside)
        case "link to a folder":
            path.symlink_to(path.parent, target_is_directory=True)
        case "pipe":
            os.mkfifo(path)


@pytest.mark.parametrize("kind", ["dangling link", "link that leads out", "link to a folder", "pipe"])
def test_what_is_no_file_is_listed_but_cannot_be_read(plants: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    no_file(kind, plants / "x.png", tmp_path / "secret")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    with pytest.raises(SourceReadError, match=r"plant/x\.png: cannot be read"):
        folder.read(file, MANY)


def test_a_file_that_becomes_a_link_out_after_listing_is_not_followed(plants: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (plants / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    (plants / "a.png").unlink()
    (plants / "a.png").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceReadError, match="leads out of the landing zone"):
        folder.read(file, MANY)


def test_a_file_that_vanishes_after_listing_says_so(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    (plants / "a.png").unlink()
    with pytest.raises(SourceReadError, match="No such file"):
        folder.read(file, MANY)


def test_no_more_is_read_than_shows_that_a_file_is_too_large(plants: Path) -> None:
    (plants / "a.png").write_bytes(bytes(1000))
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    assert len(folder.read(file, 100)) == 101
    assert file.bytes == 1000


def test_replaced_content_has_another_version(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"old")
    (before,) = source(plants).list_files(DAY, "plant").files
    (plants / "a.png").write_bytes(b"newer")
    (after,) = source(plants).list_files(DAY, "plant").files
    assert before.version != after.version


def test_days_and_categories_are_what_folders_say(plants: Path) -> None:
    for name in ("2026-11-19/animal", "20261118/x", "notes/y"):
        (plants.parents[1] / name).mkdir(parents=True)
    assert source(plants).days() == [dt.date(2026, 11, 19), DAY]
    assert source(plants).categories(DAY) == ["plant"]
    assert source(plants).categories(dt.date(2020, 1, 1)) == []


def test_a_day_or_category_without_a_folder_is_empty(plants: Path) -> None:
    assert source(plants).list_files(DAY, "animal").files == ()
    assert source(plants).list_files(dt.date(2020, 1, 1), "plant").files == ()


def test_a_file_in_the_place_of_a_folder_is_an_error(plants: Path) -> None:
    (plants.parent / "animal").write_bytes(b"x")
    with pytest.raises(SourceError, match="no folder; put a folder with the files in its place"):
        source(plants).list_files(DAY, "animal")


def test_a_missing_landing_zone_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no such folder; .*image-assets land"):
        FolderSource(tmp_path / "nowhere").list_files(DAY, "plant")


def test_a_file_url_is_a_folder_and_a_bucket_is_none(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"x")
    by_url = open_source(FolderSpec(), plants.parents[1].as_uri())
    assert len(by_url.list_files(DAY, "plant").files) == 1
    with pytest.raises(SourceError, match="buckets and other machines come with another kind of source"):
        open_source(FolderSpec(), "s3://bucket/landing")


def test_the_dataset_files_landing_zone_goes_first(plants: Path, tmp_path: Path) -> None:
    (plants / "a.png").write_bytes(b"x")
    own = FolderSpec(landing=str(plants.parents[1]))
    assert len(open_source(own, str(tmp_path)).list_files(DAY, "plant").files) == 1
