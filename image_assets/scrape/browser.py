"""The browser that opens the pages: one that is there, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from image_assets.environment import CHROMIUM
from image_assets.errors import Explained

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class CollectError(Explained):
    """Nothing can be collected, or not from this page: the message says why and what to do."""


@contextmanager
def open_browser(*, sandbox: bool = True) -> Iterator[Browser]:
    """Chromium without a window, closed at the end of the block.

    Args:
        sandbox: Whether pages are kept in Chromium's sandbox. It cannot run as root, and is left off there.

    Raises:
        CollectError: Playwright is not installed, or there is no Chromium, or it does not start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise CollectError(
            "collecting pages needs Playwright: install the extra, image-assets[scrape]; "
            f"any Chromium on PATH, or one that {CHROMIUM.name} names, will do"
        ) from None
    with sync_playwright() as playwright:
        path = _executable(playwright.chromium)
        try:
            browser = playwright.chromium.launch(
                executable_path=path,
                chromium_sandbox=sandbox and os.geteuid() != 0,
                args=["--disable-gpu"],
            )
        except Error as error:
            reason = error.message.strip().splitlines()[0]
            raise CollectError(
                f"{path} does not start: {reason}; name another Chromium in {CHROMIUM.name}, or, where the system "
                "forbids its sandbox, say --no-sandbox"
            ) from None
        try:
            yield browser
        finally:
            browser.close()


def _executable(chromium: BrowserType) -> str:
    """The one that the environment names, else one on PATH, else Playwright's own. Raises `CollectError`."""
    named = CHROMIUM.value
    if named:
        if not os.access(named, os.X_OK):
            raise CollectError(f"{CHROMIUM.name}={named}: no such program")
        return named
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    if os.path.exists(chromium.executable_path):
        return chromium.executable_path
    raise CollectError(
        f"no Chromium: looked for {', '.join(_NAMES)} on PATH and for Playwright's own; install one with the system's "
        f"packages or with `playwright install chromium`, or name it in {CHROMIUM.name}"
    )
