"""The map in a real browser: points, hover, lasso, filters, the address; without WebGL, on a phone, in the dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import numpy as np
import polars as pl
import pytest
from matplotlib.path import Path

from image_assets.answers.map.points import MapPoints, points_of
from image_assets.schema import EMBEDDING
from tests.browser import drawing_browser
from tests.console.regions import make_plants_a_region
from tests.console.served import served, settings_of
from tests.console.test_gallery_browser import marks
from tests.console.visit import Visit
from tests.platform import FIRST, SECOND, Platform

# Of the points as they are drawn: how many pixels are not empty, and of one colour (red, green, blue).
_INK = """canvas => { const { width, height } = canvas;
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const pen = copy.getContext('2d'); pen.drawImage(canvas, 0, 0);
    const read = pen.getImageData(0, 0, copy.width, copy.height).data;
    let [all, blue] = [0, 0];
    for (let at = 0; at < read.length; at += 4) if (read[at + 3]) { all += 1; blue += read[at + 2] > 2 * read[at]; }
    return [all, blue] }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with drawing_browser() as opened:
        yield opened


@pytest.fixture
def points(loaded_platform: Platform) -> MapPoints:
    return points_of(loaded_platform.dataset, loaded_platform.store)


class OnMap(Visit):
    """A visit to the map."""

    def open(self, address: str = "/map") -> Any:
        super().open(address)
        self.page.locator("#map[data-shown]").wait_for()
        return self.page

    def shown(self, number: int) -> None:
        self.page.locator(f'#map[data-shown="{number}"]').wait_for()

    def place(self, point: np.ndarray, points: MapPoints) -> tuple[float, float]:
        """Where a point is on the screen of the whole map."""
        box = self.page.locator("#plane").bounding_box()
        side = min((box["width"] - 2) / points.plane.extent[0], (box["height"] - 2) / points.plane.extent[1]) * 0.92
        x, y = (point - points.plane.corner) / points.plane.side - 0.5
        return box["x"] + box["width"] / 2 + x * side, box["y"] + box["height"] / 2 - y * side

    def lassos(self) -> list[Path]:
        """Those of the address."""
        texts = [value for name, value in parse_qsl(urlsplit(self.page.url).query) if name == "lasso"]
        return [Path(np.reshape([float(one) for one in text.split("_")[1:]], (-1, 2))) for text in texts]

    def draw(self, corners: np.ndarray, points: MapPoints) -> None:
        places = [self.place(corner, points) for corner in corners]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place)
        self.page.mouse.up()


# Has a browser say that a card draws, so that WebGL does it.
_BY_WEBGL = """const old = WebGL2RenderingContext.prototype.getExtension;
WebGL2RenderingContext.prototype.getExtension = function (name) {
  return name === 'WEBGL_debug_renderer_info' ? null : old.call(this, name) }"""
_PICTURE = """canvas => { const { width, height } = canvas;
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  const pen = copy.getContext('2d'); pen.drawImage(canvas, 0, 0);
  return [width, ...pen.getImageData(0, 0, width, height).data] }"""


def alone(points: MapPoints) -> int:
    """The point that is furthest from its nearest one."""
    places = points.plane.points
    away = np.linalg.norm(places[:, None] - places[None], axis=2) + np.eye(len(places)) * 1e9
    return int(away.min(1).argmax())


@pytest.mark.long
def test_points_are_drawn_shown_chosen_filtered_and_kept_in_the_address(
    browser: Any, console: httpx.Client, points: MapPoints
) -> None:
    visit = OnMap(browser, console, viewport={"width": 1280, "height": 800})
    page = visit.open()
    assert int(page.locator("#map").get_attribute("data-shown")) == points.number
    page.locator("#map.drawn").wait_for()
    ink, blue = page.locator("#points").evaluate(_INK)
    assert ink > points.number
    assert 0 < blue < ink

    # The image under the pointer is shown, and a click leads to it and to those next to it.
    one = alone(points)
    image = points.rows["image_id"][one]
    page.mouse.move(*visit.place(points.plane.points[one], points))
    page.locator(f'#hover[data-id="{image}"]').wait_for()
    page.wait_for_function("() => document.querySelector('#hover img').naturalWidth > 0")
    page.mouse.click(*visit.place(points.plane.points[one], points))
    page.locator(f'#image[data-id="{image}"]').wait_for()
    near = points.plane.nearest(points.plane.points[one], 13)[1:]
    pictures = page.locator("#image .near.placed img")
    assert [one.get_attribute("src").split("/")[3] for one in pictures.all()] == points.rows["image_id"][near].to_list()
    page.locator("#image .near.alike img").first.wait_for()
    assert parse_qs(urlsplit(page.url).query)["image"] == [image]
    page.keyboard.press("Escape")
    assert not page.locator("#image").is_visible()

    # A lasso takes just what lies within, another takes away, and only what is shown counts.
    least, most = points.plane.points.min(0), points.plane.points.max(0)
    middle = (least + most) / 2
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.column_stack([np.cos(turns), np.sin(turns)]) * (most - least) * 0.34 + middle
    page.locator('[data-tool="add"]:not(#plane)').click()
    visit.draw(ring, points)
    page.wait_for_function("() => location.search.includes('lasso')")
    (first,) = visit.lassos()
    at_corners = (
        np.linalg.norm(np.asarray(first.vertices)[:, None] - ring[None], axis=2).min(0) * 900 / points.plane.side
    )
    assert at_corners.max() < 5  # pixels from where the hand was
    inside = first.contains_points(points.plane.points)
    page.locator(f'#map[data-held="{inside.sum()}"]').wait_for()
    page.keyboard.press("s")
    visit.draw(ring * [0.6, 1.1] + middle * [0.4, -0.1], points)
    page.wait_for_function("() => new URLSearchParams(location.search).getAll('lasso').length === 2")
    left = inside & ~visit.lassos()[1].contains_points(points.plane.points)
    assert 0 <= left.sum() < inside.sum()
    page.locator(f'#map[data-held="{left.sum()}"]').wait_for()
    page.locator('details:has-text("Day") summary').click()
    page.locator(f'li:has-text("{SECOND}") input').uncheck()
    shown = (points.rows["date"] == FIRST).to_numpy()
    visit.shown(shown.sum())
    page.locator(f'#map[data-held="{(left & shown).sum()}"]').wait_for()
    assert page.locator("#count").inner_text() == f"{(left & shown).sum()} selected"
    # Off, the filter is not lost.
    page.locator(".filter:has-text('filter') input:visible").uncheck()
    visit.shown(points.number)
    page.locator(".filter:has-text('filter') input:visible").check()
    visit.shown(shown.sum())
    counts = {
        row.locator(".name").inner_text(): row.locator(".number").inner_text()
        for row in page.locator("details:has-text('Day') li").all()
    }
    assert counts == {str(day): str((points.rows["date"] == day).sum()) for day in (FIRST, SECOND)}
    page.locator("details:has-text('Day') input[type=radio]").check()

    # The address is all of it: another visit to it shows the same, and the way back is open.
    page.mouse.move(640, 400)
    page.mouse.wheel(0, -300)
    page.wait_for_function("() => new URLSearchParams(location.search).has('at')")
    kept = page.url.removeprefix(visit.address)
    other = OnMap(browser, console, viewport={"width": 1280, "height": 800})
    again = other.open(kept)
    other.shown(shown.sum())
    again.locator(f'#map[data-held="{(left & shown).sum()}"]').wait_for()
    assert again.locator("details:has-text('Day') input[type=radio]").is_checked()
    other.leave()
    page.go_back()
    page.wait_for_function("() => !location.search.includes('colour=day')")
    assert page.locator("details:has-text('Category') input[type=radio]").first.is_checked()

    # From here to the gallery, and into a file.
    ids = set(points.rows.filter(pl.Series(left & shown))["image_id"])
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").click()
    assert set(pl.read_csv(waiting.value.path())["image_id"]) == ids
    page.locator("#gallery").click()
    page.wait_for_url("**/gallery?map=**")
    assert {one.get_attribute("data-id") for one in page.locator(".grid > li").all()} == ids
    visit.leave()


@pytest.mark.long
@pytest.mark.parametrize("lasso", ["", "&lasso=add_-999_-999_0_-999_0_999_-999_999"])
def test_points_look_the_same_drawn_by_hand_and_by_webgl(browser: Any, console: httpx.Client, lasso: str) -> None:
    pictures = []
    for script in ("", _BY_WEBGL):
        visit = OnMap(browser, console, viewport={"width": 900, "height": 600})
        visit.context.add_init_script(script)
        page = visit.open(f"/map?colour=day{lasso}")
        page.locator(f"#map{'[data-certain=true]' if lasso else ''}.drawn").wait_for()
        page.wait_for_timeout(300)
        workers = [worker.url.rpartition("/")[2] for worker in page.workers]
        assert ("map_splat.js" in workers) == (not script)
        width, *pixels = page.locator("#points").evaluate(_PICTURE)
        pictures.append(np.reshape(pixels, (-1, width, 4)).astype(int))
        visit.leave()
    by_hand, by_webgl = pictures
    inked = (by_hand[..., 3] > 0) | (by_webgl[..., 3] > 0)
    assert inked.sum() > 500
    both = np.abs(by_hand[inked] * (by_hand[inked][:, 3:] / 255) - by_webgl[inked] * (by_webgl[inked][:, 3:] / 255))
    assert np.mean(both.max(1) > 40) < 0.15  # the rims of dots


def test_the_keyboard_does_it_too(browser: Any, console: httpx.Client, points: MapPoints) -> None:
    visit = OnMap(browser, console, viewport={"width": 1280, "height": 800})
    one = alone(points)
    x, y = points.plane.points[one].tolist()
    page = visit.open("/map?" + urlencode({"at": f"{x}_{y}_40"}))
    page.locator("#plane").focus()
    page.keyboard.press("Enter")
    page.locator(f'#image[data-id="{points.rows["image_id"][one]}"]').wait_for()
    page.keyboard.press("v")
    page.locator("#map[data-held]:not([data-held=''])").wait_for()
    assert 1 <= int(page.locator("#map").get_attribute("data-held")) < points.number
    page.keyboard.press("z")
    page.locator("#map[data-held='']").wait_for()
    for key in ("0", "+", "ArrowLeft"):
        page.keyboard.press(key)
    page.wait_for_function("() => new URLSearchParams(location.search).get('at')?.endsWith('_1.5')")
    visit.leave()


def test_without_webgl_the_picture_is_shown_and_the_rest_works(
    browser: Any, console: httpx.Client, points: MapPoints
) -> None:
    visit = OnMap(browser, console, viewport={"width": 1280, "height": 800})
    visit.context.add_init_script(
        "const old = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext = "
        "function (kind, ...more) { return kind === 'webgl2' ? null : old.call(this, kind, ...more) }"
    )
    page = visit.open()
    page.wait_for_function("() => document.querySelector('#density').naturalWidth === 512")
    assert page.locator("#density").evaluate("image => getComputedStyle(image).opacity") == "1"
    page.locator('li:has-text("plant"):visible input').uncheck()
    visit.shown(points.rows.filter(pl.col("category") != "plant").height)
    page.wait_for_function("() => document.querySelector('#density').src.includes('category%3Danimal')")
    one = alone(points)
    page.locator('li:has-text("plant"):visible input').check()
    visit.shown(points.number)
    page.mouse.move(*visit.place(points.plane.points[one], points))
    page.locator(f'#hover[data-id="{points.rows["image_id"][one]}"]').wait_for()
    visit.leave()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(browser: Any, console: httpx.Client, points: MapPoints, scheme: str) -> None:
    screen = {"viewport": {"width": 360, "height": 760}, "is_mobile": True, "has_touch": True, "color_scheme": scheme}
    visit = OnMap(browser, console, **screen)
    visit.see_that_no_click_is_lost("/map")
    visit.enter("/map")  # with all buttons of the bar
    page = visit.open()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    one = alone(points)
    page.touchscreen.tap(*visit.place(points.plane.points[one], points))
    page.locator(f'#image[data-id="{points.rows["image_id"][one]}"]').wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    red, green, blue = map(
        int, re.findall(r"\d+", page.locator("#plane").evaluate("it => getComputedStyle(it).backgroundColor"))[:3]
    )
    assert ((red + green + blue) / 3 > 200) == (scheme == "light")
    visit.leave()


def test_what_is_selected_is_marked_after_a_preview_and_a_map_that_is_another_by_now_says_so(
    browser: Any, damaged: Platform
) -> None:
    with served(settings_of(damaged), ready=False) as client:
        visit = OnMap(browser, client, viewport={"width": 1280, "height": 800})
        page = visit.enter(f"/map?category=plant&day={SECOND}")
        page.locator("#map[data-shown]").wait_for()
        expected = points_of(damaged.dataset, damaged.store).rows.filter(category="plant", date=SECOND)["image_id"]
        page.locator('[data-mark="exclude"]').click()
        page.get_by_text(f"{len(expected)} images left out?").wait_for()
        assert f"{SECOND} plant −{len(expected)}" in page.locator("#says").inner_text()
        assert marks(damaged) == {}
        page.get_by_role("button", name="Agree").click()
        page.get_by_text("from the next run on").wait_for()
        assert marks(damaged) == {(image, "plant"): False for image in expected}
        page.locator('[data-mark="undo"]').click()
        page.get_by_text("Taken back").wait_for()
        assert marks(damaged) == {}

        damaged.replace_rows(EMBEDDING, None, damaged.rows(EMBEDDING)[:-1])
        page.keyboard.press("v")
        page.get_by_text("the map is another one by now").wait_for()
        # What was found of steps alone is shown, and nothing is done with it.
        page.locator('#map[data-certain="false"]:not([data-held=""])').wait_for()
        assert all(page.locator(f"[data-{one}]").is_disabled() for one in ("format=csv", "mark=exclude"))
        visit.complaints = [one for one in visit.complaints if "409" not in one]  # the browser tells of it too
        visit.leave()


def test_regions_colour_filter_and_are_named_over_the_points(damaged: Platform, browser: Any) -> None:
    plants = make_plants_a_region(damaged)
    with served(settings_of(damaged), ready=False) as client:
        visit = OnMap(browser, client, viewport={"width": 1280, "height": 800})
        page = visit.open("/map?colour=region&region=plant")
        page.locator("#map[data-regions='1']").wait_for()
        assert int(page.locator("#map").get_attribute("data-shown")) == plants
        names = page.locator("#lines")
        page.wait_for_function("() => document.querySelector('#lines').dataset.names === 'plant'")
        part = page.locator("#legend details").filter(has_text="in no region")
        assert [one.is_checked() for one in part.locator("li input").all()] == [True, False]
        part.locator("li input").nth(0).uncheck()
        page.locator("#map[data-shown='0']").wait_for()
        assert names.get_attribute("data-names") == ""
        part.locator("li input").nth(1).check()
        page.locator(f"#map[data-shown='{60 - plants}']").wait_for()
        assert parse_qs(urlsplit(page.url).query)["region"] == ["in no region"]
        grey = part.locator("li i").nth(1).evaluate("one => getComputedStyle(one).backgroundColor")
        assert grey == "rgb(140, 143, 148)"
        visit.leave()


@pytest.mark.long
def test_a_map_in_space_is_turned_and_shows_the_same_points(damaged: Platform, browser: Any) -> None:
    places = damaged.rows(EMBEDDING).sort("image_id")
    random = np.random.default_rng(0)
    damaged.replace_rows(EMBEDDING, None, places.with_columns(z=pl.Series(random.normal(size=places.height) * 9)))
    with served(settings_of(damaged), ready=False) as client:
        visit = OnMap(browser, client, viewport={"width": 1280, "height": 800})
        page = visit.open()
        page.locator("#map.drawn").wait_for()
        flat = page.locator("#points").evaluate(_PICTURE)
        page.get_by_role("button", name="3D").click()
        page.locator("#map.space[data-seen='30,20']").wait_for()
        assert parse_qs(urlsplit(page.url).query)["turn"] == ["30_20"]
        assert page.locator('[data-tool="add"]').is_disabled()
        assert int(page.locator("#map").get_attribute("data-shown")) == places.height
        box = page.locator("#plane").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 200, steps=4)
        page.mouse.up()
        page.locator("#map[data-seen='70,20']").wait_for()
        page.keyboard.press("ArrowLeft")
        page.locator("#map[data-seen='62,20']").wait_for()
        page.wait_for_timeout(200)
        assert page.locator("#points").evaluate(_PICTURE) != flat

        # A point is found where it is seen from this side.
        around = np.deg2rad(62)
        above = np.deg2rad(20)
        now = points_of(damaged.dataset, damaged.store)
        assert now.depth is not None
        unit = np.column_stack([now.plane.positions / 65_535 - 0.5, (now.depth.steps / 65_535 - 0.5) * now.depth.side])
        x, y, z = (unit / np.linalg.norm(unit, axis=1).max()).T
        right, away = x * np.cos(around) + z * np.sin(around), z * np.cos(around) - x * np.sin(around)
        up, near = y * np.cos(above) - away * np.sin(above), away * np.cos(above) + y * np.sin(above)
        seen = np.column_stack([right, up]) * (np.sqrt(8) / (3 - near))[:, None] / 2
        one = int((np.linalg.norm(seen[:, None] - seen[None], axis=2) + np.eye(len(seen)) * 9).min(1).argmax())
        side = min(box["width"] - 2, box["height"] - 2) * 0.92
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(middle[0] + seen[one, 0] * side, middle[1] - seen[one, 1] * side)
        page.locator(f'#hover[data-id="{now.rows["image_id"][one]}"]').wait_for()

        page.keyboard.press("3")
        page.locator("#map:not(.space)[data-seen='']").wait_for()
        same = f"flat => String(({_PICTURE})(document.querySelector('#points'))) === String(flat)"
        page.wait_for_function(same, arg=flat)
        visit.leave()


def test_a_map_that_is_a_plane_is_not_turned(browser: Any, console: httpx.Client) -> None:
    visit = OnMap(browser, console)
    page = visit.open("/map?turn=30_20")
    assert not page.get_by_role("button", name="3D").is_visible()
    page.keyboard.press("3")
    assert page.locator("#map.space").count() == 0
    visit.leave()
