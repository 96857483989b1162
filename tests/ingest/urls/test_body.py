"""What servers say of a picture beside its bytes does not decide whether it arrives."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.images.formats import ACCEPTED
from image_assets.ingest.urls.body import is_whole_picture
from tests.ingest.images import any_format, picture
from tests.ingest.urls.downloading import MAX_BYTES, Arrived
from tests.ingest.urls.web import Site, content, cut_off, endless

Arriving = Callable[..., Arrived]
PIXELS = picture()
WHOLE = {name: any_format(PIXELS, name.lower()) for name in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "AVIF", "HEIC")}
PNG = WHOLE["PNG"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/html; charset=utf-8"},
        {"Content_Type": 'application/octet-stream; charset="'},
        {"Content_Type": ""},
        {"Content_Encoding": "br"},
        {"Content_Encoding": "none"},
        {"Content_Encoding": "gzip"},
        {"Content_Encoding": "utf-8, identity"},
        {"Content_Encoding": "deflate"},
        {"Content_Disposition": 'attachment; filename="\xe9.exe"'},
        {"Set_Cookie": ";;=="},
        {"Content_Length": str(len(PNG) + 500)},
    ],
    ids=str,
)
def test_a_whole_picture_arrives_whatever_is_said_of_it(site: Site, arrived: Arriving, headers: dict[str, str]) -> None:
    site.pages["/a"] = content(PNG, **headers)
    assert arrived(site.url("/a"), retries=0).fetch().results() == [PNG]
    assert site.requests["/a"] == 1


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", gzip.compress(PNG, mtime=0)),
        ("identity, gzip", gzip.compress(PNG, mtime=0)),
        ("deflate", zlib.compress(PNG)),
        ("deflate", zlib.compress(PNG)[2:-4]),
        ("deflate", gzip.compress(PNG, mtime=0)),
    ],
    ids=["gzip", "gzip and identity", "zlib", "without zlib's frame", "gzip as deflate"],
)
@pytest.mark.parametrize("more", [0, 900], ids=["", "length of something else"])
def test_what_is_compressed_is_decompressed(
    site: Site, arrived: Arriving, encoding: str, sent: bytes, more: int
) -> None:
    site.pages["/a"] = content(sent, Content_Encoding=encoding, Content_Length=str(len(sent) + more))
    assert arrived(site.url("/a"), retries=0).fetch().results() == [PNG]


def test_what_the_door_takes_is_asked_for_but_for_what_servers_make_of_their_originals(
    site: Site, arrived: Arriving
) -> None:
    site.pages["/a"] = content(PNG)
    arrived(site.url("/a")).fetch()
    (line,) = [line for line in site.headers["/a"] if line.lower().startswith("accept:")]
    wanted = [one.strip() for one in line.partition(":")[2].split(",")]
    made_for_browsers = ("avif", "heic", "jxl")
    assert wanted == [*(f"image/{one}" for one in ACCEPTED if one not in made_for_browsers), "*/*;q=0.1"]


@pytest.mark.parametrize("name", WHOLE)
def test_a_picture_is_whole_that_a_server_promised_more_of(site: Site, arrived: Arriving, name: str) -> None:
    whole = WHOLE[name]
    site.pages = {"/whole": cut_off(len(whole) + 9, whole), "/half": cut_off(len(whole), whole[: len(whole) // 2])}
    found = arrived(site.url("/whole"), site.url("/half"), retries=0).fetch()
    assert found.results() == [whole, "connection_failed"]


def test_a_picture_is_whole_whose_server_never_hangs_up(site: Site, arrived: Arriving) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PNG) + 1}\r\n\r\n".encode() + PNG
    site.pages["/a"] = endless(b"", 0.02, head)
    assert arrived(site.url("/a"), retries=0, download_seconds=0.5).fetch().results() == [PNG]


def test_an_animation_that_breaks_off_between_two_frames_is_not_whole(tmp_path: Path) -> None:
    frames = [Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    (tmp_path / "a").write_bytes(buffer.getvalue())
    assert is_whole_picture(tmp_path / "a", MAX_BYTES)
    (tmp_path / "a").write_bytes(buffer.getvalue()[:-200])
    assert not is_whole_picture(tmp_path / "a", MAX_BYTES)


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_no_beginning_of_a_picture_is_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    whole = WHOLE[name]
    path = tmp_path_factory.getbasetemp() / "beginning"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert not is_whole_picture(path, MAX_BYTES)


def test_every_kind_of_picture_that_a_day_takes_is_tested_here_but_two() -> None:
    assert {name.lower() for name in WHOLE} == {*map(str, ACCEPTED)} - {"tiff", "jxl"}
