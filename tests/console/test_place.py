"""About where on the map an image is that is classified: itself where it is there, else among what it is like."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np

from image_assets.answers.map.placing import place_of
from image_assets.embedding.kept_fit import KeptFits
from image_assets.embedding.kept_regions import FOLDER
from image_assets.features.extractor import shared_extractor
from image_assets.schema import EMBEDDING, IMAGE_FEATURES, RAW_IMAGES
from tests.console.served import served, settings_of
from tests.pictures import picture
from tests.platform import Platform
from tests.store_files import files_at, remove_files

PNG = {"content-type": "image/png"}
NEW = picture(1, 2_000)


def digest_of(platform: Platform) -> str:
    return shared_extractor(platform.dataset.extractor).digest


def test_an_image_that_is_on_the_map_is_told_its_place_there(console: httpx.Client, loaded_platform: Platform) -> None:
    on_map = loaded_platform.rows(EMBEDDING).row(5, named=True)
    content = loaded_platform.rows(RAW_IMAGES).filter(image_id=on_map["image_id"])["content"][0]
    place = console.post("/v1/classify?place=1", content=content, headers=PNG).json()["place"]
    assert place["on_map"] is True
    assert (place["x"], place["y"]) == (on_map["x"], on_map["y"])
    told = console.get("/v1/map").json()
    assert place["x"] == np.float32(told["corner"][0] + place["across"] * told["side"])
    assert place["y"] == np.float32(told["corner"][1] + place["up"] * told["side"])


def test_another_one_is_told_the_middle_of_those_that_it_is_most_like(
    console: httpx.Client, loaded_platform: Platform
) -> None:
    platform = loaded_platform
    (shown,) = platform.rows(EMBEDDING)["fit"].unique()
    fit, _ = KeptFits(platform.store.objects(platform.dataset.name, FOLDER)).load(shown)
    one = np.array(platform.rows(IMAGE_FEATURES)["features"].to_list()[7], np.float32) + np.float32(1e-4)
    place = place_of(platform.dataset, platform.store, "0" * 64, one, digest_of(platform))
    assert place is not None
    assert not place.on_map
    gaps = np.linalg.norm(fit.reduced.astype(np.float64) - fit.reduction.apply(one[None]), axis=1)
    expected = np.median(fit.places[np.argsort(gaps, kind="stable")[:15]], axis=0).astype(np.float32)
    assert (place.x, place.y) == tuple(expected.tolist())
    assert "place" not in console.post("/v1/classify", content=NEW, headers=PNG).json()
    batch = console.post("/v1/classify:batch?place=1", files=[("file", ("a", NEW)), ("file", ("b", b""))]).json()
    assert ["place" in one for one in batch["answers"]] == [True, False]


def test_where_no_fit_is_kept_or_it_is_of_other_features_nothing_is_guessed(
    loaded_platform: Platform, tmp_path: Path
) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    one = np.array(platform.rows(IMAGE_FEATURES)["features"].to_list()[0], np.float32)
    assert place_of(platform.dataset, platform.store, "0" * 64, one, digest_of(platform)) is not None
    assert place_of(platform.dataset, platform.store, "0" * 64, one, "another") is None
    other = loaded_platform.copy_to(tmp_path / "other")
    remove_files(files_at(other.store.url) / other.dataset.name / FOLDER)
    assert place_of(other.dataset, other.store, "0" * 64, one, digest_of(other)) is None
    with served(settings_of(other)) as client:
        answer = client.post("/v1/classify?place=1", content=NEW, headers=PNG)
    assert answer.status_code == 200
    assert "place" not in answer.json()


def test_an_altered_fit_is_not_believed(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    for file in (files_at(platform.store.url) / platform.dataset.name / FOLDER).glob("fit-*[0-9a-f].npz"):
        file.write_bytes(file.read_bytes()[:-1])
    one = np.array(platform.rows(IMAGE_FEATURES)["features"].to_list()[0], np.float32)
    assert place_of(platform.dataset, platform.store, "0" * 64, one, digest_of(platform)) is None
