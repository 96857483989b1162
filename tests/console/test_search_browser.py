"""The page that searches by an image in a real browser: brought or loaded, by mouse and keyboard, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from image_assets.schema import RAW_IMAGES
from tests.console.visit import Visit
from tests.pictures import picture
from tests.platform import Platform


@pytest.fixture
def page(browser: Any, console: httpx.Client) -> Iterator[Any]:
    visit = Visit(browser, console, viewport={"width": 1280, "height": 800})
    yield visit.page
    visit.leave()


def shown(page: Any, asked: str = "k=24") -> list[str]:
    """The ids of what is found by a question that has this in it, when it is."""
    page.locator(f'#similar[data-asked*="{asked}"]').wait_for()
    return [one.get_attribute("data-id") for one in page.locator("#similar > li").all()]


def neighbours(console: httpx.Client, image_id: str, **more: object) -> list[str]:
    found = console.get("/v1/neighbours", params={"id": image_id, "k": 24, **more}).json()  # pyright: ignore[reportArgumentType]
    return [one["image_id"] for one in found["neighbours"]]


def test_an_image_that_is_brought_is_answered_as_the_api_answers_and_leads_on(
    page: Any, console: httpx.Client, tmp_path: Path
) -> None:
    content = picture(1, 903)
    (tmp_path / "<i>new</i>".replace("/", "∕")).write_bytes(content)
    page.goto(str(console.base_url.join("/search")))
    page.locator("#file").set_input_files(next(tmp_path.iterdir()))
    asked = console.post("/v1/neighbours?k=24", content=content, headers={"content-type": "image/png"}).json()
    first = shown(page)
    assert first == [one["image_id"] for one in asked["neighbours"]]
    assert "It is not loaded" in page.locator("#asked").inner_text()
    assert page.locator("#asked i").count() == 0  # names are text
    tile = page.locator("#similar > li").first
    assert f"similarity {asked['neighbours'][0]['similarity']:.3f}" in tile.inner_text()
    tile.locator("img").evaluate("image => image.decode()")

    tile.get_by_role("button", name="Like this").click()
    page.wait_for_url(f"**/search?id={first[0]}*")
    assert shown(page, first[0]) == neighbours(console, first[0])
    page.locator("[name=category]").select_option("human")
    assert shown(page, "category=human") == neighbours(console, first[0], category="human")


def test_from_an_images_page_the_keyboard_leads_to_what_is_like_it_and_back(
    page: Any, console: httpx.Client, loaded_platform: Platform
) -> None:
    own = loaded_platform.rows(RAW_IMAGES)["image_id"][4]
    page.goto(str(console.base_url.join(f"/images/{own}")))
    page.get_by_role("link", name="Similar images").click()
    first = shown(page)
    assert first == neighbours(console, own)
    assert page.locator("#asked a").get_attribute("href") == f"/images/{own}"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.wait_for_url(f"**/search?id={first[1]}*")
    assert shown(page, first[1]) == neighbours(console, first[1])
    page.keyboard.press("b")
    assert shown(page, own) == first
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/images/{first[0]}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_dropped_file_that_is_no_image_says_why_and_the_page_fits_a_phone(
    browser: Any, console: httpx.Client, loaded_platform: Platform, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme, is_mobile=True)
    page = context.new_page()
    page.goto(str(console.base_url.join(f"/search?id={loaded_platform.rows(RAW_IMAGES)['image_id'][4]}")))
    assert len(shown(page)) == 24
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.evaluate(
        """() => {
            const held = new DataTransfer();
            held.items.add(new File(["<html>"], "page.jpg", { type: "image/jpeg" }));
            dispatchEvent(new DragEvent("drop", { dataTransfer: held, cancelable: true }));
        }"""
    )
    page.locator("#told").get_by_text("this is no image that is let in").wait_for()
    assert page.locator("#similar > li").count() == 0
    assert not page.locator("#asked").is_visible()
    context.close()
