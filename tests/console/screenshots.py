"""The README's pictures of the console, of drawn pictures: `python -m tests.console.screenshots docs/images`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium_program
from tests.console.served import TOKEN, served, settings_of
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset


def main(folder: Path) -> None:
    """Draw, load, open the gallery, select and mark, and keep what is seen."""
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
