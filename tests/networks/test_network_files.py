"""A network's file is numbers and a name: whatever else it holds is refused before a network is built of it."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.networks.presets import cnn
from image_assets.settings.networks import CnnPreset
from image_assets.store.models import tensor_files
from image_assets.store.models.network_files import dump_network, parse_network
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from image_assets.store.models.tensor_files import TensorFileError, dump_tensors, parse_tensors

ABOUT = NetworkDescription(
    preset="separable", size=16, colour="grey", classes=(0, 3), temperature=2.0, trained_rows=9, converged=True
)


@pytest.fixture(scope="module")
def network() -> NetworkModel:
    return NetworkModel(cnn("separable", ABOUT.shape, 2, seed=4), ABOUT)


@pytest.fixture(scope="module")
def content(network: NetworkModel) -> bytes:
    return dump_network(network)


def altered(
    content: bytes, about: dict[str, object] | None = None, tensors: dict[str, np.ndarray | None] | None = None
) -> bytes:
    """The same file with other numbers, or something else said of it; its form stays whole."""
    found, said = parse_tensors(content)
    changed = {**found, **(tensors or {})}
    kept = {name: array for name, array in changed.items() if array is not None}
    key = next(iter(said))
    return dump_tensors(kept, {key: json.dumps({**json.loads(said[key]), **(about or {})})})


@pytest.mark.parametrize("preset", ["original", "separable"])
def test_what_is_read_answers_as_what_was_written(preset: CnnPreset) -> None:
    about = ABOUT.model_copy(update={"preset": preset})
    written = NetworkModel(cnn(preset, about.shape, 2, seed=4), about)
    read = parse_network(dump_network(written))
    pictures = np.random.default_rng(0).integers(0, 256, (40, *about.shape), np.uint8)
    np.testing.assert_array_equal(read.predict_proba(pictures), written.predict_proba(pictures))
    assert read.about == about
    assert set(read.predict(pictures)) <= {0, 3}


def test_the_same_network_gives_the_same_bytes(network: NetworkModel, content: bytes) -> None:
    assert dump_network(network) == content
    assert dump_network(parse_network(content)) == content


def test_a_picture_of_another_shape_is_refused(network: NetworkModel) -> None:
    with pytest.raises(ValueError, match=r"expected pictures of shape \(16, 16, 1\)"):
        network.predict_proba(np.zeros((1, 16, 16, 3), np.uint8))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda whole: b"", "its header is longer than the file"),
        (lambda whole: whole[:-4], "not a safetensors file"),
        (lambda whole: whole[:5000], "its header is longer than the file|not a safetensors file"),
        (lambda whole: pickle.dumps({"code": print}), "not a safetensors file"),
        (lambda whole: b"\xff" * 8 + whole[8:], "its header is longer than the file"),
        (lambda whole: dump_tensors({"a": np.zeros(2, np.float32)}, {}), "does not say which network"),
        (lambda whole: altered(whole, about={"preset": "os.system"}), "describes no network of ours: preset"),
        (lambda whole: altered(whole, about={"size": 100_000}), "describes no network of ours: size"),
        (lambda whole: altered(whole, about={"classes": [3, 0]}), "do not ascend"),
        (lambda whole: altered(whole, about={"classes": [0, 3, 4]}), r"answers/kernel is float32 \[384, 2\], expected"),
        (lambda whole: altered(whole, about={"colour": "rgb"}), r"stem/kernel is float32"),
        (lambda whole: altered(whole, about={"preset": "original"}), "is not of the preset original"),
        (lambda whole: altered(whole, tensors={"answers/bias": None}), "answers/bias is in one of the two only"),
        (lambda whole: altered(whole, tensors={"more": np.zeros(1, np.float32)}), "more is in one of the two only"),
        (lambda whole: altered(whole, tensors={"answers/bias": np.zeros(2, np.float16)}), "is float16"),
        (lambda whole: altered(whole, tensors={"answers/bias": np.full(2, np.nan, np.float32)}), "NaN or infinity"),
    ],
)
def test_what_is_no_network_of_ours_is_refused(content: bytes, damage, said: str) -> None:
    with pytest.raises(TensorFileError, match=said):
        parse_network(damage(content))


def test_a_file_that_is_too_large_is_refused(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_files, "MAX_BYTES", len(content) - 1)
    with pytest.raises(TensorFileError, match="more than any network of ours"):
        parse_network(content)
