"""The README's pictures of the console, of drawn pictures: `python -m tests.console.screenshots docs/images`."""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.map_page.stored_map import stored_map
from tests.browser import chromium_program
from tests.console.served import TOKEN, served, settings_of
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset


def the_map(folder: Path) -> None:
    """Write a map of drawn crowds, open it, draw a lasso, look at an image, and keep what is seen."""
    with tempfile.TemporaryDirectory() as root:
        dataset = stored_map(Path(root), 60_000, days=3)
        settings = settings_of(Platform(dataset, Path(root)))
        with served(settings, ready=False) as client, sync_playwright() as started:
            flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
            browser = started.chromium.launch(executable_path=chromium_program(), args=flags)
            page = browser.new_page(viewport={"width": 1100, "height": 700}, color_scheme="dark")
            page.goto(str(client.base_url.join(f"/enter?token={TOKEN}&to=/map")))
            page.locator("#map.drawn").wait_for()
            box = page.locator("#plane").bounding_box()
            assert box is not None
            x, y = box["x"] + box["width"] * 0.42, box["y"] + box["height"] * 0.55
            page.locator("#plane").click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.5})
            page.locator("#image").wait_for()
            page.keyboard.press("l")
            page.mouse.move(x + 110, y)
            page.mouse.down()
            for turn in range(1, 40):
                angle = turn / 40 * 2 * math.pi
                page.mouse.move(x + 110 * math.cos(angle), y + (80 + 18 * math.sin(2 * angle)) * math.sin(angle))
            page.mouse.up()
            page.locator("#map[data-held]:not([data-held=''])").wait_for()
            page.wait_for_timeout(1_500)
            page.screenshot(path=folder / "map.png")
            browser.close()


def main(folder: Path) -> None:
    """Draw, load, open the gallery, select and mark, and keep what is seen; and the same of the map."""
    the_map(folder)
    with tempfile.TemporaryDirectory() as root:
        platform = Platform(small_dataset(), Path(root))
        for kind, category in enumerate(("plant", "animal", "human")):
            land_pictures(platform.landing, str(FIRST), category, kind, range(3))
        platform.load(FIRST)
        with served(settings_of(platform), ready=False) as client, sync_playwright() as started:
            browser = started.chromium.launch(
                executable_path=chromium_program(), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1100, "height": 640}, color_scheme="dark")
            page.goto(str(client.base_url.join(f"/enter?token={TOKEN}&to=/gallery")))
            tiles = page.locator(".grid > li")
            tiles.nth(1).click()
            tiles.nth(3).click(modifiers=["Shift"])
            page.locator('[data-do="exclude"]').click()
            page.get_by_role("button", name="Agree").wait_for()
            page.screenshot(path=folder / "console.png")
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
