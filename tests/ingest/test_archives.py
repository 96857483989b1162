"""Archives are folders: every member that can be had is a file, whatever the format, and a killed run goes on."""

from __future__ import annotations

import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from image_assets.ingest.landing import land_files
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import SourceError, SourceReadError
from image_assets.settings.sources import FolderSource
from image_assets.workers import no_progress
from tests.ingest.archives import DAY, FORMATS, Landed, archive, tarred, zipped

TWO = [("a.jpg", b"first"), ("inner/b.jpg", b"second")]


@pytest.mark.parametrize("form", FORMATS)
def test_members_of_every_format_are_files_in_a_folder(tmp_path: Path, form: str) -> None:
    landed = Landed(tmp_path)
    landed.put("c.jpg", b"third")
    landed.put(f"deep/Photos.{form.upper()}", archive(form, TWO))
    photos = f"deep/Photos.{form.upper()}"
    expected = {f"{photos}/a.jpg": b"first", f"{photos}/inner/b.jpg": b"second", "c.jpg": b"third"}
    assert landed.outcome() == (expected, {}, 0)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_of_zip_that_the_library_has_is_read(tmp_path: Path, method: int) -> None:
    landed = Landed(tmp_path)
    content = b"content" * 100_000
    landed.put("photos.zip", zipped([("a.jpg", content)], method))
    assert landed.outcome() == ({"photos.zip/a.jpg": content}, {}, 0)


def test_the_content_decides_what_an_archive_is(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("tar named.zip", tarred(TWO))
    landed.put("no archive.tar.gz", b"\xff\xd8\xff a picture")
    landed.put("empty.zip", b"")
    landed.put("program.zip", b"#!/bin/sh\n" + zipped(TWO))
    good, bad, _ = landed.outcome()
    assert bad == {}
    assert good == {
        "tar named.zip/a.jpg": b"first",
        "tar named.zip/inner/b.jpg": b"second",
        "no archive.tar.gz": b"\xff\xd8\xff a picture",
        "empty.zip": b"",
        "program.zip/a.jpg": b"first",
        "program.zip/inner/b.jpg": b"second",
    }


def test_archives_in_archives_are_opened(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    inner = archive("tar.gz", [("x.jpg", b"x"), ("deepest.zip", zipped([("y.jpg", b"y")]))])
    landed.put("outer.zip", zipped([("z.jpg", b"z"), ("of june/inner.tgz", inner), ("no.zip", b"none")]))
    good, bad, _ = landed.outcome()
    assert bad == {}
    assert good == {
        "outer.zip/z.jpg": b"z",
        "outer.zip/no.zip": b"none",
        "outer.zip/of june/inner.tgz/x.jpg": b"x",
        "outer.zip/of june/inner.tgz/deepest.zip/y.jpg": b"y",
    }


def test_what_desktops_leave_behind_is_ignored_and_a_folder_of_it_counts_once(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    names = ("./a.jpg", "__MACOSX/._a.jpg", "__MACOSX/b/._c.jpg", "b/.DS_Store", "b/", "b/d.jpg", ".git/x/y", ".git/z")
    landed.put("photos.zip", zipped((name, b"" if name.endswith("/") else name.encode()) for name in names))
    good, bad, ignored = landed.outcome()
    assert (list(good), bad, ignored) == (["photos.zip/a.jpg", "photos.zip/b/d.jpg"], {}, 3)


@pytest.mark.parametrize("form", FORMATS)
def test_the_dot_that_a_packed_folder_begins_with_is_no_folder(tmp_path: Path, form: str) -> None:
    landed = Landed(tmp_path)
    landed.put(f"photos.{form}", archive(form, [("./a.jpg", b"a"), ("./in/./b.jpg", b"b"), ("././c.jpg", b"c")]))
    expected = {"a.jpg": b"a", "in/b.jpg": b"b", "c.jpg": b"c"}
    assert landed.outcome() == ({f"photos.{form}/{name}": content for name, content in expected.items()}, {}, 0)


def test_backslashes_part_the_folders_of_a_zip_archive_that_has_no_slashes(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    entries: list[tuple[str | tarfile.TarInfo | zipfile.ZipInfo, bytes]] = []
    for name, content in (("in\\", b""), ("in\\a.jpg", b"a"), ("in\\é\\b.jpg", b"b"), ("x/of\\one.jpg", b"c")):
        entries.append((zipfile.ZipInfo(name), content))
    landed.put("photos.zip", zipped(entries))
    expected = {"in/a.jpg": b"a", "in/é/b.jpg": b"b", "x/of\\\\one.jpg": b"c"}
    assert landed.outcome() == ({f"photos.zip/{name}": content for name, content in expected.items()}, {}, 0)


def _gnu_header(name: str, size: int, kind: bytes) -> bytes:
    """A header as incremental backups have it: times where POSIX has a prefix of the name."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    block = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    block[345:369] = b"15075142356\x00" * 2
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\x00 " % sum(block)
    return bytes(block)


def test_a_backup_in_gnu_format_has_its_members_under_their_names(tmp_path: Path) -> None:
    listing = b"Ya.jpg\0\0"
    content = (
        _gnu_header("backup of June", 0, b"V") + _gnu_header("in/", len(listing), b"D") + listing.ljust(512, b"\0")
    )
    content += _gnu_header("in/a.jpg", 1, tarfile.REGTYPE) + b"a".ljust(512, b"\0") + bytes(1024)
    landed = Landed(tmp_path)
    landed.put("photos.tar", content)
    assert landed.outcome() == ({"photos.tar/in/a.jpg": b"a"}, {}, 0)


def test_a_long_name_in_a_posix_header_is_put_together(tmp_path: Path) -> None:
    name = f"{'folder' * 10}/{'name' * 20}.jpg"
    landed = Landed(tmp_path)
    landed.put("photos.tar", tarred([(name, b"a")], tarfile.USTAR_FORMAT))
    assert landed.outcome() == ({f"photos.tar/{name}": b"a"}, {}, 0)


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar.zst"])
def test_an_archive_without_a_file_is_listed_as_empty(tmp_path: Path, form: str) -> None:
    landed = Landed(tmp_path)
    folder = tarfile.TarInfo("in")
    folder.type = tarfile.DIRTYPE
    landed.put(f"none.{form}", archive(form, []))
    landed.put(f"folders.{form}", archive(form, [("in/" if form == "zip" else folder, b"")]))
    landed.put(f"outer.{form}", archive(form, [(f"inner.{form}", archive(form, [])), ("a.jpg", b"a")]))
    landed.put(f"ignored.{form}", archive(form, [(".DS_Store", b"x")]))
    empty = {f"none.{form}", f"folders.{form}", f"outer.{form}/inner.{form}"}
    for _ in range(2):  # unpacked, and as it is in staging
        good, bad, ignored = landed.outcome()
        assert (good, bad) == ({f"outer.{form}/a.jpg": b"a"}, dict.fromkeys(empty, "archive_empty"))
        assert ignored == 1


def test_a_replaced_archive_is_unpacked_anew(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    landed.outcome()
    landed.put("photos.zip", zipped([("a.jpg", b"another")]))
    assert landed.outcome()[0] == {"photos.zip/a.jpg": b"another"}


def test_an_archive_that_was_replaced_since_it_was_unpacked_is_not_passed_over(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    landed.fetch()
    landed.put("photos.zip", zipped([("a.jpg", b"another")]))
    (file,) = landed.source.list_files(DAY, "plant").files
    with pytest.raises(SourceReadError, match=r"photos\.zip: it has not been unpacked as it is now; run it again"):
        landed.source.read(file, 10)


def staged(landed: Landed) -> dict[str, tuple[int, int]]:
    """Members in staging, with what changes when one is written again."""
    files = (path for path in landed.staging.rglob("files/*/*") if path.name.isdecimal())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_what_goes_missing_in_staging_is_brought_again_and_nothing_else(tmp_path: Path, form: str) -> None:
    landed = Landed(tmp_path)
    inner = archive(form, [(f"{n}.jpg", b"%d" % n) for n in range(3)])
    entries = [(f"{n:03d}.jpg", b"%d" % n) for n in range(300)]
    landed.put(f"photos.{form}", archive(form, [*entries, (f"inner.{form}", inner)]))
    expected = landed.outcome()
    before = staged(landed)
    assert len(before) == 304
    gone = [path for path in before if path.endswith(("/7", "/299", "/1"))]
    for path in gone:
        Path(path).unlink()
    assert landed.outcome() == expected
    after = staged(landed)
    assert after.keys() == before.keys()
    assert [path for path in after if after[path] != before[path]] == gone
    shutil.rmtree(landed.staging)
    assert landed.outcome() == expected


def test_a_second_fetch_does_not_open_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    expected = landed.outcome()
    monkeypatch.setattr(landed.tree.inner, "open", lambda file: pytest.fail("opened again"))
    assert landed.outcome() == expected


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.ingest.archives import Landed
from image_assets.ingest.archives import unpack
take, left = unpack.Unpacker.take, [2_500]
def take_and_die(*args):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return take(*args)
unpack.Unpacker.take = take_and_die
Landed(Path(sys.argv[1])).fetch()
"""


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_an_unpack_of_5000_members_that_is_killed_half_way_goes_on_from_there(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = Landed(tmp_path)
    entries = [(f"{n % 7}/{n:04d}.jpg", b"content %d" % n) for n in range(5_000)]
    landed.put(f"photos.{form}", archive(form, entries))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    before = staged(landed)
    assert len(before) == 2_499
    good, bad, _ = landed.outcome()
    assert good == {f"photos.{form}/{name}": content for name, content in entries}
    assert bad == {}
    after = staged(landed)
    assert len(after) == 5_000
    assert {path: after[path] for path in before} == before, "members were written again"
    assert not list(landed.staging.rglob(".partial-*"))


def test_two_runs_at_once_unpack_an_archive_once(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    entries = [(f"{n}.jpg", b"%d" % n) for n in range(600)]
    landed.put("photos.tar", tarred(entries))
    program = "import sys; from pathlib import Path; from tests.ingest.archives import Landed\n"
    program += "Landed(Path(sys.argv[1])).fetch()"
    both = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(2)]
    assert [one.wait(timeout=120) for one in both] == [0, 0]
    before = staged(landed)
    assert len(landed.outcome()[0]) == 600
    assert staged(landed) == before


def test_an_archive_that_cannot_be_read_where_it_lies_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.tar", tarred((f"{n}.jpg", b"%d" % n) for n in range(10)))
    opened = landed.tree.inner.open

    class Failing:
        def __init__(self, stream) -> None:
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def read(self, size: int = -1) -> bytes:
            if self.stream.tell() > 5_000:
                raise OSError("the cable was pulled")
            return self.stream.read(size)

        def __getattr__(self, name: str):
            return getattr(self.stream, name)

    with monkeypatch.context() as patch:
        patch.setattr(landed.tree.inner, "open", lambda file: Failing(opened(file)))
        good, bad, _ = landed.outcome()
        assert bad == {"photos.tar": "unreadable"}
        assert 0 < len(good) < 10
    good, bad, _ = landed.outcome()
    assert (len(good), bad) == (10, {})


def test_a_full_disk_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    landed.staging.write_bytes(b"a file in its place")
    with pytest.raises(SourceError, match=r"staging .*: .*; make room or name another folder with `source\.staging`"):
        landed.fetch()


def test_progress_counts_members_and_ends_at_the_total(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    for form in ("zip", "tar.gz"):
        landed.put(f"photos.{form}", archive(form, [(f"{n}.jpg", b"%d" % n) for n in range(20)]))
    told: list[tuple[int, int]] = []
    landed.source.fetch(DAY, "plant", lambda done, total: told.append((done, total)))
    assert sorted({done for done, _ in told}) == list(range(1, 41))
    assert all(done <= total for done, total in told)
    assert told[-1] == (40, 40)


def test_a_tree_with_archives_travels_to_other_machines(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    landed.fetch()
    source = pickle.loads(pickle.dumps(landed.source))
    assert [source.read(file, 10) for file in source.list_files(DAY, "plant").files] == [b"first", b"second"]


def test_archives_directly_in_a_day_hold_categories(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("own.jpg", b"own")
    names = ("plant/a.jpg", "plant/deep/b.jpg", "animal/c.jpg", "in no folder.jpg", "plants/d.jpg")
    landed.put("../all.tar.gz", archive("tar.gz", [(name, name.encode()) for name in names]))
    landed.put("../loose.jpg", b"loose")
    good, bad, _ = landed.outcome()
    assert good == {"own.jpg": b"own", f"{DAY}/all.tar.gz/plant/a.jpg": b"plant/a.jpg",
                    f"{DAY}/all.tar.gz/plant/deep/b.jpg": b"plant/deep/b.jpg"}  # fmt: skip
    assert bad == {}
    assert landed.source.categories(DAY) == ["all.tar.gz/in no folder.jpg", "animal", "loose.jpg", "plant", "plants"]


def test_a_damaged_archive_directly_in_a_day_is_seen_in_every_category(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("../all.tar", tarred([("plant/a.jpg", b"a"), ("animal/b.jpg", b"b" * 9_000)])[:3_000])
    assert landed.outcome()[:2] == ({f"{DAY}/all.tar/plant/a.jpg": b"a"}, {f"{DAY}/all.tar": "archive_damaged"})
    landed.source.fetch(DAY, "animal", no_progress)
    assert [file.source for file in landed.source.list_files(DAY, "animal").files] == [f"{DAY}/all.tar"]


def test_land_takes_archives_as_they_are_and_their_paths_become_provenance(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(zipped(TWO))
    assert land_files([tmp_path / "photos.zip"], tmp_path / "landing", DAY, "plant").copied == 1
    spec = FolderSource(staging=str(tmp_path / "staging"))
    source = open_source(spec, str(tmp_path / "landing"))
    source.fetch(DAY, "plant", no_progress)
    files = source.list_files(DAY, "plant").files
    assert [file.source for file in files] == [f"{DAY}/plant/photos.zip/a.jpg", f"{DAY}/plant/photos.zip/inner/b.jpg"]


def test_archives_can_be_left_closed(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("photos.zip", zipped(TWO))
    spec = FolderSource.model_validate({"archives": {"unpack": False}})
    source = open_source(spec, str(tmp_path / "landing"))
    assert [file.source for file in source.list_files(DAY, "plant").files] == [f"{DAY}/plant/photos.zip"]
