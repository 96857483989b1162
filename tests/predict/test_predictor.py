"""Whoever asks what an image is gets the table's answer, or the quarantine's reason, of the model of that moment."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import obstore
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.by_hand import promote_model, roll_back
from image_assets.features.decode import prepared
from image_assets.features.extractor import shared_extractor
from image_assets.features.table import feature_matrix
from image_assets.images.decode import decode
from image_assets.images.reasons import Reason, Rejected
from image_assets.predict import current
from image_assets.predict.answer import Answer, NoImage, Prediction
from image_assets.predict.predictor import Predictor
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, QUARANTINE, RAW_IMAGES
from image_assets.store.models.model_champion import Champion, read_champion
from image_assets.store.models.model_store import ModelMissingError, ModelRefusedError, manifest_of
from image_assets.store.store import Store
from tests.pictures import picture
from tests.platform import SECOND, Platform


@pytest.fixture
def platform(loaded_platform: Platform, tmp_path: Path) -> Platform:
    """A copy of which a test may switch the champion."""
    return loaded_platform.copy_to(tmp_path)


def champion(platform: Platform) -> Champion:
    return read_champion(platform.store.objects(), classifier_prefix(platform.dataset))


def make_champion(platform: Platform, sha256: str) -> None:
    promote_model(platform.store.objects(), classifier_prefix(platform.dataset), sha256[:12], *now(platform))


def now(platform: Platform) -> tuple[str, dict[str, int], dt.datetime]:
    """Extractor, categories and time of somebody who acts by hand."""
    digest = shared_extractor(platform.dataset.extractor).digest
    return digest, dict(platform.dataset.categories), dt.datetime.now(dt.UTC)


def images_of(platform: Platform, count: int = 12) -> pl.DataFrame:
    """Images of the second day, which the first day's model has scored."""
    rows = platform.rows(RAW_IMAGES).filter(pl.col("date") == SECOND).sort("image_id").head(count)
    return rows.select("image_id", "content")


def ask(predictor: Predictor, content: bytes) -> Prediction:
    answer = predictor.answer(content)
    assert isinstance(answer, Prediction)
    return answer


def test_the_answer_is_the_table_s(platform: Platform) -> None:
    images = images_of(platform)
    rows = images.join(platform.rows(PREDICTIONS), on="image_id", maintain_order="left")
    (scored_by,) = set(rows["model"])
    if champion(platform).sha256 != scored_by:
        make_champion(platform, scored_by)
    predictor = Predictor(platform.dataset, platform.store)
    for answer, row in zip(predictor.answers(images["content"]), rows.iter_rows(named=True), strict=True):
        assert isinstance(answer, Prediction)
        assert (answer.image_id, answer.category, answer.unknown, answer.model) == (
            row["image_id"],
            row["predicted_category"],
            row["unknown"],
            scored_by,
        )
        assert answer.probability == pytest.approx(row["probability"], abs=1e-6)
        (_, first), (_, second), *_ = answer.categories
        assert first - second == pytest.approx(row["margin"], abs=2e-6)
        assert {name for name, _ in answer.categories} == set(platform.dataset.categories)
        assert sum(probability for _, probability in answer.categories) == pytest.approx(1, abs=1e-5)
        assert answer.extractor == shared_extractor(platform.dataset.extractor).digest


def test_features_are_those_of_the_table_bit_for_bit_one_by_one_and_together(loaded_platform: Platform) -> None:
    images = images_of(loaded_platform)
    rows = images.join(loaded_platform.rows(IMAGE_FEATURES), on="image_id", maintain_order="left")
    predictor, contents = Predictor(loaded_platform.dataset, loaded_platform.store), images["content"].to_list()
    expected = feature_matrix(rows)
    assert np.array_equal(predictor.features(contents), expected)
    assert np.array_equal(np.concatenate([predictor.features([one]) for one in contents]), expected)


def test_one_by_one_and_many_at_once_are_answered_alike_and_in_order(loaded_platform: Platform) -> None:
    predictor = Predictor(loaded_platform.dataset, loaded_platform.store)
    contents = [b"", *images_of(loaded_platform, 19)["content"], b"<html>"]
    together = list(predictor.answers(contents))
    assert [alike(one) for one in together] == [alike(predictor.answer(content)) for content in contents]
    assert list(predictor.answers([])) == []


def alike(answer: Answer) -> object:
    """All but the last digits."""
    if isinstance(answer, NoImage):
        return answer
    return answer.image_id, answer.model, [(name, round(p, 5)) for name, p in answer.categories]


def test_what_is_in_quarantine_is_refused_for_the_same_reason(loaded_platform: Platform) -> None:
    predictor, judged = Predictor(loaded_platform.dataset, loaded_platform.store), []
    for row in loaded_platform.rows(QUARANTINE).iter_rows(named=True):
        answer = predictor.answer((loaded_platform.landing / row["source"]).read_bytes())
        assert answer == NoImage(row["image_id"], Reason(row["reason"]), row["detail"])
        judged.append(row["reason"])
    assert sorted(judged) == ["empty", "not_an_image", "not_an_image"]


@settings(max_examples=30, deadline=None)
@given(end=st.integers(0, 3_000), at=st.integers(0, 3_000), byte=st.integers(0, 255))
def test_the_door_decides_whatever_the_bytes(loaded_platform: Platform, end: int, at: int, byte: int) -> None:
    content = bytearray(picture(1, 7))[: end or None]
    content[at % len(content)] = byte
    answer = Predictor(loaded_platform.dataset, loaded_platform.store).answer(bytes(content))
    refused = refusal_of(bytes(content), loaded_platform)
    assert isinstance(answer, NoImage if refused else Prediction)
    if isinstance(answer, NoImage) and refused:
        assert (answer.reason, answer.detail) == (refused.reason, refused.detail)


def refusal_of(content: bytes, platform: Platform) -> Rejected | None:
    try:
        decode(content, platform.dataset.limits)
    except Rejected as rejected:
        return rejected
    return None


@pytest.mark.parametrize(
    ("limits", "reason"), [({"max_side": 20}, Reason.SIDE_TOO_LONG), ({"max_bytes": 500}, Reason.TOO_MANY_BYTES)]
)
def test_the_dataset_s_limits_count_though_the_extractor_would_take_the_picture(
    loaded_platform: Platform, limits: dict[str, int], reason: Reason
) -> None:
    strict = loaded_platform.dataset.limits.model_copy(update=limits)
    dataset = loaded_platform.dataset.model_copy(update={"limits": strict})
    content = picture(1, 7)
    assert prepared(content, shared_extractor(dataset.extractor)).any()
    answer = Predictor(dataset, loaded_platform.store).answer(content)
    assert isinstance(answer, NoImage)
    assert answer.reason == reason


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The model of every load."""
    found: list[str] = []
    real = current.load_model

    def noted(*where: object):
        model, manifest = real(*where)  # pyright: ignore[reportArgumentType]
        found.append(manifest.sha256)
        return model, manifest

    monkeypatch.setattr(current, "load_model", noted)
    return found


def test_a_champion_that_is_switched_between_two_calls_answers_the_second(platform: Platform, loads: list[str]) -> None:
    predictor, content = Predictor(platform.dataset, platform.store), images_of(platform, 1)["content"][0]
    first = champion(platform)
    assert first.replaced
    before = ask(predictor, content)
    assert before.model == first.sha256
    assert ask(predictor, content) == before
    roll_back(platform.store.objects(), classifier_prefix(platform.dataset), *now(platform))
    after = ask(predictor, content)
    assert after.model == first.replaced != before.model
    assert loads == [before.model, after.model]
    assert dict(after.categories) != dict(before.categories)


def test_a_model_that_did_not_become_the_champion_is_not_loaded(platform: Platform, loads: list[str]) -> None:
    predictor, content = Predictor(platform.dataset, platform.store), images_of(platform, 1)["content"][0]
    before, known = ask(predictor, content), champion(platform)
    assert known.replaced
    name = f"{classifier_prefix(platform.dataset)}/champion.json"
    obstore.put(platform.store.objects(), name, known.model_copy(update={"latest": known.replaced}).to_bytes())
    assert ask(predictor, content) == before
    assert loads == [before.model]


def test_many_threads_are_answered_while_the_champion_is_switched(platform: Platform) -> None:
    objects, prefix = platform.store.objects(), classifier_prefix(platform.dataset)
    predictor, contents = Predictor(platform.dataset, platform.store), images_of(platform, 8)["content"].to_list()
    first = champion(platform)
    alone = {}
    for sha256 in (first.replaced, first.sha256):
        assert sha256
        make_champion(platform, sha256)
        alone[sha256] = [alike(ask(predictor, content)) for content in contents]
    start = threading.Barrier(5)

    def asks(number: int) -> list[tuple[int, Prediction]]:
        start.wait()
        turns = [(turn + number) % len(contents) for turn in range(2 * len(contents))]
        return [(turn, ask(predictor, contents[turn])) for turn in turns]

    def switches() -> None:
        start.wait()
        for _ in range(3):
            for sha256 in alone:
                make_champion(platform, sha256)

    with ThreadPoolExecutor(5) as pool:
        asked, switching = [pool.submit(asks, number) for number in range(4)], pool.submit(switches)
        switching.result()
        for one in asked:
            for turn, answer in one.result():
                assert alike(answer) == alone[answer.model][turn]
    assert ask(predictor, contents[0]).model == read_champion(objects, prefix).sha256


def test_without_a_model_that_can_be_used_there_is_no_answer(platform: Platform) -> None:
    content = images_of(platform, 1)["content"][0]
    nothing = Store(str(platform.root / "nothing"))
    with pytest.raises(ModelMissingError, match="there is no model"):
        Predictor(platform.dataset, nothing).answer(content)
    renamed = platform.dataset.model_copy(update={"categories": {"plant": 0, "animal": 1, "person": 2}})
    with pytest.raises(ModelRefusedError, match="human"):
        Predictor(renamed, platform.store).answer(content)
    prefix = classifier_prefix(platform.dataset)
    manifest = manifest_of(platform.store.objects(), prefix, champion(platform).sha256)
    obstore.put(platform.store.objects(), f"{prefix}/{manifest.file}", b"<html>")
    with pytest.raises(ModelRefusedError, match="was altered"):
        Predictor(platform.dataset, platform.store).answer(content)


WITHOUT_DAGSTER = """
import sys
sys.modules["dagster"] = None
from image_assets.dataset import load_dataset
from image_assets.predict.predictor import Predictor
from image_assets.store.models.model import Model
from image_assets.store.store import Store
predictor = Predictor(load_dataset(sys.argv[1]), Store(sys.argv[2]))
print(predictor.answer(open(sys.argv[3], "rb").read()).category)
"""


def test_where_dagster_cannot_be_imported_an_image_is_answered_all_the_same(
    loaded_platform: Platform, tmp_path: Path
) -> None:
    dataset, image = tmp_path / "drawn.yaml", tmp_path / "image.png"
    dataset.write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    image.write_bytes(images_of(loaded_platform, 1)["content"][0])
    places = [str(dataset), loaded_platform.store.url, str(image)]
    ran = subprocess.run([sys.executable, "-c", WITHOUT_DAGSTER, *places], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() in loaded_platform.dataset.categories, ran.stderr
