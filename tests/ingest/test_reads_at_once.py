"""Files from far away: as many are read at once as the environment says, and the tables stay what they are."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from image_assets.dataset import DatasetError
from image_assets.definitions import build_resources
from image_assets.environment import READS_AT_ONCE
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.fingerprint import ReadsError, reads_at_once
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import SourceFile
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.workers import cores
from tests.ingest.test_load import DAYS, Place
from tests.pictures import picture
from tests.store_files import files_at

TOGETHER = 4
FILES = 2 * TOGETHER


class OnlyTogether(DayFolders):
    """A file comes only while three others are asked for: who asks one by one gets none."""

    barrier = threading.Barrier(TOGETHER, timeout=3)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        self.barrier.wait()
        return super().read(file, max_bytes)


def arrived(root: Path) -> Place:
    place = Place(root)
    for number in range(FILES):
        place.put(DAYS[0], "plant", f"{number}.png", picture(0, number, side=8))
    return place


def test_as_many_files_are_read_at_once_as_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = arrived(tmp_path / "before")
    before.load(DAYS[0])
    monkeypatch.setenv(READS_AT_ONCE.name, str(TOGETHER * cores()))
    place = arrived(tmp_path / "after")
    OnlyTogether.barrier.reset()
    report = place.load(DAYS[0], source=OnlyTogether(LocalTree(place.landing)))
    assert report.loaded == FILES
    assert place.state() == before.state()
    raw = [sorted(files_at(one.store.url).glob("*/raw_images/**/*.parquet")) for one in (before, place)]
    assert [file.name for file in raw[0]] == [file.name for file in raw[1]] != []
    assert [file.read_bytes() for file in raw[0]] == [file.read_bytes() for file in raw[1]]


def test_without_it_they_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(READS_AT_ONCE.name, raising=False)
    place = arrived(tmp_path)
    OnlyTogether.barrier.reset()
    with pytest.raises(threading.BrokenBarrierError):
        place.load(DAYS[0], source=OnlyTogether(LocalTree(place.landing)))


def test_a_unit_never_reads_fewer_than_it_has_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(READS_AT_ONCE.name, raising=False)
    assert reads_at_once(3) == 3
    monkeypatch.setenv(READS_AT_ONCE.name, "16")
    assert [reads_at_once(threads) for threads in (1, 16, 20)] == [16, 16, 20]


@pytest.mark.parametrize("said", ["0", "many", "-1"])
def test_a_number_that_is_none_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv(READS_AT_ONCE.name, said)
    with pytest.raises(ReadsError, match=f"IMAGE_ASSETS_READS_AT_ONCE={said}: expected a number of files, 1 or more"):
        reads_at_once(1)
    with pytest.raises(DatasetError, match="IMAGE_ASSETS_READS_AT_ONCE"):
        build_resources(LandingResource(url=str(tmp_path)), StoreResource(url=str(tmp_path)))
