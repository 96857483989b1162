"""A console that tests share which change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.console.served import served, settings_of
from tests.platform import Platform


@pytest.fixture(scope="session")
def console(loaded_platform: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(loaded_platform)) as client:
        yield client
