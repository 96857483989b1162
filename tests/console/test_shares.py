"""Links to shards: what they lead to, how it is downloaded, and all that they do not lead to."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import html
import http.client
import json
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from image_assets.console.byte_ranges import Part
from image_assets.console.refusals import Refused
from image_assets.console.shares import DOWNLOADS, Sharing, _content
from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share
from tests.console.served import TOKEN, served, settings_of
from tests.platform import FIRST, SECOND, Platform

NAME = "data.example.org"
WEEK = dt.timedelta(days=7)


@pytest.fixture(scope="module")
def platform(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return loaded_platform.copy_to(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def console(platform: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(platform, share_hosts=[NAME]), ready=False) as client:
        yield client


def shared(platform: Platform, lasts: dt.timedelta = WEEK, **more: object) -> tuple[Share, str]:
    """A share of the plants of the first day, and the address that its link leads to."""
    contents = contents_of(platform.dataset, platform.store, Chosen([FIRST], ["plant"]))
    share, token = ShareBook(platform.store, platform.dataset.name).make(contents, lasts, "ada", **more)  # pyright: ignore[reportArgumentType]
    return share, f"/share/{token}/"


@pytest.fixture(scope="module")
def link(platform: Platform) -> tuple[Share, str]:
    return shared(platform, note="for <the> museum")


def lying(platform: Platform, path: str) -> Path:
    return platform.files / platform.dataset.name / path


def got(console: httpx.Client, at: str, **headers: str) -> httpx.Response:
    """What somebody gets who goes where they are led, as browsers and curl do: a bucket delivers its shards itself."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return console.get(at, headers=named, follow_redirects=True)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_its_page_says_what_there_is_and_until_when(console: httpx.Client, link: tuple[Share, str]) -> None:
    share, address = link
    assert [one.name for one in share.files[:1]] == ["shards.json"]
    assert len(share.files) == 4  # 16 images in files of seven
    answer = console.get(address)
    assert answer.status_code == 200
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-store"
    page = html.unescape(answer.text)
    for one in share.files:
        assert one.path in page
        assert one.sha256 in page
        assert f"{one.bytes:,}" in page
    assert f"{share.expires:%Y-%m-%d, %H:%M} UTC" in page
    assert "no marks: nobody has said anything" in page
    assert "for &lt;the&gt; museum" in answer.text
    assert "/gallery" not in page
    assert console.get(address.rstrip("/"), follow_redirects=True).text == answer.text
    told = console.get(f"{address}share.json").json()
    assert [one["sha256"] for one in told["files"]] == [one.sha256 for one in share.files]
    assert (told["state"], told["marks"]["images"]) == ("open", 0)


def test_a_download_is_just_what_was_shared_and_resumes(
    console: httpx.Client, platform: Platform, link: tuple[Share, str]
) -> None:
    share, address = link
    for file in share.files:
        content = lying(platform, file.path).read_bytes()
        at = f"{address}files/{file.path}"
        whole = got(console, at)
        assert (whole.status_code, whole.content) == (200, content)
        by_the_bucket = platform.store.local is None and file.path.startswith("feature_shards/")
        assert [one.status_code for one in whole.history] == [307] * by_the_bucket
        assert by_the_bucket or whole.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        assert whole.headers["accept-ranges"] == "bytes"
        half, tag = len(content) // 2, whole.headers["etag"]
        rest = got(console, at, range=f"bytes={half}-", if_range=tag)
        assert (rest.status_code, rest.content) == (206, content[half:])
        assert rest.headers["content-range"] == f"bytes {half}-{len(content) - 1}/{len(content)}"
        head = console.head(at, headers={"range": "bytes=0-9"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "10")


def test_ranges_are_read_as_the_standard_says(console: httpx.Client, link: tuple[Share, str]) -> None:
    """Of what the console itself delivers wherever the store is: of the manifest."""
    share, address = link
    file = share.files[0]
    at, size = f"{address}files/{file.path}", file.bytes
    content = console.get(at).content

    def asked(said: str, **more: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        answer = console.get(at, headers={"range": said, **named})
        return answer.status_code, answer.content

    assert asked("bytes=-5") == (206, content[-5:])
    assert asked(f"bytes=0-{size * 2}") == (200, content)
    assert asked("bytes=3-3") == (206, content[3:4])
    assert asked(f"bytes=-{size * 2}") == (200, content)
    # What is no range of bytes, or several of them, and what is asked of another state, is answered with all of it.
    for whole in ("bytes=5-2", "bytes=-", "bytes=0-1,3-4", "rows=0-1", "bytes=a-b", f"bytes={'9' * 40}-"):
        assert asked(whole) == (200, content), whole
    assert asked("bytes=0-1", if_range='"another"') == (200, content)
    assert asked("bytes=0-1", if_range=f'W/"{file.sha256}"') == (200, content)
    for beyond in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}", "bytes=-0"):
        answer = console.get(at, headers={"range": beyond})
        assert code(answer) == (416, "no_such_range")
        assert answer.headers["content-range"] == f"bytes */{size}"
    known = console.get(at, headers={"if-none-match": f'"other", W/"{file.sha256}"'})
    assert (known.status_code, known.content) == (304, b"")


def test_the_lines_of_the_page_download_all_and_go_on_where_they_were_broken_off(
    console: httpx.Client, platform: Platform, link: tuple[Share, str], tmp_path: Path
) -> None:
    share, address = link
    download, check = map(html.unescape, re.findall(r"<pre><code>(.*?)</code>", console.get(address).text))
    broken = tmp_path / share.files[2].path
    broken.parent.mkdir(parents=True)
    broken.write_bytes(lying(platform, share.files[2].path).read_bytes()[:100])
    for ends in (0, 22):  # given again where all is there, curl tells that nothing came
        done = subprocess.run(["bash", "-c", download], cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == ends, done.stderr
        subprocess.run(["bash", "-euo", "pipefail", "-c", check], cwd=tmp_path, check=True, capture_output=True)
        for file in share.files:
            assert (tmp_path / file.path).read_bytes() == lying(platform, file.path).read_bytes()
    broken.write_bytes(b"x" * share.files[2].bytes)  # and what came otherwise is told
    assert subprocess.run(["bash", "-c", check], cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_a_link_that_is_not_whole_or_altered_leads_nowhere(
    console: httpx.Client, platform: Platform, link: tuple[Share, str]
) -> None:
    share, address = link
    token = address.split("/")[2]
    other = "A" if token[-1] != "A" else "B"
    for wrong in (token[:-1] + other, other + token[1:], token[:-1], token + "A", "x", "a" * 43, f"{share.id}", "%00"):
        for what in ("", "share.json", f"files/{share.files[1].path}"):
            assert code(console.get(f"/share/{wrong}/{what}")) == (404, "unknown_share")
    # The name of a record is only the beginning of the digest: all of it is compared.
    record = lying(platform, f"shares/{share.id}.json")
    kept = record.read_text()
    digest = share.token_sha256
    record.write_text(kept.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1")))
    assert code(console.get(address)) == (404, "unknown_share")
    record.write_text(kept)
    assert console.get(address).status_code == 200
    assert token not in "".join(path.read_text() for path in record.parent.iterdir())


def test_an_expired_and_a_revoked_link_say_so(console: httpx.Client, platform: Platform) -> None:
    book = ShareBook(platform.store, platform.dataset.name)
    past, ended = shared(platform, now=dt.datetime.now(dt.UTC) - WEEK - dt.timedelta(seconds=5))
    revoked, withdrawn = shared(platform)
    assert console.get(withdrawn).status_code == 200
    assert book.revoke(revoked.id[:6]).revoked is not None
    for share, address, why in ((past, ended, "expired"), (revoked, withdrawn, "revoked")):
        for what in ("", "share.json", "curl.txt", "SHA256SUMS", f"files/{share.files[1].path}"):
            assert code(console.get(f"{address}{what}")) == (410, why)
        page = console.get(address, headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (410, "text/html; charset=utf-8")
        assert "Ask for a new one." in page.text
    assert [one.state(dt.datetime.now(dt.UTC)) for one in book.all() if one.id == revoked.id] == ["revoked"]


def test_nothing_else_of_the_store_is_reached(
    console: httpx.Client, platform: Platform, link: tuple[Share, str]
) -> None:
    share, address = link
    others = [path for path in lying(platform, "").rglob("*") if path.is_file()]
    unshared = [str(path.relative_to(lying(platform, ""))) for path in others]
    unshared = [path for path in unshared if share.file_at(path) is None]
    assert any(path.startswith("feature_shards/") for path in unshared)
    tries = [*unshared[::7], *(path for path in unshared if path.startswith(("shares/", "feature_shards/")))]
    first = share.files[1].path
    tries += [f"../shares/{share.id}.json", f"..%2fshares%2f{share.id}.json", "%2e%2e/%2e%2e/landing", "/etc/passwd"]
    tries += [f"./{first}", f"{first}/", f"{first}%00", f"feature_shards/../{first}", f"{first.replace('/', '//')}", ""]
    tries += [f"x/../{first}", f"{first.replace('/', '%5c')}", f"../drawn/{first}"]
    connection = http.client.HTTPConnection(console.base_url.host, console.base_url.port)
    for path in tries:  # as they are written: a client of ours would tidy them
        connection.request("GET", f"{address}files/{path}")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["error"]["code"]) == (404, "not_shared"), path
    connection.close()


def test_what_was_replaced_is_told_and_never_answered(console: httpx.Client, platform: Platform) -> None:
    share, address = shared(platform)
    file = share.files[2]
    at, path = f"{address}files/{file.path}", lying(platform, file.path)
    kept = path.read_bytes()
    # Another size, other bytes of the same size, and nothing at all.
    for other in (kept + b"x", kept[:-1] + bytes([kept[-1] ^ 1]), None):
        path.unlink()
        if other is not None:
            path.write_bytes(other)
        answer = console.get(at, headers={"range": "bytes=0-9"})
        assert code(answer) == (410, "replaced")
        assert "Ask for a new link" in answer.json()["error"]["message"]
        assert "not there any more" in console.get(address).text
        assert got(console, f"{address}files/{share.files[1].path}").status_code == 200
    # The same bytes anew, as a store that was copied or a partition that was published again has them.
    path.write_bytes(kept)
    if platform.store.local is not None:  # a bucket calls a state by its content: this one is what it was
        os.utime(path, ns=(1, 1))
    assert got(console, at).content == kept
    assert "not there any more" not in console.get(address).text


def test_what_is_replaced_between_looking_and_reading_is_not_answered_either(
    platform: Platform, link: tuple[Share, str]
) -> None:
    sharing, file = Sharing.of(platform.dataset, platform.store), link[0].files[1]
    request = Request({"type": "http", "method": "GET", "headers": []})
    with pytest.raises(Refused, match="replaced"):
        asyncio.run(_content(request, sharing, file, Part(0, 5, file.bytes), '"a state of before"'))


def test_under_the_name_for_links_nothing_else_is_answered(console: httpx.Client, link: tuple[Share, str]) -> None:
    share, address = link

    def asked(path: str, method: str = "GET", **headers: str) -> int:
        named = {"host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return console.request(method, path, headers=named, follow_redirects=True).status_code

    assert asked(address) == 200
    assert asked(f"{address}files/{share.files[1].path}") == 200
    assert asked("/static/console.css") == 200
    assert console.get(address, headers={"host": NAME, "x-forwarded-proto": "https"}).text.count(f"https://{NAME}/")
    for other in ("/", "/v1/status", "/v1/images", "/metrics", "/healthz", f"/enter?token={TOKEN}", "/share"):
        assert asked(other) == 403, other
    # Dots lead nowhere, here as little as among the files.
    for dotted in (
        "/share/../v1/status",
        "/static/../v1/status",
        "/share/%2e%2e/v1/status",
        "/static/..%2fv1%2fstatus",
    ):
        connection = http.client.HTTPConnection(console.base_url.host, console.base_url.port)
        connection.request("GET", dotted, headers={"host": NAME})
        assert connection.getresponse().status in (403, 404), dotted
        connection.close()
    assert asked(address, "POST") == 403
    assert asked(address, "DELETE") == 403
    assert asked(address, host="other.example.org") == 403
    # A page of others leads here by a link, and reads nothing.
    followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert asked(address, **followed) == 200
    assert asked(address, origin="http://evil.example") == 403
    assert asked(address, sec_fetch_site="cross-site", sec_fetch_mode="cors") == 403


def test_a_download_is_logged_without_the_link(
    console: httpx.Client,
    platform: Platform,
    link: tuple[Share, str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    share, address = link
    token = address.split("/")[2]
    file = share.files[1]
    with caplog.at_level(logging.DEBUG, logger="uvicorn"), caplog.at_level(logging.INFO, logger=DOWNLOADS.name):
        console.get(f"{address}files/{file.path}", headers={"range": "bytes=2-9"})
        console.get(f"{address}files/nothing")
    status = 206 if platform.store.local is not None else 307
    said = f"share {share.id}: GET {file.path}, bytes 2 to 10 of {file.bytes}, {status}, for 127.0.0.1"
    assert [one.getMessage() for one in caplog.records if one.name == DOWNLOADS.name] == [said]
    written = capfd.readouterr()
    assert token not in caplog.text + written.out + written.err + console.get("/metrics").text
    assert str(SECOND) not in said
