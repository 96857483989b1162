"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photos, malformed files and weights that lie beside the project; the test is skipped where they do not."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real test data beside the project (looked for {SHARED_DATA.parent.name}/{SHARED_DATA.name})")
    return SHARED_DATA
