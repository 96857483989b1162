"""The report in a real browser: it asks for nothing, and fits on wide and narrow screens, light and dark."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from image_assets.exploration.label_statistics import label_statistics
from image_assets.exploration.report import report_of
from tests.exploration.made import image_statistics, made_annotations


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    statistics = image_statistics(2_000, 40, 5, colours=True)
    labels = label_statistics(made_annotations(300, 60))
    file.write_text(report_of("made_up", "Made-up images.", statistics, labels).html, encoding="utf-8")
    return file


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def requests(browser: Any, file: Path) -> list[str]:
    """Addresses that the browser wants for a file, beside the file itself."""
    wanted: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: wanted.append(request.url))
    page.goto(file.as_uri(), wait_until="load")  # pictures included
    page.close()
    return [address for address in wanted if address != file.as_uri() and not address.startswith("data:")]


def test_no_request_leaves_the_page_and_one_that_is_planted_is_stopped(
    browser: Any, page_file: Path, tmp_path: Path, elsewhere: tuple[str, list[str]]
) -> None:
    address, asked = elsewhere
    assert requests(browser, page_file) == []
    page = page_file.read_text(encoding="utf-8").replace("</main>", f'<img src="{address}/pixel.png"></main>')
    planted, without = tmp_path / "planted.html", tmp_path / "without.html"
    planted.write_text(page, encoding="utf-8")
    # The browser sees it, and the page's own policy stops it.
    assert requests(browser, planted) == [f"{address}/pixel.png"]
    assert asked == []
    without.write_text(page.replace("Content-Security-Policy", "X-Nothing"), encoding="utf-8")
    assert requests(browser, without) == [f"{address}/pixel.png"]
    assert asked == ["/pixel.png"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_the_screen_and_can_be_read(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("figure svg").count() == 19
    luminance = """element => { const [r, g, b] = getComputedStyle(element)
        .getPropertyValue('%s').match(/\\d+/g).map(Number); return (r + g + b) / 3 }"""
    paper = page.locator("body").evaluate(luminance % "background-color")
    writing = page.locator("figure svg text").first.evaluate(luminance % "fill")
    assert (paper > 200) == (scheme == "light")
    assert abs(paper - writing) > 150
    # Nothing that is drawn is outside of its picture.
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.bottom > frame.bottom + 2
                    || box.top < frame.top - 2 }).map(text => text.textContent) })"""
    )
    assert outside == []
    # On a phone a plot is scrolled, not shrunk until nothing on it can be read.
    smallest = page.locator("figure svg text").first.evaluate("text => text.getBoundingClientRect().height")
    assert smallest >= 9
    page.close()


def test_what_a_figure_means_unfolds_without_a_script(browser: Any, page_file: Path) -> None:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 360, "height": 900})
    page.goto(page_file.as_uri())
    asked = page.get_by_text("What is meant by brightness").first
    meaning = page.get_by_text("The mean luma of a picture")
    assert not meaning.is_visible()
    asked.focus()
    page.keyboard.press("Enter")
    assert meaning.is_visible()
    page.close()
