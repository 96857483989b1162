"""A console that ends leaves no thread behind that reads the store: such a thread can end the process by a fault."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from image_assets.console import app
from image_assets.search.search import ImageSearch
from tests.console.served import served, settings_of
from tests.platform import Platform


def test_what_is_being_prepared_when_it_ends_is_over_with_it(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, told, end = threading.Event(), threading.Event(), ImageSearch.end

    def prepares(*_: object) -> None:
        begun.set()
        assert told.wait(60)

    def ends(search: ImageSearch) -> None:
        end(search)
        told.set()

    monkeypatch.setattr(app, "prepare_map", prepares)
    monkeypatch.setattr(ImageSearch, "end", ends)
    with served(settings_of(loaded_platform, search_folder=tmp_path / "index"), ready=False):
        assert begun.wait(60)
        assert "map and index" in {one.name for one in threading.enumerate()}
    assert "map and index" not in {one.name for one in threading.enumerate()}
    assert list((tmp_path / "index").iterdir()) == []  # of the index, no day was begun after that
