"""Archives as people and their programs make them: what is in them is loaded, and what is not opened is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from image_assets.images.decode import decode
from image_assets.images.reasons import Reason, Rejected
from image_assets.ingest.archives.closed import closed_archive
from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.archives.member import GuardedStream
from image_assets.ingest.archives.streams import bzip2_stream, xz_stream, zstd_stream
from image_assets.ingest.source import SourceReadError
from image_assets.settings.stages import Limits
from tests.ingest.archive_attacks import raw_zip
from tests.ingest.archives import DAY, FORMATS, Landed, archive, compressed, tarred, zipped

TAR = tarred([("a.jpg", b"first"), ("in/b.jpg", b"second" * 50_000)])
MEMBERS = {"a.jpg": b"first", "in/b.jpg": b"second" * 50_000}


def zstd_frame(content: bytes, window_log: int = 20) -> bytes:
    """A frame that does not state its size, so that its window stands as it was asked for."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: window_log}
    made = zstd.ZstdCompressor(options=options)
    return made.compress(content) + made.flush()


def in_two(content: bytes) -> tuple[bytes, bytes]:
    return content[: len(content) // 2], content[len(content) // 2 :]


SKIPPED = struct.pack("<2L", 0x184D2A50, 4) + b"size"
STREAMS = {
    "zstd --long=31": ("tar.zst", zstd_frame(TAR, 31)),
    "parallel zstd": ("tar.zst", b"".join(SKIPPED + zstd.compress(half) for half in in_two(TAR))),
    "parallel bzip2": ("tbz", b"".join(map(bz2.compress, in_two(TAR)))),
    "xz in blocks, padded": ("txz", b"".join(lzma.compress(half) + bytes(8) for half in in_two(TAR))),
    "parallel gzip": ("tgz", b"".join(map(gzip.compress, in_two(TAR)))),
    "named as another": ("tar.gz", lzma.compress(TAR)),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_compressed_streams_of_every_make_are_read(tmp_path: Path, kind: str) -> None:
    landed = Landed(tmp_path)
    form, content = STREAMS[kind]
    landed.put(f"photos.{form}", content)
    assert landed.outcome() == ({f"photos.{form}/{name}": content for name, content in MEMBERS.items()}, {}, 0)


@pytest.mark.parametrize("program", [["zstd", "--long=31", "-q"], ["pzstd", "-q"], ["xz", "-T2", "--block-size=65536"]])
def test_what_the_programs_themselves_write_is_read(tmp_path: Path, program: list[str]) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"no {program[0]} here")
    done = subprocess.run([*program, "-c"], input=TAR, capture_output=True, check=True)
    landed = Landed(tmp_path)
    form = "tar.xz" if program[0] == "xz" else "tar.zst"
    landed.put(f"photos.{form}", done.stdout)
    assert landed.outcome() == ({f"photos.{form}/{name}": content for name, content in MEMBERS.items()}, {}, 0)


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(0, 9), st.sampled_from(["bz2", "xz", "zst"])
)
def test_streams_behind_each_other_give_what_went_in(parts: list[bytes], zeros: int, form: str) -> None:
    compress, opened = {
        "bz2": (bz2.compress, bzip2_stream),
        "xz": (lzma.compress, xz_stream),
        "zst": (zstd.compress, zstd_stream),
    }[form]
    packed = b"".join(compress(part) + bytes(zeros) for part in parts)
    assert opened(GuardedStream(io.BytesIO(packed))).read() == b"".join(parts)
    cut = compress(b"x" * 100)[:-1]
    with pytest.raises(EOFError):
        opened(GuardedStream(io.BytesIO(packed + cut))).read()


@pytest.mark.parametrize("form", ["tar.bz2", "tar.xz", "tar.zst"])
def test_a_bomb_under_new_compressions_meets_its_cap(tmp_path: Path, form: str) -> None:
    landed = Landed(tmp_path, bytes=1_000_000)
    landed.put(f"bomb.{form}", compressed(form, tarred([("a.jpg", b"a"), ("zeros.jpg", bytes(3_000_000))])))
    good, bad, _ = landed.outcome()
    assert (list(good), bad) == ([f"bomb.{form}/a.jpg"], {f"bomb.{form}": "archive_too_many_bytes"})


def test_a_window_above_what_is_given_to_it_is_no_damage(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    frame = bytearray(zstd_frame(TAR, 20))
    frame[5] = (34 - 10) << 3  # the window's descriptor: its exponent above 10
    landed.put("photos.tar.zst", bytes(frame))
    assert landed.outcome()[:2] == ({}, {"photos.tar.zst": "archive_not_opened"})
    (listed,) = landed.source.list_files(DAY, "plant").files
    with pytest.raises(SourceReadError, match=r"more than 2,147,483,648 bytes of memory; pack it anew"):
        landed.source.read(listed, 10)


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "zip"])
def test_a_hard_link_has_the_content_of_the_member_that_it_names(tmp_path: Path, form: str) -> None:
    def link(name: str, to: str) -> tuple[tarfile.TarInfo, bytes]:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.LNKTYPE, to
        return entry, b""

    entries = [("./a.jpg", b"first"), link("./b.jpg", "./a.jpg"), ("a.jpg", b"second"), link("c.jpg", "a.jpg")]
    entries += [link("d.jpg", "b.jpg"), link("e.jpg", "later.jpg"), ("later.jpg", b"x"), link("f.jpg", "/etc/passwd")]
    landed = Landed(tmp_path)
    landed.put(f"t.{form}", archive(form, entries))
    good = {"a.jpg": b"first", "a.jpg\\#2": b"second", "b.jpg": b"first", "c.jpg": b"second", "d.jpg": b"first"}
    good["later.jpg"] = b"x"
    found = {f"t.{form}/{name}": content for name, content in good.items()}
    refused = {f"t.{form}/{name}": "member_no_file" for name in ("e.jpg", "f.jpg")}
    assert landed.outcome() == (found, refused, 0)
    # What goes missing in staging is brought again, links too.
    for file in sorted(landed.staging.glob("archives/*/*/files/*/*"))[::2]:
        file.unlink()
    assert landed.outcome() == (found, refused, 0)


def test_hard_links_count_towards_what_an_archive_may_cost(tmp_path: Path) -> None:
    entries: list = [("a.jpg", bytes(400_000))]
    for number in range(5):
        entry = tarfile.TarInfo(f"{number}.jpg")
        entry.type, entry.linkname = tarfile.LNKTYPE, "a.jpg"
        entries.append((entry, b""))
    landed = Landed(tmp_path, bytes=1_000_000)
    landed.put("t.tar", tarred(entries))
    assert landed.outcome()[1] == {"t.tar": "archive_too_many_bytes"}


def unicode_zip(name: bytes, other: bytes, checksum: int) -> bytes:
    """A zip whose one member has a name in an extra field."""
    info = zipfile.ZipInfo(name.decode())
    info.extra = struct.pack("<2HBL", 0x7075, 5 + len(other), 1, checksum) + other
    return zipped([(info, b"content")])


def test_a_name_in_an_extra_field_of_unicode_is_the_name(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    other = "plántä/写真.jpg".encode()
    landed.put("a.zip", unicode_zip(b"pl_nt_/__.jpg", other, zlib.crc32(b"pl_nt_/__.jpg")))
    landed.put("b.zip", unicode_zip(b"was.jpg", other, zlib.crc32(b"before.jpg")))
    assert landed.outcome()[:2] == ({"a.zip/plántä/写真.jpg": b"content", "b.zip/was.jpg": b"content"}, {})


@pytest.mark.parametrize("left", [0.3, 0.5, 0.7, 0.9])
def test_nothing_of_a_zip_that_is_cut_off_is_loaded_and_it_is_asked_for_again(tmp_path: Path, left: float) -> None:
    whole = zipped([(f"{number}.jpg", bytes(range(256)) * 40) for number in range(6)], zipfile.ZIP_STORED)
    landed = Landed(tmp_path)
    landed.put("cut.zip", whole[: int(len(whole) * left)])
    assert landed.outcome()[:2] == ({}, {"cut.zip": "archive_damaged"})
    cut = next(file for file in landed.source.list_files(DAY, "plant").files if file.source.endswith("cut.zip"))
    with pytest.raises(SourceReadError, match=r"its directory, which comes last, is missing .* bring it again"):
        landed.source.read(cut, 10)


def test_a_zip_that_another_one_was_put_before_is_told_of_as_what_is_lacking_and_a_program_is_none(
    tmp_path: Path,
) -> None:
    first, second = (zipped([(f"{name}.jpg", name.encode())]) for name in "ab")
    landed = Landed(tmp_path)
    landed.put("both.zip", first + second)
    landed.put("program.zip", b"#!/bin/sh\nexit\n" + second)
    content, refused, _ = landed.outcome()
    assert (content, refused) == (
        {"both.zip/b.jpg": b"b", "program.zip/b.jpg": b"b"},
        {"both.zip": "archive_damaged"},
    )
    both = next(file for file in landed.source.list_files(DAY, "plant").files if file.source.endswith("both.zip"))
    with pytest.raises(SourceReadError, match=rf"in its first {len(first)} bytes is another zip archive"):
        landed.source.read(both, 10)


def test_the_last_part_of_a_split_zip_is_named_as_such(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    whole = bytearray(raw_zip([(b"a.jpg", b"content", {})]))
    whole[-18:-16] = (2).to_bytes(2, "little")  # the number of the part that holds the end
    landed.put("photos.zip", bytes(whole))
    landed.put("photos.z01", b"PK\x07\x08 and the first members")
    assert landed.outcome()[:2] == ({}, {"photos.zip": "archive_not_opened", "photos.z01": "archive_not_opened"})


CLOSED = [
    "a.rar",
    "b.7z",
    "c.zip.001",
    "d.z01",
    "e.tar.gz.aa",
    "f.part1.rar",
    "g.r00",
    "h.7z.002",
    "i.tar.001",
    "j.TAR.ZST.AB",
    "k.zip.aaa",
    "l.tar.lz4",
    "m.cab",
]


@pytest.mark.parametrize("name", CLOSED)
def test_what_is_not_opened_is_listed_as_that_with_what_is(tmp_path: Path, name: str) -> None:
    assert not is_archive_name(name)
    landed = Landed(tmp_path)
    landed.put(name, bytes(100))
    landed.put("a.jpg", b"a")
    landed.put("all.tar", tarred([(name, b"inner")]))
    assert landed.outcome() == (
        {"a.jpg": b"a"},
        {name: "archive_not_opened", f"all.tar/{name}": "archive_not_opened"},
        0,
    )
    assert "opened are zip, tar, tar.gz, tar.bz2, tar.xz and tar.zst" in (closed_archive(name) or "")


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar.gz", "a.tar.xz", "a.jpg", "photo.001", "a.zip.jpg", "a.zip.asc", "zip.aa", "a.tar.gz.md5"]
)
def test_other_names_are_no_closed_archives(name: str) -> None:
    assert closed_archive(name) is None


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (zipped([("a.jpg", b"a")]), "a zip archive"),
        (gzip.compress(b"picture", mtime=0), "compressed by gzip"),
        (bz2.compress(b"picture"), "compressed by bzip2"),
        (lzma.compress(b"picture"), "compressed by xz"),
        (zstd.compress(b"picture"), "compressed by zstd"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(20), "a rar archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(20), "a 7z archive"),
    ],
)
def test_an_archive_under_another_name_is_refused_as_one(content: bytes, kind: str) -> None:
    with pytest.raises(Rejected, match=kind) as refused:
        decode(content, Limits())
    assert refused.value.reason is Reason.ARCHIVE_NOT_OPENED


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@pytest.mark.parametrize("around", ["", "photos/", "./", "a/b/"])
def test_categories_are_found_in_one_folder_around_everything(tmp_path: Path, form: str, around: str) -> None:
    landed = Landed(tmp_path)
    names = [f"{around}{name}" for name in ("plant/a.jpg", "plant/deep/b.jpg", "animal/c.jpg", "other/d.jpg")]
    landed.put(f"../all.{form}", archive(form, [(name, b"x") for name in names]))
    below = f"{DAY}/all.{form}/{around.removeprefix('./')}plant"
    assert landed.outcome()[:2] == ({f"{below}/a.jpg": b"x", f"{below}/deep/b.jpg": b"x"}, {})
    assert landed.source.categories(DAY) == ["animal", "other", "plant"]


def test_an_archive_of_a_day_that_is_named_as_a_category_is_that_category(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("../plant.tar.xz", archive("tar.xz", [("a.jpg", b"a"), ("june/b.jpg", b"b")]))
    landed.put("../animal.zip", zipped([("plant/c.jpg", b"c")]))
    assert landed.outcome()[:2] == (
        {
            f"{DAY}/plant.tar.xz/a.jpg": b"a",
            f"{DAY}/plant.tar.xz/june/b.jpg": b"b",
            f"{DAY}/animal.zip/plant/c.jpg": b"c",
        },
        {},
    )
    assert landed.source.categories(DAY) == ["plant"]


def test_two_folders_without_a_category_are_no_folder_around_everything(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("../all.zip", zipped([("train/plant/a.jpg", b"a"), ("val/plant/b.jpg", b"b")]))
    assert landed.outcome()[:2] == ({}, {})
    assert landed.source.categories(DAY) == ["plant", "train", "val"]


def test_an_archive_of_a_day_that_was_not_opened_yet_may_hold_every_category(tmp_path: Path) -> None:
    landed = Landed(tmp_path)
    landed.put("../all.zip", zipped([("animal/a.jpg", b"a")]))
    shutil.rmtree(landed.plants)
    assert landed.source.categories(DAY) == ["animal", "plant"]
    landed.fetch()
    assert landed.source.categories(DAY) == ["animal"]
