"""Who is answered: pages and programs of this machine, under its own names. Changes need the token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from image_assets.console.guard import LOOPBACK, SECURITY_HEADERS, refusal_of, token_of
from image_assets.errors import UsageError
from tests.console.served import TOKEN

OWN = "127.0.0.1:9797"


def code(method: str = "GET", **headers: str) -> str | None:
    named = {name.replace("_", "-"): value for name, value in {"host": OWN, **headers}.items()}
    refused = refusal_of(method, named, LOOPBACK)
    return refused.code if refused else None


@pytest.mark.parametrize("host", ["127.0.0.1", OWN, "localhost:9797", "LOCALHOST:1", "[::1]:9797", "[::1]"])
def test_the_machine_s_own_names_are_answered(host: str) -> None:
    assert code(host=host) is None
    assert code("POST", host=host, origin=f"http://{host}", sec_fetch_site="same-origin") is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:9797", "127.0.0.1.evil.example", "127.0.0.1@evil", "::1"]
)
def test_names_that_were_made_to_lead_here_are_not(host: str) -> None:
    assert code(host=host) == "host_not_allowed"


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:9798", "http://localhost:9797", "x"]
)
def test_pages_of_other_origins_are_not_answered(origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert code(method, origin=origin) == "other_origin"


def test_what_a_browser_says_of_the_page_counts_where_it_tells_no_origin() -> None:
    assert code(sec_fetch_site="cross-site") == "other_origin"
    assert code(sec_fetch_site="same-site") == "other_origin"
    assert code(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe") == "other_origin"
    followed = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert code(**followed) is None
    assert code("POST", **followed) == "other_origin"
    assert code(sec_fetch_site="none") is None


def test_a_refusal_is_an_answer_of_the_served_console(console: httpx.Client) -> None:
    answer = console.post("/v1/classify", content=b"x", headers={"origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_origin")
    assert console.get("/healthz", headers={"host": "evil.example"}).status_code == 403


def test_every_answer_has_the_headers_and_none_lets_others_read(console: httpx.Client) -> None:
    for address in ("/docs", "/openapi.json", "/v1/nothing", "/static/console.css", "/healthz"):
        headers = console.get(address).headers
        assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "server" not in headers


def test_the_link_with_the_token_leaves_it_with_the_browser(console: httpx.Client) -> None:
    answer = console.get(f"/enter?token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert TOKEN in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    for wrong in ("", "?token=", "?token=nearly", "?token=%C3%A4"):
        assert console.get(f"/enter{wrong}").status_code == 401
    console.cookies.clear()


def test_a_token_is_long_and_new_ones_differ() -> None:
    assert len({token_of("") for _ in range(3)}) == 3
    assert token_of(TOKEN) == TOKEN
    for wrong in ("short", "with blanks and more", "a" * 15, "ä" * 20):
        with pytest.raises(UsageError, match="IMAGE_ASSETS_CONSOLE_TOKEN"):
            token_of(wrong)


_PAGE = """<!doctype html><title>of others</title><script>
async function ask(path, how) {{
  try {{ const answer = await fetch("{console}" + path, how); return answer.type + " " + answer.status; }}
  catch (error) {{ return "refused"; }}
}}
function load(path) {{
  return new Promise((done) => {{
    const image = new Image();
    image.onload = () => done("shown"); image.onerror = () => done("refused");
    image.src = "{console}" + path;
  }});
}}
</script>"""


@pytest.fixture
def page_of_others(console: httpx.Client) -> Iterator[str]:
    """The address of a page of another origin that asks the console."""
    content = _PAGE.format(console=str(console.base_url)).encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # as the library calls it
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_browser_that_shows_a_page_of_others_gets_nothing(
    console: httpx.Client, page_of_others: str, chromium: str
) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(locale="en-US")
        page.goto(page_of_others)
        assert page.evaluate('ask("/healthz", {})') == "refused"
        assert page.evaluate('ask("/v1/classify", {method: "POST", body: new FormData()})') == "refused"
        assert page.evaluate('load("/static/icon.svg")') == "refused"
        statuses: list[int] = []
        page.on("response", lambda answer: statuses.append(answer.status))
        page.evaluate('ask("/healthz", {mode: "no-cors"})')
        page.evaluate('ask("/v1/classify", {method: "POST", mode: "no-cors", body: "x"})')
        assert set(statuses) <= {403}
        # The same in a page of the console's own is answered.
        page.goto(f"{console.base_url}/docs")
        assert page.evaluate('fetch("/healthz").then((answer) => answer.status)') == 200
        browser.close()
