"""A current model that is gone, altered or not named any more is told by the status: nobody can ask it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from image_assets.answers import current_models
from image_assets.answers.status import Status, status_of
from tests.platform import Platform
from tests.store_files import remove_file


def status(platform: Platform) -> Status:
    return status_of(platform.dataset, platform.store, [], None)


def alter(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def of_champion(platform: Platform, ending: str) -> Path:
    (champion,) = filter(None, status(platform).models.values())
    return platform.files / "drawn/classifier" / f"model-{champion.sha256[:12]}.{ending}"


def test_of_a_current_model_that_is_whole_nothing_is_said(loaded_platform: Platform) -> None:
    now = status(loaded_platform)
    assert (now.damaged, [*now.models]) == ((), ["classifier"])


@pytest.mark.parametrize("damage", [remove_file, alter, cut])
@pytest.mark.parametrize("ending", ["skops", "json"])
def test_a_model_that_is_not_as_it_was_written_is_named(
    damaged: Platform, ending: str, damage: Callable[[Path], None]
) -> None:
    file = of_champion(damaged, ending)
    damage(file)
    (said,) = status(damaged).damaged
    assert f"drawn/classifier/{file.name}" in said
    assert "image-assets repair" in said


@pytest.mark.parametrize("damage", [remove_file, cut])
def test_a_file_that_names_the_current_model_and_is_gone_or_cut_is_named(
    damaged: Platform, damage: Callable[[Path], None]
) -> None:
    damage(damaged.files / "drawn/classifier/champion.json")
    (said,) = status(damaged).damaged
    assert "drawn/classifier/champion.json" in said


def test_a_large_model_is_not_read_and_missed_all_the_same(damaged: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_models, "_READ_BYTES", 10)
    file = of_champion(damaged, "skops")
    alter(file)
    assert status(damaged).damaged == ()
    remove_file(file)
    assert len(status(damaged).damaged) == 1


def test_where_no_model_was_ever_trained_none_is_missed(damaged: Platform) -> None:
    for file in (damaged.files / "drawn/classifier").rglob("*.*"):
        remove_file(file)
    assert status(damaged).damaged == ()
