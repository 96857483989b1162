"""Fixtures of the checks' tests."""

from __future__ import annotations

import pytest

from tests.platform import Platform, small_dataset


@pytest.fixture
def empty_platform(tmp_path) -> Platform:
    """A platform on which nothing has ever been made: no tables, no shards, no model."""
    return Platform(small_dataset(), tmp_path / "empty")
