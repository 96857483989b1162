"""Downloads: what arrives, what is tried again, what is remembered."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import time
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path

import pytest

from image_assets.ingest.source import SourceError, SourceUnreadable
from image_assets.workers import no_progress
from tests.ingest.urls.downloading import FIRST, MAX_BYTES, Arrived, write_list
from tests.ingest.urls.web import Site, content, cut_off, endless, in_turn, redirect, slow, status

Arriving = Callable[..., Arrived]


def test_every_row_is_a_file_with_its_content_or_its_reason(site: Site, arrived: Arriving) -> None:
    site.pages = {"/a.jpg": content(b"A"), "/b.jpg": content(b"B"), "/empty": content(b""), "/gone": status(410)}
    urls = [site.url(path) for path in ("/a.jpg", "/gone", "/b.jpg", "/empty", "/a.jpg")]
    found = arrived(*urls, "", "no url at all").fetch()
    assert found.results() == [b"A", "http_error", b"B", b"", b"A", "url_not_allowed", "url_not_allowed"]
    sources = [file.source for file in found.files()]
    assert sources[0] == f"{FIRST}/urls.csv row 0000001: {urls[0]}"
    assert sources[4] == f"{FIRST}/urls.csv row 0000005: {urls[0]}"
    assert "status 410" in found.details()[1]
    assert [file.bytes for file in found.files()] == [1, 0, 1, 0, 1, 0, 0]


def test_a_url_of_several_rows_is_downloaded_once(site: Site, arrived: Arriving) -> None:
    site.pages["/a.jpg"] = slow(content(b"A"), 0.05)
    assert arrived(*[site.url("/a.jpg")] * 30).fetch().results() == [b"A"] * 30
    assert site.requests["/a.jpg"] == 1


def test_what_is_here_is_not_downloaded_again(site: Site, arrived: Arriving) -> None:
    site.pages = {"/a.jpg": content(b"A"), "/late.jpg": in_turn(status(404), content(b"late"))}
    found = arrived(site.url("/a.jpg"), site.url("/late.jpg")).fetch().fetch()
    assert found.results() == [b"A", "http_error"]
    assert site.requests == {"/a.jpg": 1, "/late.jpg": 1}


def test_what_failed_for_good_is_tried_again_once_a_list_changes(site: Site, arrived: Arriving) -> None:
    site.pages = {"/a.jpg": content(b"A"), "/late.jpg": in_turn(status(404), content(b"late"))}
    found = arrived(site.url("/a.jpg"), site.url("/late.jpg")).fetch()
    write_list(found.landing / str(FIRST) / "more" / "urls.csv", [site.url("/a.jpg")])
    found.fetch()
    assert sorted(map(str, found.results())) == sorted(map(str, [b"A", b"late", b"A"]))
    assert site.requests == {"/a.jpg": 1, "/late.jpg": 2}


def test_what_can_pass_is_tried_again_within_the_run_and_in_the_next(site: Site, arrived: Arriving) -> None:
    busy = status(503)
    site.pages = {"/soon": in_turn(busy, busy, content(b"S")), "/later": in_turn(busy, busy, busy, content(b"L"))}
    found = arrived(site.url("/soon"), site.url("/later"), retries=2).fetch()
    assert found.results() == [b"S", "http_error"]
    assert "status 503" in found.details()[1]
    assert found.fetch().results() == [b"S", b"L"]
    assert site.requests == {"/soon": 3, "/later": 4}


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451])
def test_what_is_wrong_with_a_request_is_not_tried_again(site: Site, arrived: Arriving, code: int) -> None:
    site.pages["/a"] = status(code)
    assert arrived(site.url("/a")).fetch().fetch().results() == ["http_error"]
    assert site.requests["/a"] == 1


@pytest.mark.parametrize("form", ["seconds", "date", "nonsense"])
def test_a_server_that_asks_for_time_gets_it(site: Site, arrived: Arriving, form: str) -> None:
    in_a_second = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    wait = {"seconds": "1", "date": format_datetime(in_a_second, usegmt=True), "nonsense": "soon"}[form]
    site.pages["/a"] = in_turn(status(429, Retry_After=wait), content(b"A"))
    assert arrived(site.url("/a")).fetch().results() == [b"A"]


def test_a_server_that_asks_for_an_hour_is_left_to_the_next_run(site: Site, arrived: Arriving) -> None:
    site.pages["/a"] = in_turn(status(429, Retry_After="3600"), content(b"A"))
    found = arrived(site.url("/a")).fetch()
    assert found.results() == ["http_error"]
    assert site.requests["/a"] == 1
    assert found.fetch().results() == [b"A"]


def test_a_body_that_breaks_off_is_not_kept(site: Site, arrived: Arriving) -> None:
    site.pages["/a"] = in_turn(cut_off(1000, b"half"), content(b"whole"))
    found = arrived(site.url("/a"), retries=0).fetch()
    assert found.results() == ["connection_failed"]
    assert found.fetch().results() == [b"whole"]


def test_nobody_there(site: Site, arrived: Arriving) -> None:
    found = arrived("http://127.0.0.1:9/a", "http://no-such-host.localhost./a", retries=0).fetch()
    assert found.results() == ["connection_failed", "host_not_found"]


def test_a_host_that_never_answers_is_left_alone(site: Site, arrived: Arriving) -> None:
    async def hang_up(writer: object) -> None:
        raise ConnectionResetError

    site.fallback = lambda _: hang_up
    found = arrived(*(site.url(f"/{i}") for i in range(200)), retries=0, per_host=2).fetch()
    assert found.results() == ["connection_failed"] * 200
    assert "left alone after 2" in found.details()[-1]
    assert len(site.requests) <= 22


@pytest.mark.parametrize("robots", [True, False])
def test_a_host_that_is_not_well_is_left_alone_and_tried_again(site: Site, arrived: Arriving, robots: bool) -> None:
    site.fallback = lambda _: status(503)
    urls = [site.url(f"/{i}") for i in range(400)]
    found = arrived(*urls, retries=1, per_host=10, robots=robots).fetch()
    assert found.results() == ["http_error"] * 400
    assert "left alone after 3" in found.details()[-1]
    assert sum(site.requests.values()) <= 310
    site.fallback = lambda path: None if path == "/robots.txt" else content(b"A")
    assert found.fetch().results() == [b"A"] * 400


def test_a_host_is_asked_so_often_at_a_time_and_no_more(site: Site, arrived: Arriving) -> None:
    site.fallback = lambda path: slow(content(path.encode()), 0.01)
    found = arrived(*(site.url(f"/{i}") for i in range(60)), per_host=3, concurrency=50).fetch()
    assert found.results() == [f"/{i}".encode() for i in range(60)]
    assert site.at_a_time == 3


def test_redirects_are_followed_so_far_and_no_further(site: Site, arrived: Arriving) -> None:
    site.pages = {
        "/a": redirect("/b"),
        "/b": redirect(site.url("/c"), 301),
        "/c": content(b"C"),
        "/loop": redirect("/loop"),
    }
    found = arrived(site.url("/a"), site.url("/loop"), max_redirects=3).fetch()
    assert found.results() == [b"C", "too_many_redirects"]
    assert site.requests["/loop"] == 4
    site.requests.clear()
    assert found.fetch().results() == [b"C", "too_many_redirects"]
    assert not site.requests


def test_what_is_too_large_is_not_downloaded_to_its_end(site: Site, arrived: Arriving) -> None:
    site.pages = {
        "/just": content(bytes(MAX_BYTES)),
        "/over": content(bytes(MAX_BYTES + 1)),
        "/claims": cut_off(10**15, b"x"),
        "/endless": endless(bytes(10_000), 0),
    }
    found = arrived(*(site.url(path) for path in site.pages)).fetch()
    assert found.results() == [bytes(MAX_BYTES), *["too_many_bytes"] * 3]
    assert found.fetch().results() == [bytes(MAX_BYTES), *["too_many_bytes"] * 3]
    assert set(site.requests.values()) == {1}


def test_identity_is_asked_for_and_gzip_is_read_within_the_limit(site: Site, arrived: Arriving) -> None:
    bomb = gzip.compress(bytes(300_000_000), compresslevel=1)
    site.pages = {
        "/gzip": content(gzip.compress(b"A" * 5000), Content_Encoding="gzip"),
        "/exact": content(gzip.compress(bytes(MAX_BYTES)), Content_Encoding="GZIP"),
        "/bomb": content(bomb[:90_000], Content_Encoding="gzip"),
        "/half": content(gzip.compress(b"A" * 5000)[:-9], Content_Encoding="gzip"),
        "/no gzip".replace(" ", "-"): content(b"plain", Content_Encoding="gzip"),
        "/brotli": content(b"A", Content_Encoding="br"),
    }
    found = arrived(*(site.url(path) for path in site.pages), retries=0).fetch()
    assert found.results() == [
        b"A" * 5000,
        bytes(MAX_BYTES),
        "too_many_bytes",
        "connection_failed",
        "connection_failed",
        "http_error",
    ]
    assert "Accept-Encoding: identity" in site.headers["/gzip"]


def test_time_is_bounded_however_the_bytes_trickle(site: Site, arrived: Arriving) -> None:
    site.pages = {
        "/trickle": endless(b"x", 0.02),
        "/headers": endless(b"X-More: 1\r\n", 0.02, b"HTTP/1.1 200 OK\r\n"),
        "/silent": endless(b"", 0.02, b""),
        "/fast": content(b"F"),
    }
    found = arrived(*(site.url(path) for path in site.pages), download_seconds=0.5, retries=0).fetch()
    trickle, headers, silent, fast = found.results()
    assert (trickle, silent, fast) == ("timed_out", "timed_out", b"F")
    assert headers in ("timed_out", "connection_failed")


def test_headers_without_end_are_a_failure(site: Site, arrived: Arriving) -> None:
    many = {f"X-{i}": "y" for i in range(1_000)}
    site.pages = {
        "/many": content(b"A", **many),
        "/long": content(b"A", X_Long="y" * 100_000),
        "/flood": endless(b"X-More: " + b"y" * 8_000 + b"\r\n", 0, b"HTTP/1.1 200 OK\r\n"),
        "/nonsense": endless(b"\x00\xff" * 500, 0, b""),
    }
    found = arrived(*(site.url(path) for path in site.pages), retries=0).fetch()
    assert found.results() == ["connection_failed"] * 4


def test_robots_are_asked_once_and_heard(site: Site, arrived: Arriving) -> None:
    rules = b"User-agent: *\nDisallow: /\n\nUser-agent: polite-bot\nDisallow: /private/\nCrawl-delay: 0.01\n"
    site.pages = {
        "/robots.txt": content(rules),
        "/a": content(b"A"),
        "/private/b": content(b"B"),
        "/c": redirect("/private/b"),
    }
    urls = [site.url(path) for path in ("/a", "/private/b", "/c")]
    found = arrived(*urls, robots=True, user_agent="polite-bot/1.0 (+mailto:me@example.org)").fetch()
    assert found.results() == [b"A", "disallowed_by_robots", "disallowed_by_robots"]
    assert site.requests == {"/robots.txt": 1, "/a": 1, "/c": 1}
    assert "User-Agent: polite-bot/1.0 (+mailto:me@example.org)" in site.headers["/a"]


def test_robots_can_be_switched_off(site: Site, arrived: Arriving) -> None:
    site.pages = {"/robots.txt": content(b"User-agent: *\nDisallow: /\n"), "/a": content(b"A")}
    assert arrived(site.url("/a"), robots=True).fetch().results() == ["disallowed_by_robots"]
    assert arrived(site.url("/a"), robots=False).fetch().results() == [b"A"]
    assert site.requests == {"/robots.txt": 1, "/a": 1}


@pytest.mark.parametrize(
    ("robots", "result"),
    [
        (status(404), b"A"),
        (status(403), b"A"),
        (content(b"\xff\xfe\x00 no robots"), b"A"),
        (content(b"User-agent: *\nDisallow:\n" + b"# x\n" * 300_000), b"A"),
        (redirect("/elsewhere"), b"A"),
        (status(503), "http_error"),
    ],
    ids=["none", "forbidden", "nonsense", "endless", "redirected", "not well"],
)
def test_robots_of_all_kinds(site: Site, arrived: Arriving, robots: object, result: object) -> None:
    site.pages = {"/robots.txt": robots, "/a": content(b"A")}  # pyright: ignore[reportAttributeAccessIssue]
    assert arrived(site.url("/a"), robots=True, retries=0).fetch().results() == [result]


def test_proxies_of_the_environment_are_not_used(
    site: Site, arrived: Arriving, canary: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url(""))
    site.pages["/a"] = content(b"A")
    before = canary.connections
    assert arrived(site.url("/a")).fetch().results() == [b"A"]
    assert canary.connections == before


def test_no_password_and_no_signature_gets_into_a_table(site: Site, arrived: Arriving) -> None:
    url = site.url("/a?size=2&X-Amz-Signature=hidden&token=hidden#x").replace("http://", "http://me:hidden@")
    found = arrived(url, site.url("/b?sig=hidden")).fetch()
    assert found.results() == ["url_not_allowed", "http_error"]
    assert all("hidden" not in text for text in (*found.details(), *(file.source for file in found.files())))
    assert "/a?size=2&X-Amz-Signature=…&token=…#x" in found.files()[0].source
    kept = [path.read_text() for path in found.source.staging.rglob("*") if path.is_file()]
    assert kept
    assert all("hidden" not in text for text in kept)


def test_progress_counts_every_row(site: Site, arrived: Arriving) -> None:
    site.pages["/a"] = content(b"A")
    said: list[tuple[int, int]] = []
    found = arrived(site.url("/a"), site.url("/a"), site.url("/b"), "x")
    found.source.fetch(FIRST, "cat", lambda done, total: said.append((done, total)))
    assert said == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_room_ends_the_run_and_says_so(site: Site, arrived: Arriving, tmp_path: Path) -> None:
    site.pages["/a"] = content(b"A")
    (tmp_path / "staging").write_text("in the way")
    with pytest.raises(SourceError, match=r"staging .*: Not a directory; make room or name another folder"):
        arrived(site.url("/a")).fetch()


def test_parts_of_a_killed_run_are_removed_and_young_ones_left(site: Site, arrived: Arriving) -> None:
    site.pages["/a"] = content(b"A")
    found = arrived(site.url("/a"), download_seconds=1)
    parts = found.source.staging / "urls" / str(FIRST) / "parts"
    parts.mkdir(parents=True)
    for name, age in (("old", 3600), ("young", 0)):
        (parts / name).write_bytes(b"half")
        os.utime(parts / name, (time.time() - age, time.time() - age))
    found.fetch()
    assert [path.name for path in parts.iterdir()] == ["young"]


def test_what_was_not_fetched_is_listed_and_says_so(arrived: Arriving, site: Site) -> None:
    found = arrived(site.url("/a"))
    with pytest.raises(SourceUnreadable, match="not downloaded yet; run this partition again"):
        found.results()
    found.source.fetch(FIRST, "dog", no_progress)
    with pytest.raises(SourceUnreadable, match="not downloaded yet"):
        found.results()
