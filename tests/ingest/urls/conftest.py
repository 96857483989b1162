"""Fixtures: a site to download from, a canary that nobody may reach, and a source with its list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingest.urls.downloading import Arrived
from tests.ingest.urls.web import Site, content, running


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as one:
        yield one


@pytest.fixture(scope="module")
def canary() -> Iterator[Site]:
    """Serves a file to whoever gets here: nobody may."""
    with running(Site(fallback=lambda _: content(b"what only this machine may see"))) as one:
        yield one


@pytest.fixture
def arrived(tmp_path: Path) -> Callable[..., Arrived]:
    """Makes a source whose landing zone holds one list of URLs; settings as given."""

    def make(*urls: str, **settings: object) -> Arrived:
        return Arrived.of(tmp_path, urls, settings)

    return make
