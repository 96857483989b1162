"""What was loaded does not go away by itself: most of a partition goes only where somebody allows it, and is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from image_assets.engines.engine import LocalEngine
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition
from image_assets.ingest.loss import ALLOW_LOSS_TAG, LossRefused
from image_assets.schema import ARRIVALS, DUPLICATES, QUARANTINE, RAW_IMAGES, Partition
from image_assets.store.store import Store
from tests.ingest.folders import folder_source
from tests.pictures import picture
from tests.platform import FIRST, SECOND, Platform, small_dataset

DATASET = small_dataset()
PLANT = Partition(FIRST, "plant")
TABLES = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE)


class Place:
    """A landing zone with ten pictures, loaded once."""

    def __init__(self, root: Path) -> None:
        self.landing = root / "landing"
        self.folder = self.landing / str(FIRST) / "plant"
        self.folder.mkdir(parents=True)
        for seed in range(10):
            (self.folder / f"{seed}.png").write_bytes(picture(0, seed, side=8))
        self.store = Store(str(root / "store"))
        self.load()

    def load(self, partition: Partition = PLANT, **changes: object) -> IngestReport:
        tables = IngestTables.of(self.store, DATASET)
        allow = bool(changes.pop("allow_loss", False))
        dataset = small_dataset(**changes)
        source = folder_source(self.landing)
        return ingest_partition(partition, Ingest(dataset, source, tables, LocalEngine()), allow_loss=allow)

    def held(self) -> list[pl.DataFrame]:
        return [self.store.table(DATASET.name, schema).scan().collect() for schema in TABLES]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def empty_mount_point(place: Place) -> None:
    shutil.rmtree(place.landing)
    place.landing.mkdir()


def day_folder_gone(place: Place) -> None:
    shutil.rmtree(place.folder.parent)


def category_folder_gone(place: Place) -> None:
    shutil.rmtree(place.folder)


def pruned(place: Place) -> None:
    for file in sorted(place.folder.iterdir())[4:]:
        file.unlink()


def links_to_what_is_away(place: Place) -> None:
    for file in place.folder.iterdir():
        file.unlink()
        file.symlink_to(f"/nowhere/{file.name}")


def all_cut(place: Place) -> None:
    for number, file in enumerate(place.folder.iterdir()):
        file.write_bytes(file.read_bytes()[: 40 + number])


WAYS = (empty_mount_point, day_folder_gone, category_folder_gone, pruned, links_to_what_is_away, all_cut)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_most_of_a_day_does_not_go_by_itself(place: Place, way: Callable[[Place], None]) -> None:
    before = place.held()
    way(place)
    with pytest.raises(LossRefused, match=r"10 images of it are loaded, and \d would be left.*--allow-loss"):
        place.load()
    for kept, now in zip(before, place.held(), strict=True):
        assert kept.equals(now)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_goes_where_somebody_allows_it_and_is_told(place: Place, way: Callable[[Place], None]) -> None:
    way(place)
    report = place.load(allow_loss=True)
    assert report.loaded == (4 if way is pruned else 0)
    assert len(report.gone) == 10 - report.loaded
    assert report.gone[-1] == f"{FIRST}/plant/9.png"


def test_single_files_may_go_and_are_told(place: Place) -> None:
    (place.folder / "3.png").unlink()
    report = place.load()
    assert (report.loaded, report.gone) == (9, (f"{FIRST}/plant/3.png",))


def test_corrected_files_may_take_the_place_of_all(place: Place) -> None:
    for seed in range(10):
        (place.folder / f"{seed}.png").write_bytes(picture(1, seed, side=8))
    report = place.load()
    assert (report.loaded, len(report.gone)) == (10, 10)


def test_renamed_files_are_not_gone(place: Place) -> None:
    place.folder.rename(place.folder.parent / "elsewhere")
    (place.folder / "below").mkdir(parents=True)
    for file in (place.folder.parent / "elsewhere").iterdir():
        file.rename(place.folder / "below" / f"new {file.name}")
    assert place.load().gone == ()


def test_what_another_day_holds_by_now_is_not_gone(place: Place) -> None:
    later = place.landing / str(SECOND) / "plant"
    shutil.copytree(place.folder, later)
    place.load(Partition(SECOND, "plant"))
    shutil.rmtree(place.folder)
    (place.folder).mkdir()
    # The second day counts them as duplicates, so the first is still the only one that holds them.
    with pytest.raises(LossRefused):
        place.load()


def test_the_share_is_the_dataset_files(place: Place) -> None:
    pruned(place)
    with pytest.raises(LossRefused):
        place.load(limits={"keep_share": 1})
    assert place.load(limits={"keep_share": 0.4}).loaded == 4


def test_an_empty_partition_has_nothing_to_lose(place: Place) -> None:
    assert place.load(Partition(SECOND, "plant")).loaded == 0


def test_a_run_that_is_refused_fails_without_trying_again_and_says_what_to_do(tmp_path: Path) -> None:
    platform = Platform(DATASET, tmp_path)
    for seed in range(4):
        file = platform.landing / str(FIRST) / "plant" / f"{seed}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(0, seed, side=16))
    assert platform.load(FIRST, "plant").ok
    shutil.rmtree(platform.landing)
    platform.landing.mkdir()
    result = platform.load(FIRST, "plant")
    assert not result.ok
    assert "4 images of it are loaded, and 0 would be left" in result.errors[0]
    assert ALLOW_LOSS_TAG in result.errors[0]
    assert platform.rows(RAW_IMAGES).height == 4
