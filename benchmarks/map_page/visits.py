"""What a visitor of the map waits for, in a browser that draws with its processor."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.browser import chromium_program

SCREEN = {"width": 1280, "height": 800}
# Notes, frame by frame, when the picture is there and when all points are; and frame times while asked to.
_WATCH = """
window.noted = {};
const look = now => {
  const picture = document.querySelector('#density'), map = document.querySelector('#map');
  if (picture?.complete && picture.naturalWidth) noted.picture ??= performance.now();
  if (map?.dataset.shown) noted.shown ??= performance.now();
  if (map?.classList.contains('drawn')) noted.points ??= performance.now();
  if (window.frames_of) { if (window.before) frames_of.push(now - before); window.before = now }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# Milliseconds from the end of what somebody does until an attribute of the map is another one and a frame was drawn.
_UNTIL = """attribute => new Promise(done => {
  const map = document.querySelector('#map'), before = map.getAttribute(attribute); let began = 0;
  addEventListener('pointerup', () => began = performance.now(), { capture: true, once: true });
  const seen = new MutationObserver(() => { if (map.getAttribute(attribute) === before) return; seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => window.waited = performance.now() - began)) });
  seen.observe(map, { attributeFilter: [attribute] }); done();
})"""


class Visited(NamedTuple):
    """One visit, times in milliseconds since the page was asked for.

    Attributes:
        picture: Until the picture of the density was there.
        points: Until all points were drawn.
        panning: Of each frame while the map was moved.
        lasso: From the end of the line until what it holds was shown.
        filtered: From a click until a filter's outcome was shown.
        received: Bytes of the columns' answers by the last part of their addresses.
        scripts: Bytes of all scripts of the page, gzipped.
    """

    picture: float
    points: float
    panning: list[float]
    lasso: float
    filtered: float
    received: dict[str, int]
    scripts: int


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a graphics card."""
    with sync_playwright() as started:
        flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        opened = started.chromium.launch(executable_path=chromium_program(), args=flags)
        yield opened
        opened.close()


def visit(browser: Any, url: str) -> Visited:
    """Open the map with nothing kept of before, move it, draw a lasso, and filter."""
    context = browser.new_context(viewport=SCREEN)
    page = context.new_page()
    page.add_init_script(_WATCH)
    received: dict[str, int] = {}
    scripts: list[bytes] = []

    def note(answer: Any) -> None:
        path = urlsplit(answer.url).path
        if path.startswith("/v1/map"):
            received[path.rpartition("/")[2]] = int(answer.headers.get("content-length", 0))
        elif path.endswith(".js"):
            scripts.append(answer.body())

    page.on("response", note)
    page.goto(f"{url}/map")
    page.locator("#map.drawn").wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    noted = page.evaluate("noted")
    panning = _panned(page)
    page.keyboard.press("0")
    page.wait_for_timeout(1_500)
    lasso = _lassoed(page)
    filtered = _filtered(page)
    context.close()
    gzipped = sum(len(gzip.compress(one, 9)) for one in scripts)
    return Visited(noted["picture"], noted["points"], panning, lasso, filtered, received, gzipped)


def _panned(page: Any) -> list[float]:
    box = page.locator("#plane").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("window.before = 0; window.frames_of = []")
    for step in range(90):
        page.mouse.move(x + 120 * math.sin(step / 9), y + 60 * math.cos(step / 7))
    frames = page.evaluate("const all = frames_of; window.frames_of = null; all")
    page.mouse.up()
    return frames


def _lassoed(page: Any) -> float:
    box = page.locator("#plane").bounding_box()
    x, y, reach = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["height"] / 4
    page.keyboard.press("l")
    page.evaluate(_UNTIL, "data-held")
    for step in range(60):
        turn = step / 60 * 2 * math.pi
        page.mouse.move(x + reach * math.cos(turn), y + reach * math.sin(turn))
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_function("() => window.waited", timeout=60_000)
    return page.evaluate("const it = waited; window.waited = 0; it")


def _filtered(page: Any) -> float:
    page.evaluate(_UNTIL, "data-shown")
    page.locator("#legend li input:visible").first.click()
    page.wait_for_function("() => window.waited", timeout=60_000)
    return page.evaluate("waited")
