"""The gallery in a real browser: selecting, marking after a preview, undoing; by mouse, keyboard and touch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import pytest

from image_assets.marks.decisions import standing
from image_assets.schema import PREDICTIONS, RAW_IMAGES, REVIEWS, Partition
from tests.console.served import BEARER, TOKEN, served, settings_of
from tests.console.visit import Visit
from tests.platform import FIRST, SECOND, Platform


@pytest.fixture
def client(damaged: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(damaged), ready=False) as one:
        yield one


class InGallery(Visit):
    """A visit to the gallery."""

    def selected(self) -> list[str]:
        return [one.get_attribute("data-id") for one in self.page.locator('.grid > li[aria-selected="true"]').all()]


@pytest.fixture
def visit(browser: Any, client: httpx.Client) -> Iterator[InGallery]:
    one = InGallery(browser, client, viewport={"width": 1280, "height": 900})
    yield one
    one.leave()


def marks(platform: Platform) -> dict[tuple[str, str], bool]:
    rows = standing(platform.rows(REVIEWS)).select("image_id", "category", "belongs")
    return {(image, category): belongs for image, category, belongs in rows.iter_rows()}


PLANTS = f"/gallery?day={FIRST}&category=plant"


def test_images_are_selected_marked_after_a_preview_and_taken_back(visit: InGallery, damaged: Platform) -> None:
    page = visit.enter(PLANTS)
    tiles = page.locator(".grid > li")
    ids = [one.get_attribute("data-id") for one in tiles.all()]
    assert len(ids) == damaged.rows(RAW_IMAGES, Partition(FIRST, "plant")).height
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    tiles.nth(7).click(modifiers=["Control"])
    tiles.nth(2).click(modifiers=["Control"])
    assert visit.selected() == [ids[place] for place in (1, 3, 4, 7)]
    page.keyboard.press("2")
    says = page.locator("#says")
    says.get_by_text("4 images under animal?").wait_for()
    assert f"{FIRST} animal +4" in says.inner_text()
    assert f"{FIRST} plant −4" in says.inner_text()
    assert "Images to train on: " in says.inner_text()
    assert marks(damaged) == {}
    page.keyboard.press("Enter")
    says.get_by_text("from the next run on").wait_for()
    assert marks(damaged) == {
        (ids[place], category): category == "animal" for place in (1, 3, 4, 7) for category in ("plant", "animal")
    }
    assert page.locator(".grid .said.label").count() == 4
    visit.see_that_no_click_is_lost("/gallery/marks")
    page.keyboard.press("u")
    says.get_by_text("Taken back").wait_for()
    assert marks(damaged) == {}
    assert page.locator(".grid .said").count() == 0
    page.goto(f"{visit.address}/gallery/marks")
    assert "taken back" in page.locator("tbody tr").inner_text()


def test_the_keyboard_alone_does_it_all(visit: InGallery, damaged: Platform) -> None:
    page = visit.enter(PLANTS)
    tiles = page.locator(".grid > li")
    ids = [one.get_attribute("data-id") for one in tiles.all()]
    row = page.evaluate("""() => { const all = [...document.querySelectorAll('.grid > li')];
        return all.filter(one => one.offsetTop === all[0].offsetTop).length }""")
    for key in ("ArrowRight", "Space", "Shift+ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert visit.selected() == [ids[place] for place in (1, 2, 2 + row)]
    page.keyboard.press("Escape")
    assert visit.selected() == []
    page.keyboard.press("a")
    assert len(visit.selected()) == len(ids)
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.keyboard.press("x")
    page.locator("#says").get_by_text("1 image left out?").wait_for()
    page.keyboard.press("Escape")
    assert not page.locator("#says").is_visible()
    assert marks(damaged) == {}
    page.locator("#ask").uncheck()
    for place in range(2):  # without being asked, and on to the next image by itself
        page.keyboard.press("x")
        page.wait_for_function("n => document.querySelectorAll('.grid .said.exclude').length === n", arg=place + 1)
    assert set(marks(damaged)) == {(one, "plant") for one in ids[:2]}
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/images/{ids[2]}")
    assert page.locator("p.whole img").evaluate("image => image.complete && image.naturalWidth > 0")


def test_a_queue_moves_up_and_all_of_it_is_marked_at_once(visit: InGallery, damaged: Platform) -> None:
    for partition in {Partition(*key) for key in damaged.rows(PREDICTIONS).select("date", "category").iter_rows()}:
        rows = damaged.rows(PREDICTIONS, partition).with_columns(predicted_category=pl.lit("human"))
        damaged.replace_rows(PREDICTIONS, partition, rows)
    page = visit.enter("/gallery?queue=misclassified")
    found = page.locator("#found")
    total = int(found.get_attribute("data-total"))
    second = page.locator(".grid > li").nth(1).get_attribute("data-id")
    page.keyboard.press("c")
    page.get_by_role("button", name="Agree").click()
    page.wait_for_function("n => Number(document.querySelector('#found').dataset.total) === n", arg=total - 1)
    assert page.locator(".grid > li").first.get_attribute("data-id") == second
    page.locator("select[name=category]").select_option("animal")
    page.wait_for_url("**category=animal**")
    animals = int(page.locator("#found").get_attribute("data-total"))
    assert 0 < animals < total
    page.keyboard.press("q")
    assert page.locator("#count").inner_text() == f"{animals} selected"
    page.keyboard.press("x")
    page.get_by_role("button", name="Agree").click()
    page.get_by_text("Nothing is left to look at here.").wait_for()
    excluded = [image for (image, category), belongs in marks(damaged).items() if category == "animal" and not belongs]
    assert len(excluded) >= animals
    assert "Undo" in page.locator('[data-do="undo"]').inner_text()
    page.keyboard.press("u")
    page.wait_for_function("n => Number(document.querySelector('#found').dataset.total) === n", arg=animals)


def test_without_the_token_it_shows_and_asks_for_it(visit: InGallery, damaged: Platform) -> None:
    visit.page.goto(f"{visit.address}{PLANTS}")
    assert visit.page.locator('[data-do="exclude"]').count() == 0
    visit.page.keyboard.press("x")
    assert marks(damaged) == {}
    visit.page.locator("input[name=token]").fill(TOKEN)
    visit.page.get_by_role("button", name="Enter").click()
    visit.page.locator('[data-do="exclude"]').wait_for()


def test_what_another_has_marked_since_the_page_was_shown_is_said_before_and_after(
    visit: InGallery, client: httpx.Client
) -> None:
    page = visit.enter(PLANTS)
    tiles = page.locator(".grid > li")
    ids = [one.get_attribute("data-id") for one in tiles.all()]
    body = {"what": "check", "images": ids[1:3], "reviewer": "eva"}
    assert client.post("/v1/marks", json=body, headers=BEARER).status_code == 200
    tiles.nth(0).click()
    tiles.nth(1).click(modifiers=["Control"])
    page.keyboard.press("x")
    says, news = page.locator("#says"), "1 of 2 was marked by eva since this was shown"
    says.get_by_text(f"{news}: what is said last would count").wait_for()
    page.keyboard.press("Enter")
    says.get_by_text(f"{news}: what is said last counts").wait_for()
    # The page has been shown anew by now: nothing that it shows is news.
    tiles.nth(2).click()
    page.keyboard.press("x")
    says.get_by_text("1 image left out?").wait_for()
    assert "since this was shown" not in says.inner_text()


def test_what_the_console_refuses_is_said(visit: InGallery, client: httpx.Client, damaged: Platform) -> None:
    page = visit.enter(f"/gallery?day={SECOND}&category=plant")
    page.evaluate("document.querySelector('#found').dataset.total = 999")
    page.keyboard.press("q")
    page.keyboard.press("x")
    page.get_by_text("the query has 4 images by now, not 999").wait_for()
    visit.complaints = [one for one in visit.complaints if "409" not in one]  # the browser tells of it too
    assert marks(damaged) == {}


def test_a_selection_is_downloaded(visit: InGallery) -> None:
    page = visit.enter(PLANTS)
    page.locator(".grid > li").nth(0).click()
    page.locator(".grid > li").nth(2).click(modifiers=["Control"])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    rows = pl.read_csv(waiting.value.path())
    assert set(rows["image_id"]) == set(visit.selected())
    assert waiting.value.suggested_filename == "drawn.csv"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen_and_can_be_read(browser: Any, client: httpx.Client, width: int, scheme: str) -> None:
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "has_touch": width < 400}
    visit = InGallery(browser, client, **screen, is_mobile=width < 400)
    page = visit.enter(PLANTS)
    for address in (PLANTS, "/gallery/marks", "/gallery/quarantine"):
        page.goto(f"{visit.address}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.goto(f"{visit.address}{PLANTS}")
    if width < 400:
        for place in (0, 1):  # a finger has no Ctrl
            page.locator(".grid > li").nth(place).tap()
    else:
        page.locator(".grid > li").nth(0).click()
        page.locator(".grid > li").nth(1).click(modifiers=["Control"])
    assert len(visit.selected()) == 2
    luminance = """element => { const [r, g, b] = getComputedStyle(element)
        .getPropertyValue('%s').match(/\\d+/g).map(Number); return (r + g + b) / 3 }"""
    paper = page.locator("body").evaluate(luminance % "background-color")
    writing = page.locator(".grid .about").first.evaluate(luminance % "color")
    assert (paper > 200) == (scheme == "light")
    assert abs(paper - writing) > 120
    page.locator('[data-do="exclude"]').click()
    page.get_by_role("button", name="Agree").wait_for()
    box = page.get_by_role("button", name="Agree").bounding_box()
    assert box["y"] + box["height"] <= 800
    visit.leave()


def test_without_scripts_it_still_shows(browser: Any, client: httpx.Client) -> None:
    visit = InGallery(browser, client, java_script_enabled=False)
    visit.page.goto(f"{visit.address}{PLANTS}")
    assert visit.page.locator(".grid img").count() > 10
    visit.page.get_by_role("button", name="Show").click()
    visit.leave()
