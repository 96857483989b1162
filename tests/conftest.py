"""Fixtures that every test may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.browser import chromium_program
from tests.platform import FIRST, SECOND, Platform, land_small_sample, small_dataset
from tests.postgres_server import postgres_server  # noqa: F401  # a fixture
from tests.s3_server import s3_server  # noqa: F401  # a fixture

# Files with a few long tests begin first: last, they would be waited for while the other workers are idle.
LONG = (
    "test_dagster_internals.py",  # first of all: what it says is why others fail
    "alerts/test_daemon.py",
    "test_crash.py",
    "test_daemon.py",
    "test_docs.py",
    "cli/test_cli.py",
    "engines/test_ray_engine.py",
    "test_end_to_end.py",
    "test_never_green.py",
    "test_demo.py",
    "orchestration/test_automation.py",
    "lookalikes/test_near_duplicates.py",
    "marks/test_next_run.py",
    "ingest/test_sources.py",
    "test_art_colours.py",
    "test_bundled_datasets.py",
)
# How long an example takes is a matter of the machine and of what else runs there.
settings.register_profile("no deadlines", deadline=None)
settings.load_profile("no deadlines")
SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; within a file tests keep their order."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _streams_stay_open() -> Iterator[None]:
    """Keep TensorFlow's logging from closing what pytest captures into.

    absl, which TensorFlow logs with, remembers the stderr of its import and closes it together with its handler,
    unless it is the stderr of that moment. Dagster configures logging, which closes all handlers; during a test that
    captures anew the stderr is another, and no later test in the process could begin.
    """
    yield
    if "absl.logging" in sys.modules:
        sys.modules["absl.logging"].get_absl_handler().python_handler.stream = sys.__stderr__


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    return chromium_program()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """A Chromium that is driven by playwright; the test is skipped where that is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra scrape is not installed")
    with playwright.sync_playwright() as started:
        # Its sandbox needs rights that containers mostly do not give.
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos, malformed files and weights that lie beside the project; the test is skipped where they do not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real test data beside the project (looked for {SHARED_DATA.parent.name}/{SHARED_DATA.name})")
    return SHARED_DATA


@pytest.fixture(scope="session")
def loaded_platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform with both days run. It is shared: a test that changes it works on `copy_to` of it."""
    platform = Platform(small_dataset(), tmp_path_factory.mktemp("platform"))
    land_small_sample(platform.landing)
    for day in (FIRST, SECOND):
        result = platform.run(day)
        assert result.ok, (result.errors, [str(check) for check in result.checks if not check.passed])
    return platform


@pytest.fixture
def damaged(loaded_platform: Platform, tmp_path: Path) -> Platform:
    """A copy of the loaded platform, for a test to plant a fault in."""
    return loaded_platform.copy_to(tmp_path / "damaged")
