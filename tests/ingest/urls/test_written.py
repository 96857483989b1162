"""URLs go out as they are written: signed ones are valid for these bytes alone."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from image_assets.ingest.urls.guard import checked_url
from image_assets.ingest.urls.written import redirected
from tests.ingest.urls.downloading import Arrived
from tests.ingest.urls.web import Site, content, redirect, status

Arriving = Callable[..., Arrived]

SIGNED = "/it%27s%28a%29%2Fb.png?sig=a%2Fb%3D%3d&n=two%20words+and%2Bplus&e=&x=%7e!$'()*,;:@/?[]|"
PATH_CHARS = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/"


def asked(text: str) -> str:
    return checked_url(text, (80, 443), ()).raw_path_qs


@given(
    st.lists(st.sampled_from([*PATH_CHARS, "%2F", "%2f", "%20", "%E4", "%00"])).map("".join),
    st.lists(st.sampled_from([*PATH_CHARS, "?", "%2B", "%26", "%3d", "%c3%a4"])).map("".join),
)
def test_a_valid_url_goes_out_as_it_is_written(path: str, query: str) -> None:
    segments = path.split("/")
    if {".", ".."} & set(segments):
        return
    rest = f"/{path}?{query}" if query else f"/{path}"
    assert asked(f"https://gallery.example{rest}") == rest


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/two words.png", "/two%20words.png"),
        ("/Eule ä.png?n=ü&sig=a%2Fb", "/Eule%20%C3%A4.png?n=%C3%BC&sig=a%2Fb"),
        ("/100%.png?a=50%", "/100%25.png?a=50%25"),
        ("/a/../b%27.png", "/b'.png"),
        ("/a/%2E%2e/b.png", "/b.png"),
        ("", "/"),
        ("?a=%2F", "/?a=%2F"),
        ("/a.png#b?c", "/a.png"),
        ("/caf\udce9.png", "/caf%E9.png"),
    ],
)
def test_what_no_url_may_hold_is_encoded_and_nothing_else(written: str, sent: str) -> None:
    assert asked(f"https://gallery.example{written}") == sent


@pytest.mark.parametrize(
    ("target", "whole"),
    [
        ("https://b.example/x%27?y=%2F", "https://b.example/x%27?y=%2F"),
        ("//b.example/x%27", "https://b.example/x%27"),
        ("/x%27//y", "https://a.example:8443/x%27//y"),
        ("x%27?z", "https://a.example:8443/d%27//x%27?z"),
        ("?y=%2F", "https://a.example:8443/d%27//e.png?y=%2F"),
        ("", "https://a.example:8443/d%27//e.png?q=%2B"),
        ("#top", "https://a.example:8443/d%27//e.png?q=%2B"),
    ],
)
def test_a_redirect_leads_where_it_says(target: str, whole: str) -> None:
    assert redirected(URL("https://a.example:8443/d%27//e.png?q=%2B", encoded=True), target) == whole


def test_signed_urls_are_served_also_after_redirects(site: Site, arrived: Arriving) -> None:
    site.fallback = lambda _: status(403)
    site.pages = {SIGNED: content(b"A"), "/go": redirect(SIGNED), "/far": redirect(site.url(SIGNED), 307)}
    found = arrived(*(site.url(path) for path in (SIGNED, "/go", "/far"))).fetch()
    assert found.results() == [b"A", b"A", b"A"]
    assert site.requests[SIGNED] == 3


def test_a_redirect_in_another_encoding_is_followed_byte_by_byte(site: Site, arrived: Arriving) -> None:
    site.pages = {"/go": redirect("/caf\xe9 1.png"), "/caf%E9%201.png": content(b"A")}
    assert arrived(site.url("/go")).fetch().results() == [b"A"]


def test_robots_txt_is_heard_however_a_url_is_written(site: Site, arrived: Arriving) -> None:
    rules = b"User-agent: *\nDisallow: /private/\nDisallow: /it's\n"
    site.pages = {"/robots.txt": content(rules), "/open%27.png": content(b"A")}
    paths = ("/private/a", "/%70rivate/a", "/open/../private/a", "/it%27s.png", "/it's.png", "/open%27.png")
    found = arrived(*(site.url(path) for path in paths), robots=True).fetch()
    assert found.results() == [*["disallowed_by_robots"] * 5, b"A"]


def test_what_was_refused_by_an_earlier_version_is_tried_again(
    site: Site, arrived: Arriving, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.pages = {"/a": status(403)}
    with monkeypatch.context() as earlier:
        earlier.setattr("image_assets.ingest.urls.source._VERSION", 1)
        found = arrived(site.url("/a")).fetch()
        assert found.results() == ["http_error"]
    site.pages = {"/a": content(b"A")}
    assert found.fetch().results() == [b"A"]
