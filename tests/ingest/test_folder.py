"""The folder source lists everything that arrived, under any name, and reads nothing that it should not."""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import IN_PROGRESS
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import SourceChanged, SourceError, SourceReadError, SourceUnreadable, printable
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.settings.sources import FolderSource as FolderSpec
from tests.ingest.folders import folder_source

DAY = dt.date(2026, 11, 20)
MANY = 1_000_000


@pytest.fixture
def plants(tmp_path: Path) -> Path:
    folder = tmp_path / "landing" / str(DAY) / "plant"
    folder.mkdir(parents=True)
    return folder


def source(plants: Path, *ignore: str) -> DayFolders:
    return folder_source(plants.parents[1], ignore)


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
    "written \u202eright to left.jpg".encode(),
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


def original(provenance: str) -> str:
    """The name that `printable` made this from."""

    def unescaped(match: re.Match[str]) -> str:
        if match[1] == "\\":
            return "\\"
        code = int(match[1][1:], 16)
        return chr(code + 0xDC00 if match[1][0] == "x" and code >= 0x80 else code)

    return re.sub(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4})", unescaped, provenance)


ANY_NAME = (
    st.binary(max_size=12).map(os.fsdecode)
    | st.text(st.sampled_from("\\xu0d8aé中\x80\u2028\ud800\udc41\udcff\n"))
    | st.text(st.characters())
)


@given(ANY_NAME)
def test_a_name_can_be_had_back_from_its_provenance_so_no_two_share_one(name: str) -> None:
    provenance = printable(name)
    assert original(provenance) == name
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", provenance)


FILE_NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..") and not name.startswith(b".arriving-")
)


@settings(max_examples=50)
@given(st.sets(FILE_NAMES, max_size=8))
def test_every_name_that_a_disk_takes_is_listed_once_and_read_again(names: set[bytes]) -> None:
    with tempfile.TemporaryDirectory() as landing:
        folder = os.path.join(os.fsencode(landing), str(DAY).encode(), b"plant")
        os.makedirs(folder)
        for name in names:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(name)
        files = folder_source(landing)
        found = files.list_files(DAY, "plant").files
        assert {file.source: files.read(file, MANY) for file in found} == {
            f"{DAY}/plant/{printable(os.fsdecode(name))}": name for name in names
        }
        assert len(found) == len(names)
        assert [file.source for file in found] == sorted(file.source for file in found)


def test_what_is_ignored_is_counted(plants: Path) -> None:
    # A hidden folder counts once, however much it holds.
    for name in (".DS_Store", "THUMBS.DB", "a.png", ".hidden/b.png", ".hidden/c/d.png", f"{IN_PROGRESS}123"):
        (plants / name).parent.mkdir(parents=True, exist_ok=True)
        (plants / name).write_bytes(b"x")
    listing = source(plants, *no_arrivals()).list_files(DAY, "plant")
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


def test_a_pipe_is_not_even_opened(plants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(plants / "x.png")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    opened: list[str] = []
    monkeypatch.setattr(os, "open", lambda path, *_: opened.append(path))
    with pytest.raises(SourceReadError, match="it is no regular file"):
        folder.read(file, MANY)
    assert opened == []


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Without root's right to read everything; whoever is not root has no such right anyway."""
    if os.geteuid() != 0:
        yield
        return
    try:
        os.seteuid(65534)
    except OSError:
        pytest.skip("root cannot become another user here")
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", ["closed", "closed.png"])
def test_a_folder_or_file_that_may_not_be_opened_is_listed_so_that_nothing_vanishes_unseen(name: str) -> None:
    # Not in tmp_path, whose parents only their owner may enter.
    with tempfile.TemporaryDirectory() as landing:
        os.chmod(landing, 0o755)
        closed = Path(landing) / str(DAY) / "plant" / name
        closed.parent.mkdir(parents=True)
        (closed.parent / "open.png").write_bytes(b"x")
        if name == "closed":
            closed.mkdir()
            (closed / "1.png").write_bytes(b"x")
        else:
            closed.write_bytes(b"x")
        closed.chmod(0)
        folder = folder_source(landing)
        with as_somebody_else():
            files = folder.list_files(DAY, "plant").files
            assert [file.source for file in files] == [f"{DAY}/plant/{name}", f"{DAY}/plant/open.png"]
            assert folder.read(files[1], MANY) == b"x"
            with pytest.raises(SourceUnreadable, match=f"plant/{name}: cannot be read.*nothing was loaded or refused"):
                folder.read(files[0], MANY)
        closed.chmod(0o755)


@pytest.mark.parametrize(
    ("kind", "said"), [("link that leads out", "symbolic links"), ("pipe", "it is no regular file")]
)
def test_what_is_swapped_in_between_the_look_and_the_opening_is_not_read(
    plants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (plants / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    opened = os.open

    def swap_and_open(path: str, flags: int) -> int:
        os.unlink(path)
        no_file(kind, Path(path), tmp_path / "secret")
        return opened(path, flags)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(SourceReadError, match=said):
        folder.read(file, MANY)


def test_a_file_that_is_being_written_to_is_not_taken_for_whole(plants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plants / "a.png").write_bytes(b"beginning")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    looked = os.fstat

    def look_before_more_is_written(descriptor: int) -> os.stat_result:
        status = looked(descriptor)
        with (plants / "a.png").open("ab") as more:
            more.write(b" and end")
        return status

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", look_before_more_is_written)
        with pytest.raises(SourceChanged, match=r"a\.png: cannot be read: it is being written to"):
            folder.read(file, MANY)
    with pytest.raises(SourceChanged, match="or was replaced, since it was listed"):
        folder.read(file, MANY)
    (file,) = folder.list_files(DAY, "plant").files
    assert folder.read(file, MANY) == (plants / "a.png").read_bytes()


def test_a_file_that_becomes_a_link_out_after_listing_is_not_followed(plants: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (plants / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    (plants / "a.png").unlink()
    (plants / "a.png").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceReadError, match="leads out of the landing zone"):
        folder.read(file, MANY)


@pytest.mark.parametrize("system", ["with /proc", "without"])
def test_a_folder_that_becomes_a_link_out_after_listing_is_not_followed(
    plants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    if system == "without":
        ask = os.readlink
        # Where there is no /proc, there is nothing at this path either.
        monkeypatch.setattr(os, "readlink", lambda path: ask(path.replace("/proc/", "/no-proc/")))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "a.png").write_bytes(b"secret")
    (plants / "batch").mkdir()
    (plants / "batch" / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    assert folder.read(file, MANY) == b"x"
    (plants / "batch").rename(plants / "old")
    (plants / "batch").symlink_to(tmp_path / "secrets", target_is_directory=True)
    with pytest.raises(SourceReadError, match="leads out of the landing zone"):
        folder.read(file, MANY)


def test_a_file_that_vanishes_after_listing_says_so(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"x")
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    (plants / "a.png").unlink()
    with pytest.raises(SourceChanged, match="it is gone since it was listed"):
        folder.read(file, MANY)


def test_no_more_is_read_than_shows_that_a_file_is_too_large(plants: Path) -> None:
    (plants / "a.png").write_bytes(bytes(1000))
    folder = source(plants)
    (file,) = folder.list_files(DAY, "plant").files
    assert len(folder.read(file, 100)) == 101
    assert len(folder.read(file, 999)) == len(folder.read(file, 1000)) == 1000
    assert file.bytes == 1000


def test_replaced_content_has_another_version(plants: Path) -> None:
    (plants / "a.png").write_bytes(b"old")
    (before,) = source(plants).list_files(DAY, "plant").files
    (plants / "a.png").write_bytes(b"newer")
    (after,) = source(plants).list_files(DAY, "plant").files
    assert before.version != after.version


def test_days_are_what_folders_say_and_categories_all_that_lies_in_them(plants: Path) -> None:
    for name in ("2026-11-19/animal", "20261118/x", "2026-W47-1/x", "2026-02-30/x", "notes/y", f"{DAY}/.hidden"):
        (plants.parents[1] / name).mkdir(parents=True)
    (plants.parents[1] / "2026-11-18").write_bytes(b"a file is no day")
    (plants.parent / "readme.txt").write_bytes(b"a file is no category, and must not be overlooked")
    assert source(plants, ".*").days() == [dt.date(2026, 11, 19), DAY]
    assert source(plants, ".*").categories(DAY) == ["plant", "readme.txt"]
    assert source(plants).categories(dt.date(2020, 1, 1)) == []


def test_a_day_or_category_without_a_folder_is_empty(plants: Path) -> None:
    assert source(plants).list_files(DAY, "animal").files == ()
    assert source(plants).list_files(dt.date(2020, 1, 1), "plant").files == ()


def test_a_file_in_the_place_of_a_folder_is_an_error(plants: Path) -> None:
    (plants.parent / "animal").write_bytes(b"x")
    with pytest.raises(SourceError, match="no folder; put a folder with the files in its place"):
        source(plants).list_files(DAY, "animal")


def test_names_of_categories_are_printable(plants: Path) -> None:
    os.mkdir(os.path.join(os.fsencode(plants.parent), b"line\nbreak \xff"))
    assert source(plants).categories(DAY) == [r"line\x0abreak \xff", "plant"]


@pytest.mark.parametrize("linked", ["day", "category"])
def test_a_link_in_the_place_of_a_folder_is_an_error(plants: Path, tmp_path: Path, linked: str) -> None:
    (tmp_path / "elsewhere" / "animal").mkdir(parents=True)
    day = DAY if linked == "category" else DAY + dt.timedelta(1)
    if linked == "category":
        (plants.parent / "animal").symlink_to(tmp_path / "elsewhere" / "animal")
    else:
        (plants.parents[1] / str(day)).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match="a link, which may lead out of the landing zone"):
        source(plants).list_files(day, "animal")


@pytest.mark.parametrize("question", ["days", "categories", "list_files"])
def test_a_missing_landing_zone_is_an_error_that_says_what_to_do(tmp_path: Path, question: str) -> None:
    nowhere = folder_source(tmp_path / "nowhere")
    ask = {
        "days": nowhere.days,
        "categories": lambda: nowhere.categories(DAY),
        "list_files": lambda: nowhere.list_files(DAY, "plant"),
    }
    with pytest.raises(SourceError, match=r"nowhere: no such folder; .*image-assets land"):
        ask[question]()


@pytest.mark.parametrize("name", ["landing", "é landing#1 100%20"])
def test_a_file_url_is_a_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / str(DAY) / "plant" / "a.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    by_url = open_source(FolderSpec(), (tmp_path / name).as_uri())
    assert [file.source for file in by_url.list_files(DAY, "plant").files] == [f"{DAY}/plant/a.png"]


def test_a_bucket_or_another_machine_is_no_folder() -> None:
    with pytest.raises(SourceError, match=r"s3://bucket/landing.*for a bucket set `source"):
        open_source(FolderSpec(), "s3://bucket/landing")
    with pytest.raises(SourceError, match="'other-machine' is not this one"):
        open_source(FolderSpec(), "file://other-machine/landing")


def test_the_dataset_files_landing_zone_goes_first(plants: Path, tmp_path: Path) -> None:
    (plants / "a.png").write_bytes(b"x")
    own = FolderSpec(landing=str(plants.parents[1]))
    assert len(open_source(own, str(tmp_path)).list_files(DAY, "plant").files) == 1
