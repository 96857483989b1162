"""Stores of both kinds that need no server."""

from __future__ import annotations

from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store", mkdir=True)
