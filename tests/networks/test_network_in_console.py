"""The console's classify page and API ask either model, and the Models page has both."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.classifier.places import classifier_prefix
from image_assets.store.models.model_store import ModelManifest, read_champion
from tests.console.served import served, settings_of
from tests.console.visit import Visit
from tests.networks.kept import SIDE, keep_network, with_networks
from tests.pictures import picture
from tests.platform import Platform

NEW = picture(1, 1_000)


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, ModelManifest]:
    platform = with_networks(loaded_platform, tmp_path_factory.mktemp("console"))
    return platform, keep_network(platform)


@pytest.fixture(scope="module")
def client(kept: tuple[Platform, ModelManifest]) -> Iterator[httpx.Client]:
    with served(settings_of(kept[0])) as one:
        yield one


def test_either_model_is_asked_and_named(client: httpx.Client, kept: tuple[Platform, ModelManifest]) -> None:
    platform, network = kept
    usual = client.post("/v1/classify", files={"file": NEW}).json()
    champion = read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256
    assert usual["model"] == {"name": "drawn", "asset": "classifier", "sha256": champion}
    answer = client.post("/v1/classify?model=cnn_classifier&nearest=3&place=1", files={"file": NEW}).json()
    assert answer["model"] == {"name": "drawn", "asset": "cnn_classifier", "sha256": network.sha256}
    assert answer["familiarity"] is None
    # What is like it is found by features, whoever answers; this network has learnt from none of the images.
    assert answer["nearest"] == []
    by_features = client.post("/v1/classify?model=classifier&nearest=3&place=1", files={"file": NEW}).json()
    assert answer["place"] == by_features["place"]
    batch = client.post("/v1/classify:batch?model=cnn_classifier", files={"file": ("a.png", NEW)}).json()["answers"]
    assert batch[0]["model"] == answer["model"]
    told = client.get("/metrics").text
    assert f'asset="cnn_classifier",dataset="drawn",sha256="{network.sha256}"' in told
    assert f'asset="classifier",dataset="drawn",sha256="{champion}"' in told


def test_the_open_inference_protocol_has_both_by_their_names(
    client: httpx.Client, kept: tuple[Platform, ModelManifest]
) -> None:
    platform, network = kept
    usual = read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256
    image = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(NEW).decode()]}
    names = {"drawn": usual, "drawn.classifier": usual, "drawn.cnn_classifier": network.sha256}
    for name, digest in names.items():
        at = f"/v2/models/{name}"
        told = client.get(at).json()
        assert (told["name"], told["versions"]) == (name, [digest[:12]])
        assert client.get(f"{at}/versions/{digest[:12]}/ready").json() == {"name": name, "ready": True}
        answer = client.post(f"{at}/infer", json={"inputs": [image]}).json()
        assert (answer["model_name"], answer["model_version"]) == (name, digest[:12])
    # The network takes pixels as it was trained on them, which are others than the extractor's.
    pixels = {"name": "pixels", "datatype": "UINT8", "shape": [1, SIDE, SIDE, 3], "data": [0] * (SIDE * SIDE * 3)}
    answer = client.post("/v2/models/drawn.cnn_classifier/infer", json={"inputs": [pixels]})
    assert answer.json()["model_version"] == network.sha256[:12]
    # The version of one is none of the other, and nobody answers under a name that is not there.
    assert client.get(f"/v2/models/drawn/versions/{network.sha256[:12]}").status_code == 404
    missing = client.get("/v2/models/drawn.oracle")
    assert missing.status_code == 404
    assert "there is no model drawn.oracle; there are drawn, drawn.classifier, drawn.cnn_classifier" in missing.text


def test_a_model_that_the_dataset_has_not_is_refused(client: httpx.Client) -> None:
    refused = client.post("/v1/classify?model=oracle", files={"file": NEW})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "model='oracle': drawn has classifier and cnn_classifier"


def test_a_network_that_nobody_trained_or_that_cannot_run_is_one_sentence(
    loaded_platform: Platform, kept: tuple[Platform, ModelManifest], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(settings_of(with_networks(loaded_platform, tmp_path))) as one:
        refused = one.post("/v1/classify?model=cnn_classifier", files={"file": NEW})
        assert refused.status_code == 503
        assert "drawn/cnn_classifier/champion.json: there is no model" in refused.json()["error"]["message"]
    with served(settings_of(kept[0])) as one:
        monkeypatch.setitem(sys.modules, "keras", None)
        refused = one.post("/v1/classify?model=cnn_classifier", files={"file": NEW})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unusable")
        assert 'pip install "image-assets[networks]"' in refused.json()["error"]["message"]


def test_a_network_that_answers_by_itself_leaves_the_search_by_features(
    kept: tuple[Platform, ModelManifest], tmp_path: Any
) -> None:
    changed = kept[0].dataset.model_copy(update={"predictions": kept[0].dataset.predictions.model_copy()})
    network = changed.model_copy(
        update={"predictions": changed.predictions.model_copy(update={"model": "cnn_classifier"})}
    )
    platform = Platform(network, kept[0].copy_to(tmp_path).root)
    with served(settings_of(platform)) as one:
        assert one.get("/readyz").json()["model"]["asset"] == "cnn_classifier"
        assert one.post("/v1/classify", files={"file": NEW}).json()["model"]["sha256"] == kept[1].sha256
        found = one.post("/v1/neighbours", files={"file": NEW}).json()
        assert found["image_id"] == hashlib.sha256(NEW).hexdigest()
        assert found["neighbours"][0]["category"] == "animal"
        assert one.get("/v2/models/drawn").json()["inputs"][1]["shape"] == [-1, 16, 16, 3]


def test_on_the_page_a_person_chooses(browser: Any, client: httpx.Client, kept: tuple[Platform, ModelManifest]) -> None:
    visit = Visit(browser, client, viewport={"width": 900, "height": 700})
    page = visit.open("/classify")
    page.get_by_label("Ask").select_option("cnn_classifier")
    page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": NEW})
    page.get_by_text(f"cnn_classifier {kept[1].sha256[:12]}").wait_for()
    assert "cannot say whether it is like" in page.locator("#answers").inner_text()
    page.get_by_label("Ask").select_option("classifier")
    page.set_input_files("#files", {"name": "b.png", "mimeType": "image/png", "buffer": NEW})
    page.locator("#answers").get_by_text("classifier ", exact=False).nth(1).wait_for()
    visit.leave()
