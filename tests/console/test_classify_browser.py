"""The page that classifies in a real browser: files chosen and dropped, answers, refusals, the table to keep."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.console.visit import Visit
from tests.pictures import picture

FORMULA = "=HYPERLINK(1).png"


@pytest.fixture
def page(browser: Any, console: httpx.Client) -> Iterator[Any]:
    visit = Visit(browser, console, viewport={"width": 1280, "height": 800})
    yield visit.open("/classify")
    visit.leave()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = {FORMULA: picture(0, 900), "<b>bold</b>.png": picture(1, 901), "page.jpg": b"<html>404</html>"}
    for name, content in made.items():
        (tmp_path / name.replace("/", "∕")).write_bytes(content)
    return sorted(tmp_path.iterdir())


def finished(page: Any, images: int) -> list[list[str]]:
    page.locator("#told").get_by_text(f"{images} image").wait_for()
    rows = page.locator("#answers tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("td").all()] for row in rows]


def test_chosen_files_are_answered_as_the_api_answers_and_a_refused_one_says_why(
    page: Any, console: httpx.Client, files: list[Path], tmp_path: Path
) -> None:
    page.locator("#files").set_input_files(files)
    rows = {cells[1]: cells for cells in finished(page, 3)}
    assert page.locator("#told").inner_text().startswith("3 images: 1 could not be answered")
    assert set(rows) == {file.name for file in files}
    asked = console.post("/v1/classify", files={"file": files[1].read_bytes()}).json()
    answered = rows[files[1].name]
    assert answered[2] == ("unknown" if asked["unknown"] else asked["category"])
    assert answered[3] == f"{100 * asked['probability']:.1f} %"
    refused = console.post("/v1/classify", files={"file": b"<html>404</html>"}).json()["error"]["message"]
    assert rows["page.jpg"][2] == refused
    assert page.locator("#answers b").count() == 0  # names are text
    assert page.locator("#answers img").first.evaluate("image => image.naturalWidth") == 64

    with page.expect_download() as waiting:
        page.locator("#csv").click()
    waiting.value.save_as(tmp_path / "kept.csv")
    with (tmp_path / "kept.csv").open(newline="") as stream:
        kept = {row["file"]: row for row in csv.DictReader(stream)}
    assert set(kept) == {f"'{FORMULA}", *(file.name for file in files if file.name != FORMULA)}
    assert float(kept[f"'{FORMULA}"]["probability"]) == pytest.approx(asked["probability"])
    assert kept["page.jpg"]["error"] == refused
    page.locator("#clear").click()
    assert not page.locator("#answers").is_visible()


@pytest.mark.long
def test_many_dropped_images_are_sent_in_parts_and_each_is_answered_once(page: Any) -> None:
    page.evaluate(
        """async content => {
            const bytes = Uint8Array.from(atob(content), one => one.charCodeAt(0));
            const held = new DataTransfer();
            for (let n = 0; n < 70; n += 1) held.items.add(new File([bytes], `${n}.png`, { type: "image/png" }));
            dispatchEvent(new DragEvent("drop", { dataTransfer: held, cancelable: true }));
        }""",
        _base64(picture(0, 900)),
    )
    rows = finished(page, 70)
    assert [cells[1] for cells in rows] == [f"{number}.png" for number in range(70)]
    assert len({tuple(cells[2:]) for cells in rows}) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Any, console: httpx.Client, scheme: str, files: list[Path]) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme, is_mobile=True)
    page = context.new_page()
    page.goto(str(console.base_url.join("/classify")))
    page.locator("#files").set_input_files(files)
    finished(page, 3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def _base64(content: bytes) -> str:
    from base64 import b64encode

    return b64encode(content).decode()


def test_an_answer_shows_where_on_the_map_the_image_is(page: Any, files: list[Path]) -> None:
    page.locator("#files").set_input_files(files[:2])
    finished(page, 2)
    for spot in page.locator("#answers a.spot").all():
        spot.locator("img").evaluate("image => image.decode()")
        picture_box, dot = spot.locator("img").bounding_box(), spot.locator("i").bounding_box()
        middle = dot["x"] + dot["width"] / 2, dot["y"] + dot["height"] / 2
        assert picture_box["x"] - 1 <= middle[0] <= picture_box["x"] + picture_box["width"] + 1
        assert picture_box["y"] - 1 <= middle[1] <= picture_box["y"] + picture_box["height"] + 1
    assert page.locator("#answers a.spot").count() >= 1
    page.locator("#answers a.spot").first.click()
    page.wait_for_url("**/map?image=*")
