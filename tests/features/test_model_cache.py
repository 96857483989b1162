from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from image_assets.features.model_cache import read_model, write_model
from image_assets.places import cache_folder

KEY, OTHER = "0" * 64, "1" * 64


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "models"))
    return tmp_path / "models"


def test_the_cache_is_in_the_home_folder_unless_told_otherwise(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", "")
    assert cache_folder() == Path.home() / ".cache" / "image-assets"


def test_a_model_is_found_under_its_key_only() -> None:
    assert read_model(KEY) is None
    write_model(KEY, b"model")
    assert read_model(KEY) == b"model"
    assert read_model(OTHER) is None


@pytest.mark.parametrize("content", [b"", b"mode", b"modem", b"model more"])
def test_a_damaged_model_is_thrown_away(cache: Path, content: bytes) -> None:
    write_model(KEY, b"model")
    write_model(OTHER, b"other")
    [file] = cache.glob(f"{KEY}*")
    file.write_bytes(content)
    assert read_model(KEY) is None
    assert not file.exists()
    assert read_model(OTHER) == b"other"


def test_a_model_of_another_key_does_not_pass_for_ones_own(cache: Path) -> None:
    write_model(KEY, b"model")
    write_model(OTHER, b"other")
    [file], [foreign] = cache.glob(f"{KEY}*"), cache.glob(f"{OTHER}*")
    os.replace(foreign, file)
    assert read_model(KEY) is None


def test_a_write_that_fails_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_model(KEY, b"model")
    assert list(cache.iterdir()) == []


def test_several_may_write_the_same_model_at_once(cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_model(KEY, b"model" * 100_000), range(32)))
    assert len(list(cache.iterdir())) == 1
    assert read_model(KEY) == b"model" * 100_000
