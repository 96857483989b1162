"""The benchmark of the map's page: the store that it writes has a map of as many images as are asked for."""

from __future__ import annotations

from pathlib import Path

from benchmarks.map_page.stored_map import CATEGORIES, stored_map
from image_assets.answers.map.points import points_of
from image_assets.store.store import Store


def test_the_store_has_a_map_of_so_many_images_and_is_written_once(tmp_path: Path) -> None:
    dataset = stored_map(tmp_path, 303, days=2)
    points = points_of(dataset, Store.to_read(str(tmp_path / "store")))
    assert points.number == points.rows["image_id"].n_unique() == 303
    assert set(points.rows["category"]) == set(CATEGORIES)
    assert points.rows["date"].n_unique() == 2
    written = (tmp_path / "dataset.yaml").stat().st_mtime_ns
    assert stored_map(tmp_path, 303, days=2) == dataset
    assert (tmp_path / "dataset.yaml").stat().st_mtime_ns == written
