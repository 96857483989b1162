"""What the API says of images that are like others: those of a full comparison, of a loaded image and of a file."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest

from image_assets.features.table import feature_matrix
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.search.likeness import directions, likenesses
from tests.console.served import served, settings_of
from tests.console.test_classify import NEW, PNG, in_base64, said
from tests.pictures import picture
from tests.platform import FIRST, SECOND, Platform


@pytest.fixture(scope="module")
def features(loaded_platform: Platform) -> pl.DataFrame:
    return loaded_platform.rows(IMAGE_FEATURES).sort("image_id")


def compared(features: pl.DataFrame, image_id: str) -> list[str]:
    """The ids of all other images by a full comparison, the most similar first."""
    rows = directions(feature_matrix(features), rooted=True)
    own = int(np.flatnonzero(features["image_id"].to_numpy() == image_id)[0])
    found = features.select("image_id", similarity=pl.Series(likenesses(rows, rows[own])))
    ordered = found.sort("similarity", "image_id", descending=[True, False])["image_id"].to_list()
    return [one for one in ordered if one != image_id]


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["image_id"] for one in answer.json()["neighbours"]]


def test_a_loaded_images_neighbours_are_those_of_a_full_comparison(
    console: httpx.Client, features: pl.DataFrame
) -> None:
    own = features["image_id"][11]
    expected = compared(features, own)
    answer = console.get("/v1/neighbours", params={"id": own, "k": 1000})
    assert ids(answer) == expected
    assert answer.json()["loaded"] is True
    assert answer.json()["extractor"]["digest"] == features["extractor"][0]
    assert ids(console.get("/v1/neighbours", params={"id": own})) == expected[:12]
    some = dict(features.filter(date=SECOND, category="human").select("image_id", "label").iter_rows())
    only = console.get("/v1/neighbours", params={"id": own, "day": str(SECOND), "category": "human", "k": 100})
    assert ids(only) == [one for one in expected if one in some]
    assert {(one["day"], one["category"]) for one in only.json()["neighbours"]} == {(str(SECOND), "human")}
    refused = console.get("/v1/neighbours", params={"id": own, "category": "humans"})
    assert refused.json()["error"]["message"] == "there is no category 'humans'; did you mean human?"
    assert console.post("/v1/neighbours?category=humans", content=NEW, headers=PNG).status_code == 400


def test_a_file_is_answered_alike_however_it_comes_and_a_loaded_one_without_itself(
    console: httpx.Client, features: pl.DataFrame, loaded_platform: Platform
) -> None:
    ways: list[dict[str, Any]] = [
        {"content": NEW, "headers": PNG},
        {"files": {"file": ("new.png", NEW)}},
        {"json": {"content": in_base64(NEW)}},
    ]
    answers = [console.post("/v1/neighbours?k=3", **way).json() for way in ways]
    assert answers[0]["image_id"] == hashlib.sha256(NEW).hexdigest()
    assert answers[0]["loaded"] is False
    assert answers[0]["neighbours"][0]["category"] == "animal"  # it was drawn as one
    assert answers[1] == answers[2] == answers[0]

    own = features["image_id"][3]
    content = loaded_platform.rows(RAW_IMAGES).filter(image_id=own)["content"][0]
    loaded = console.post("/v1/neighbours?k=5", content=content, headers=PNG)
    assert loaded.json()["loaded"] is True
    assert ids(loaded) == compared(features, own)[:5]


def test_what_is_no_question_is_told_why(console: httpx.Client) -> None:
    assert "unknown" in said(console.get("/v1/neighbours?id=unknown"), 404, "unknown_image")
    assert "by POST" in said(console.get("/v1/neighbours"), 400, "no_image")
    for k in ("0", "1001", "x", "٣"):
        assert "k=" in said(console.get(f"/v1/neighbours?id=x&k={k}"), 400, "bad_number")
    said(console.get("/v1/neighbours?id=x&day=soon"), 400, "bad_query")
    said(console.post("/v1/neighbours", content=b"<html>", headers=PNG), 422, "not_an_image")
    said(console.post("/v1/neighbours", content=b"x", headers={"content-type": "text/html"}), 415, "unknown_kind")
    said(console.post("/v1/neighbours?k=0", content=NEW, headers=PNG), 400, "bad_number")


def test_an_answer_names_the_training_images_that_are_most_like_it_and_never_itself(
    console: httpx.Client, features: pl.DataFrame, loaded_platform: Platform
) -> None:
    own = features["image_id"][3]
    content = loaded_platform.rows(RAW_IMAGES).filter(image_id=own)["content"][0]
    answer = console.post("/v1/classify?nearest=4", content=content, headers=PNG).json()
    assert answer["seen_in_training"] is True
    assert [one["image_id"] for one in answer["nearest"]] == compared(features, own)[:4]
    assert "nearest" not in console.post("/v1/classify", content=NEW, headers=PNG).json()
    batch = console.post("/v1/classify:batch?nearest=1", files=[("file", ("a", NEW)), ("file", ("b", b""))]).json()
    assert [len(one.get("nearest", ())) for one in batch["answers"]] == [1, 0]
    said(console.post("/v1/classify?nearest=21", content=NEW, headers=PNG), 400, "bad_number")


def test_of_images_that_came_after_the_training_none_is_told_with_an_answer(
    loaded_platform: Platform, tmp_path
) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    rows = platform.rows(IMAGE_FEATURES, platform.partition("plant", FIRST))
    later = platform.partition("plant", SECOND.replace(day=20))
    platform.replace_rows(IMAGE_FEATURES, later, rows.with_columns(image_id="later" + pl.col("image_id").str.slice(5)))
    content = picture(0, 0)
    with served(settings_of(platform)) as client:
        every = client.post("/v1/neighbours?k=1000", content=content, headers=PNG).json()["neighbours"]
        answer = client.post("/v1/classify?nearest=20", content=content, headers=PNG).json()
    assert str(later.date) in {one["day"] for one in every}
    assert len(answer["nearest"]) == 20
    assert str(later.date) not in {one["day"] for one in answer["nearest"]}


def test_a_thumbnail_is_a_picture_and_of_an_unknown_image_there_is_none(
    console: httpx.Client, features: pl.DataFrame
) -> None:
    found = console.get(f"/v1/images/{features['image_id'][0]}/thumbnail")
    assert found.headers["content-type"] == "image/jpeg"
    assert found.content.startswith(b"\xff\xd8")
    said(console.get("/v1/images/unknown/thumbnail"), 404, "unknown_image")
