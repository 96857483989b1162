"""Every page that is written or served, of images with hostile words all over them, in a real browser.

The pages are looked at without their policies, which would stop much of what gets through: nothing runs, nobody
else is asked for anything, and what does not print is shown as what it is.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx
import pytest
from starlette.routing import Route

from image_assets.classifier.places import current_manifest
from image_assets.console import rendering
from image_assets.console.app import ConsoleSettings, console_app
from image_assets.schema import RAW_IMAGES
from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from tests.browser import drawing_browser
from tests.console.served import TOKEN, served, settings_of
from tests.hostile.planted import HOUR, planted, said_by, say_of_it
from tests.hostile.sweep import Sweep
from tests.hostile.words import ELSEWHERE, NAMES, WORDS
from tests.pictures import picture
from tests.platform import FIRST, Platform

ANSWERED_TO_PROGRAMS = re.compile(
    r"/v[12](/|$)|/static/|/metrics$|/openapi\.json$|/healthz$|/readyz$|/enter$"
    r"|/share/\{token\}(|/share\.json|/curl\.txt|/SHA256SUMS|/files/.*)$|/models/denoising_autoencoder/report$"
)
"""Addresses that are no pages; the last is of a dataset with another network."""
ARRIVED = ("folders", "annotations", "urls")


@pytest.fixture(scope="module")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Platform]]:
    """A platform by each way that images and their words arrive, run before a browser has its loop in this thread."""
    made: dict[str, Platform] = {}
    with ExitStack() as stack:
        for how in ARRIVED:
            made[how] = stack.enter_context(planted(how, tmp_path_factory.mktemp(how)))
            status, said, besides = said_by(made[how], "run", "--day", str(FIRST))
            assert status == 0, said + besides
            say_of_it(made[how])
        yield made


@pytest.fixture(scope="module")
def browser(platforms: dict[str, Platform]) -> Iterator[Any]:  # after them
    with drawing_browser() as opened:
        yield opened


@pytest.fixture(params=ARRIVED)
def platform(request: pytest.FixtureRequest, platforms: dict[str, Platform]) -> Platform:
    return platforms[request.param]


class OfConsole(Sweep):
    """A look at the pages of a console, as somebody who may change things."""

    def __init__(self, browser: Any, client: httpx.Client) -> None:
        self.address = str(client.base_url).rstrip("/")
        self.seen: set[str] = set()
        super().__init__(browser, self.address)
        self.page.on("framenavigated", lambda frame: self.seen.add(unquote(urlsplit(frame.url).path)))
        self.open(f"/enter?token={TOKEN}&to=/")

    def open(self, address: str) -> Any:
        return super().open(f"{self.address}{address}")


def links_in(page: Any, start: str) -> list[str]:
    """Where a page leads, of the addresses that begin so."""
    found = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    return sorted({one for one in found if one.startswith(start)})


def pages_of_health(sweep: OfConsole) -> None:
    page = sweep.open("/")
    days, lines = links_in(page, f"/days/{FIRST}/"), links_in(page, "/over-time/")
    for address in (*days, "/days/whole/all", *lines):
        sweep.open(address)


def pages_of_images(sweep: OfConsole, platform: Platform) -> None:
    for queue in ("all", "suspects", "marked", "misclassified", "unknown"):
        sweep.open(f"/gallery?queue={queue}")
    followed = WORDS.values() if platform.dataset.source.kind == "folder" else ()  # where from matters not to these
    for word in followed:  # somebody follows a link with words in it
        for name in ("where", "queue", "category", "day"):
            sweep.open(f"/gallery?{name}={quote(word, safe='')}")
        sweep.open(f"/images/{quote(word, safe='')}")
        sweep.open(f"/over-time/{quote(word, safe='')}")
        sweep.open(f"/days/{FIRST}/{quote(word, safe='')}")
        sweep.open(f"/search?id={quote(word, safe='')}")
    page = sweep.open("/gallery/quarantine")
    while page.locator("a", has_text="Next").count():
        page.locator("a", has_text="Next").click()
        sweep.look()
    sweep.open("/gallery/marks")
    for image in platform.rows(RAW_IMAGES)["image_id"]:
        sweep.open(f"/images/{image}")
    page = sweep.open("/gallery")
    page.locator(".grid > li").first.click()
    page.keyboard.press("x")
    page.get_by_role("button", name="Agree").wait_for()
    sweep.look()


def images_on_the_map(sweep: OfConsole, platform: Platform) -> None:
    for image in platform.rows(RAW_IMAGES)["image_id"].sort()[:6]:
        page = sweep.open(f"/map?image={image}")
        page.locator(f'#image[data-id="{image}"]').wait_for()
        sweep.look()


def pictures_that_are_brought(sweep: OfConsole, folder: Path, *, model: bool) -> None:
    files = []
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(picture(0, 500 + number) if number % 2 else b"<html>404</html>")
        files.append(folder / name)
    page = sweep.open("/search")
    page.locator("#file").set_input_files(files[1])
    if model:
        page.locator("#similar[data-asked]").wait_for()
    sweep.look()
    page = sweep.open("/classify")
    page.locator("#files").set_input_files(files)
    page.locator("#told").get_by_text(f"{len(files)} images").wait_for()
    sweep.look()
    with page.expect_download() as waiting:
        page.locator("#csv").click()
    assert_no_formulas(waiting.value.path(), {"file"})


def assert_no_formulas(file: Path, columns: set[str]) -> None:
    with file.open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    assert columns <= set(rows[0])
    assert [text for row in rows for text in row.values() if text[:1] in tuple("=+@\t\r\n") and text[:1]] == []


@pytest.mark.long
def test_nothing_runs_asks_or_hides_on_any_page_of_the_console(
    browser: Any, platform: Platform, tmp_path: Path
) -> None:
    settings = settings_of(platform)
    # All of some of these are of one category, and nobody would ever answer that it is ready.
    has_model = current_manifest(platform.dataset, platform.store) is not None
    assert has_model or platform.dataset.source.kind != "folder"
    with served(settings, ready=has_model) as client:
        sweep = OfConsole(browser, client)
        pages_of_health(sweep)
        pages_of_images(sweep, platform)
        images_on_the_map(sweep, platform)
        pictures_that_are_brought(sweep, tmp_path, model=has_model)
        page = sweep.open("/models")
        for address in links_in(page, "/models/"):
            sweep.open(address)
        sweep.open("/shares")
        sweep.open("/docs")
        made = contents_of(platform.dataset, platform.store, Chosen())
        for word in WORDS.values():
            _, token = ShareBook(platform.store, platform.dataset.name).make(made, HOUR, word, word)
            sweep.open(f"/share/{token}/")
        assert sweep.close() == []
        pages = {one for one in paths_of(settings) if not ANSWERED_TO_PROGRAMS.match(one)}
        unseen = {one for one in pages if not any(_pattern(one).fullmatch(path) for path in sweep.seen)}
    # The others make no page about a model.
    assert unseen <= (set() if platform.dataset.source.kind == "folder" else {"/models/{digest}/report"})
    shown = "\n".join(sweep.shown)
    assert "photo\ufffdgnp.exe" in shown  # said by people: marks, notes
    assert "photo\\u202egnp.exe" in shown or platform.dataset.source.kind == "url_list"  # a file's name
    for word in WORDS.values():  # nobody is spared a word either
        if word.isprintable():
            assert word in shown, word


def paths_of(settings: ConsoleSettings) -> set[str]:
    """The addresses of a console, as its routes have them."""
    return {one.path for one in console_app(settings).routes if isinstance(one, Route)}


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+(:path)?\}", lambda found: ".+" if found[1] else "[^/]+", route))


@pytest.mark.long
def test_nothing_runs_asks_or_hides_in_any_page_that_is_written(
    browser: Any, platform: Platform, tmp_path: Path
) -> None:
    assert said_by(platform, "report", "--out", str(tmp_path / "images.html"))[0] == 0
    written = [*platform.files.rglob("*.html"), *tmp_path.glob("*.html")]
    assert len(written) >= 2
    sweep = Sweep(browser, "file://")
    for file in written:
        sweep.open(file.as_uri())
    assert sweep.close() == []


@pytest.mark.long
def test_the_sweep_sees_a_page_that_does_not_escape(
    browser: Any, platforms: dict[str, Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same console, of the same names, with a template that takes them for HTML."""
    with served(settings_of(platforms["folders"])) as client:
        monkeypatch.setattr(rendering, "_ALL", rendering._ALL.overlay(autoescape=False, finalize=None))
        sweep = OfConsole(browser, client)
        sweep.open("/gallery/quarantine")
        sweep.open("/gallery/marks")
    faults = sweep.close()
    assert any("a script of the words ran" in one for one in faults)
    assert any(f"asked http://{ELSEWHERE}" in one for one in faults)
    assert any("signs that do not print" in one for one in faults)
    assert any("<img onerror>" in one for one in faults)
