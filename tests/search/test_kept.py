"""The index follows the table, and a file that is not as it was written is made again before it is believed."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from image_assets.alone import alone
from image_assets.search import kept
from image_assets.search.axes import load_axes
from image_assets.search.kept import IndexBusy, IndexEnding
from image_assets.search.nearest import Wish
from image_assets.search.search import ImageSearch
from image_assets.search.segments import open_segment
from image_assets.store.store import Store
from image_assets.whole_files import PARTIAL
from tests.search.rows import ANIMALS, NEXT, PLANTS, put, search_of

WIDTH = 24
RANDOM = np.random.default_rng(1)
WIDE = RANDOM.gamma(0.5, 1, (700, 256)).astype(np.float32)
VECTORS = RANDOM.gamma(0.5, 1, (90, WIDTH)).astype(np.float32)
IDS = [f"{number:064x}" for number in RANDOM.permutation(90).tolist()]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "store"))
    for partition, some in ((PLANTS, slice(0, 30)), (ANIMALS, slice(30, 60)), (NEXT, slice(60, 90))):
        put(store, partition, IDS[some], VECTORS[some])
    return store


@pytest.fixture
def search(store: Store, tmp_path: Path) -> ImageSearch:
    return search_of(store, tmp_path / "index")


def compared(search: ImageSearch, wish: Wish) -> pl.DataFrame:
    """What is found without an index."""
    return search_of(search._store, Path(__file__) / "no folder").like(VECTORS[5], wish)  # pyright: ignore[reportPrivateUsage]


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "index").iterdir())


def test_a_file_for_every_day_answers_as_a_comparison_with_all(search: ImageSearch, tmp_path: Path) -> None:
    assert search.prepare() == 90
    assert len(files(tmp_path)) == 2
    for wish in (
        Wish(10),
        Wish(500),
        Wish(7, besides=IDS[:20]),
        Wish(7, within=lambda one: one == ANIMALS),
        Wish(7, within=lambda one: one.date == NEXT.date),
    ):
        assert search.like(VECTORS[5], wish).equals(compared(search, wish))
    found = search.like(VECTORS[5], Wish(1)).row(0, named=True)
    assert (found["image_id"], found["date"], found["category"]) == (IDS[5], PLANTS.date, "plant")
    assert found["similarity"] == 1
    assert np.array_equal(search.features_of(IDS[70]), VECTORS[70])  # pyright: ignore[reportArgumentType]
    assert search.features_of("0") is None


@pytest.mark.parametrize("where", ["head", "ids", "error", "codes", "features", "cut", "empty"])
def test_a_damaged_file_is_made_again_and_never_believed(
    search: ImageSearch, store: Store, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = compared(search, Wish(90))
    search.prepare()
    before = {path: path.read_bytes() for path in files(tmp_path)}
    for path, content in before.items():
        layout = open_segment(path).head.layout
        damaged = bytearray(content)
        if where == "cut":
            damaged = damaged[:-1]
        elif where == "empty":
            damaged = bytearray()
        else:
            damaged[60 if where == "head" else layout[where][0] + 5] ^= 255
        path.unlink()  # who has the old one open keeps it
        path.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        assert search_of(store, tmp_path / "index").like(VECTORS[5], Wish(90)).equals(whole)
    assert "damaged" in caplog.text
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


def test_an_image_that_left_is_not_found_and_one_that_came_is(
    search: ImageSearch, store: Store, tmp_path: Path
) -> None:
    search.prepare()
    before = files(tmp_path)
    put(store, PLANTS, IDS[6:30], VECTORS[6:30])
    assert IDS[5] not in search.like(VECTORS[5], Wish(90))["image_id"]
    assert search.features_of(IDS[5]) is None
    put(store, NEXT, [*IDS[60:90], "new"], np.concatenate([VECTORS[60:90], VECTORS[5:6]]))
    assert search.like(VECTORS[5], Wish(1))["image_id"].to_list() == ["new"]
    assert not set(before) & set(files(tmp_path))
    assert len(files(tmp_path)) == 2


def test_features_that_were_made_again_count_and_others_extractors_do_not(search: ImageSearch, store: Store) -> None:
    search.prepare()
    put(store, NEXT, IDS[60:90], VECTORS[60:90][::-1])
    assert search.like(VECTORS[89], Wish(1))["image_id"].to_list() == [IDS[60]]
    put(store, NEXT, IDS[60:90], VECTORS[60:90], extractor="another")
    found = search.like(VECTORS[89], Wish(90))
    assert not set(found["image_id"]) & set(IDS[60:90])
    assert found.height == 60
    assert search.features_of(IDS[89]) is None


def test_where_no_index_can_be_kept_all_are_compared_and_it_is_said(
    search: ImageSearch, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = search_of(store, Path(__file__) / "below a file")
    with caplog.at_level(logging.WARNING):
        assert nowhere.like(VECTORS[5], Wish(9)).equals(search.like(VECTORS[5], Wish(9)))
    assert "cannot be kept" in caplog.text
    assert np.array_equal(nowhere.features_of(IDS[70]), VECTORS[70])  # pyright: ignore[reportArgumentType]
    assert nowhere.features_of("0") is None


def test_a_file_that_another_process_removed_is_made_again(search: ImageSearch, tmp_path: Path) -> None:
    before = search.like(VECTORS[5], Wish(9))
    for path in files(tmp_path):
        path.unlink()
    assert search.like(VECTORS[5], Wish(9)).equals(before)


def test_who_does_not_wait_is_told_while_the_index_is_made(search: ImageSearch) -> None:
    index = search._index  # pyright: ignore[reportPrivateUsage]
    held, over = threading.Event(), threading.Event()

    def makes() -> None:
        with index._alone(None):  # pyright: ignore[reportPrivateUsage]
            held.set()
            over.wait(60)

    thread = threading.Thread(target=makes)
    thread.start()
    held.wait(60)
    with pytest.raises(IndexBusy, match="ask again"):
        search.like(VECTORS[5], Wish(1), patience=0)
    over.set()
    thread.join()
    assert search.like(VECTORS[5], Wish(1), patience=0).height == 1


def test_files_that_another_process_makes_are_waited_for_and_what_a_killed_one_left_is_removed(
    search: ImageSearch, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    unfinished = folder / f"{PARTIAL}1"
    unfinished.write_bytes(b"begun")
    with ThreadPoolExecutor(1) as pool:
        with alone(folder):
            waits = pool.submit(search.prepare)
            wait([waits], timeout=0.5)
            assert not waits.done()
            assert unfinished.exists()
        assert waits.result() == 90
    assert not unfinished.exists()


def test_who_makes_it_stops_when_it_is_to_end_and_the_next_goes_on(search: ImageSearch, tmp_path: Path) -> None:
    search.end()
    with pytest.raises(IndexEnding):
        search.prepare()
    assert files(tmp_path) == []
    assert search_of(search._store, tmp_path / "index").prepare() == 90  # pyright: ignore[reportPrivateUsage]


def test_without_images_nothing_is_found(tmp_path: Path) -> None:
    search = search_of(Store(str(tmp_path / "store")), tmp_path / "index")
    assert search.prepare() == 0
    assert search.like(VECTORS[5], Wish(9)).is_empty()
    assert search.features_of("0") is None


def wide(tmp_path: Path, images: int = 700) -> ImageSearch:
    """The search over images of a width that has axes, where so many have some."""
    store = Store(str(tmp_path / "store"))
    for partition, start, end in ((PLANTS, 0, 300), (ANIMALS, 300, 500), (NEXT, 500, 700)):
        if end <= images:
            put(store, partition, [f"{number:064x}" for number in range(start, end)], WIDE[start:end])
    return search_of(store, tmp_path / "index")


def of_kind(tmp_path: Path, suffix: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (tmp_path / "index").glob(f"*{suffix}")}


def agrees(search: ImageSearch) -> bool:
    """Whether it answers as a comparison with all."""
    everything = search_of(search._store, Path(__file__) / "no folder")  # pyright: ignore[reportPrivateUsage]
    return search.like(WIDE[0], Wish(20)).equals(everything.like(WIDE[0], Wish(20)))


@pytest.fixture
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_ENOUGH", 600)


@pytest.mark.usefixtures("few_are_enough")
def test_axes_come_with_many_images_and_stay_when_more_come(tmp_path: Path) -> None:
    search = wide(tmp_path, 500)
    assert agrees(search)
    assert of_kind(tmp_path, ".axes") == {}
    search, few = wide(tmp_path), of_kind(tmp_path, ".near")
    assert agrees(search)
    (axes,), many = of_kind(tmp_path, ".axes").items(), of_kind(tmp_path, ".near")
    assert not set(few) & set(many)
    assert [open_segment(path).head.places for path in many] == [32, 32]
    assert agrees(search_of(search._store, tmp_path / "index"))  # pyright: ignore[reportPrivateUsage]
    put(search._store, NEXT, ["new"], WIDE[:1] * 2)  # pyright: ignore[reportPrivateUsage]
    assert agrees(search)
    assert search.like(WIDE[0], Wish(2))["similarity"].to_list() == [1, 1]
    assert list(of_kind(tmp_path, ".axes").items()) == [axes]
    assert len(set(many) & set(of_kind(tmp_path, ".near"))) == 1


@pytest.mark.usefixtures("few_are_enough")
@pytest.mark.parametrize("where", ["bounds", "places"])
def test_damaged_places_are_made_again(tmp_path: Path, where: str) -> None:
    search = wide(tmp_path)
    search.prepare()
    whole = of_kind(tmp_path, ".near")
    for path, content in whole.items():
        damaged = bytearray(content)
        damaged[open_segment(path).head.layout[where][0] + 5] ^= 255
        path.unlink()
        path.write_bytes(damaged)
    assert agrees(search_of(search._store, tmp_path / "index"))  # pyright: ignore[reportPrivateUsage]
    assert of_kind(tmp_path, ".near") == whole


@pytest.mark.usefixtures("few_are_enough")
@pytest.mark.parametrize("damaged", [True, False])
def test_axes_that_are_damaged_or_gone_are_made_again(
    tmp_path: Path, damaged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    search = wide(tmp_path)
    search.prepare()
    ((path, content),) = of_kind(tmp_path, ".axes").items()
    path.unlink()
    if damaged:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with caplog.at_level(logging.WARNING):
        assert agrees(search_of(search._store, tmp_path / "index"))  # pyright: ignore[reportPrivateUsage]
    assert ("damaged axes" in caplog.text) == damaged
    assert load_axes(path) is not None
    assert agrees(search), "who has the old ones open goes on with them"


def test_files_of_an_earlier_form_are_made_anew(search: ImageSearch, store: Store, tmp_path: Path) -> None:
    search.prepare()
    before = {path: path.read_bytes() for path in files(tmp_path)}
    for path, content in before.items():
        path.unlink()
        path.write_bytes(content.replace(b"near 2", b"near 1", 1))
    (tmp_path / "index" / f"{'0' * 32}.near").write_bytes(b"image-assets near 1")
    assert search_of(store, tmp_path / "index").like(VECTORS[5], Wish(90)).equals(compared(search, Wish(90)))
    assert {path: path.read_bytes() for path in files(tmp_path)} == before
