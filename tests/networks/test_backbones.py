"""Networks that others trained begin with their weights, and only their last layers learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="networks need the extra `networks`")

from image_assets.dataset import DatasetError  # noqa: E402
from image_assets.networks.backbones import POOLED  # noqa: E402
from image_assets.networks.errors import UnfitDataError  # noqa: E402
from image_assets.networks.learnt import begin_with_learnt  # noqa: E402
from image_assets.networks.presets import cnn  # noqa: E402
from image_assets.settings.networks import Backbone, CnnClassifier  # noqa: E402
from image_assets.store.models.network_files import dump_network, parse_network  # noqa: E402
from image_assets.store.models.network_model import NetworkDescription, NetworkModel  # noqa: E402
from tests.platform import small_dataset  # noqa: E402

SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a MobileNet of other first weights than ours, as Keras writes them."""
    keras.utils.set_random_seed(11)
    file = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=SHAPE)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(6 * np.ones(layer.gamma.shape))  # else nothing arrives at the end of so many layers
    network.save_weights(file)
    return file


def body_of(network: Any) -> list[Any]:
    names = [layer.name for layer in network.layers]
    return [layer for layer in network.layers[: names.index(POOLED)] if layer.weights]


def test_it_answers_as_the_library_s_own_with_the_same_weights(weights: Path) -> None:
    network = cnn("mobilenet", SHAPE, 2)
    digest = begin_with_learnt(network, "mobilenet", Backbone(weights=str(weights)))
    assert len(digest) == 64
    pictures = np.random.default_rng(0).random((3, *SHAPE), np.float32)
    own = keras.applications.MobileNet(include_top=False, weights=str(weights), input_shape=SHAPE, pooling="avg")
    ours = keras.Model(network.input, network.get_layer(POOLED).output)
    expected = own.predict(keras.applications.mobilenet.preprocess_input(255 * pictures), verbose=0)
    assert expected.std() > 0.01
    assert np.allclose(ours.predict(pictures, verbose=0), expected, atol=1e-5)


@pytest.mark.parametrize("learning", [0, 5])
def test_only_the_last_layers_learn_and_no_statistics(weights: Path, learning: int) -> None:
    network: Any = cnn("mobilenet", SHAPE, 2)
    begin_with_learnt(network, "mobilenet", Backbone(weights=str(weights), learning_layers=learning))
    body = body_of(network)
    before = [layer.get_weights() for layer in body]
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    network.fit(np.random.default_rng(1).random((16, *SHAPE)), np.arange(16) % 2, epochs=1, verbose=0)
    changed = [
        number
        for number, (layer, was) in enumerate(zip(body, before, strict=True))
        if any((one != other).any() for one, other in zip(layer.get_weights(), was, strict=True))
    ]
    assert all(number >= len(body) - learning for number in changed)
    assert bool(changed) == bool(learning)
    assert not any(isinstance(body[number], keras.layers.BatchNormalization) for number in changed)


@pytest.mark.parametrize("preset", ["mobilenet", "mobilenet_v2"])
def test_a_grey_one_is_written_and_read_as_any_network(preset: str) -> None:
    classes = (0, 1, 2)
    about = NetworkDescription(
        preset=preset,  # type: ignore[arg-type]
        size=32,
        colour="grey",
        classes=classes,
        temperature=1.0,
        trained_rows=0,
        converged=True,
    )
    model = NetworkModel(cnn(about.preset, about.shape, len(classes), seed=3), about)
    pictures = np.random.default_rng(2).integers(0, 256, (2, *about.shape), np.uint8)
    again = parse_network(dump_network(model))
    assert np.array_equal(again.predict_proba(pictures), model.predict_proba(pictures))


def test_weights_of_another_network_or_none_are_refused(weights: Path, tmp_path: Path) -> None:
    network = cnn("mobilenet_v2", SHAPE, 2)
    with pytest.raises(UnfitDataError, match="cannot be taken for MobileNetV2"):
        begin_with_learnt(network, "mobilenet_v2", Backbone(weights=str(weights)))
    part = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(32, 3, name="conv1")])
    part.save_weights(tmp_path / "part.weights.h5")  # of a network of which the library would only warn
    with pytest.raises(UnfitDataError, match="cannot be taken for MobileNet "):
        begin_with_learnt(cnn("mobilenet", SHAPE, 2), "mobilenet", Backbone(weights=str(tmp_path / "part.weights.h5")))
    (tmp_path / "page.weights.h5").write_text("<html>404</html>")
    with pytest.raises(UnfitDataError, match="cannot be taken for MobileNetV2"):
        begin_with_learnt(network, "mobilenet_v2", Backbone(weights=str(tmp_path / "page.weights.h5")))
    with pytest.raises(UnfitDataError, match="no such file"):
        begin_with_learnt(network, "mobilenet_v2", Backbone(weights=str(tmp_path / "none.weights.h5")))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"preset": "mobilenet"}, "say with what it begins"),
        ({"preset": "separable", "backbone": {}}, "it has no backbone"),
        ({"preset": "mobilenet", "backbone": {}, "size": 16}, "32 pixels or more"),
        ({"preset": "mobilenet", "backbone": {"weights": "https://a.invalid/b.h5"}}, "need their sha256"),
        ({"preset": "mobilenet", "backbone": {"sha256": "0" * 64}}, "say which, or leave it out"),
    ],
)
def test_what_does_not_go_together_is_refused_in_the_dataset_file(asked: dict, said: str) -> None:
    with pytest.raises((DatasetError, ValueError), match=said):
        small_dataset(networks={"cnn_classifier": asked})


def test_it_begins_with_keras_own_weights_where_nothing_is_said() -> None:
    assert CnnClassifier(preset="mobilenet_v2", backbone=Backbone()).backbone == Backbone(weights="imagenet")
