"""A real browser for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def chromium_program() -> str:
    """The path of a Chromium: what the environment names, what is on PATH, or what npm brought (`make test`)."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("IMAGE_ASSETS_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    return found or npm_chromium()


def npm_chromium() -> str:
    """The path of the one from npm, unpacked when it is first asked for; the test is skipped where there is none."""
    if not (ROOT / "node_modules" / "@sparticuz").is_dir() or not shutil.which("node"):
        pytest.skip("no Chromium on PATH, and none from npm (`make test` installs it, where there is Node)")
    done = subprocess.run(["node", ROOT / "tests" / "chromium.mjs"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def drawing_browser() -> Iterator[Any]:
    """A Chromium that draws with its processor what a graphics card would, such as the map."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra scrape is not installed")
    with playwright.sync_playwright() as started:
        flags = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
        opened = started.chromium.launch(executable_path=chromium_program(), args=flags)
        yield opened
        opened.close()
