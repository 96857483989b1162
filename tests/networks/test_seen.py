"""What a network sees, of toy networks of which it is known what they look at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from image_assets.networks.seen.heat import NoHeatError, heat_maps
from image_assets.networks.seen.layers import activations
from image_assets.networks.seen.pictures import activations_plot, jpeg_of, overlaid, said_of_heat

pytest.importorskip("tensorflow", reason="networks need the extra `tensorflow`")
SIDE = 24
CORNER = (slice(0, 8), slice(0, 8))


def corner_network() -> Any:
    """Answers 1 where the top left corner is bright, and looks at nothing else."""
    import keras
    from keras import layers

    pictures = keras.Input((SIDE, SIDE, 1))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="edges")(pictures)
    x = layers.Conv2D(2, 1, activation="relu", name="bright")(x)
    answer = layers.Dense(2, activation="softmax", name="answer")(layers.Flatten()(x))
    network = keras.Model(pictures, answer, name="corner")
    kernel = np.zeros((3, 3, 1, 4), np.float32)
    kernel[1, 1, 0] = 1
    network.get_layer("edges").set_weights([kernel, np.zeros(4)])
    network.get_layer("bright").set_weights([np.full((1, 1, 4, 2), 0.25), np.zeros(2)])
    weights = np.zeros((SIDE, SIDE, 2, 2), np.float32)
    weights[(*CORNER, slice(None), 1)] = 1
    network.get_layer("answer").set_weights([weights.reshape(-1, 2), np.zeros(2)])
    return network


def bright_corner() -> np.ndarray:
    picture = np.full((SIDE, SIDE, 1), 0.02, np.float32)
    picture[CORNER] = 0.9
    return picture


def share_in_corner(heat: np.ndarray) -> float:
    return float(heat[CORNER].sum() / heat.sum())


def test_the_heat_lies_where_a_network_looks() -> None:
    heat = heat_maps(corner_network(), bright_corner()[None], np.array([1]))[0]
    assert heat.shape == (SIDE, SIDE)
    assert heat.max() == 1
    assert share_in_corner(heat) > 0.9
    assert said_of_heat(heat).startswith("the top left ninth")


def test_what_is_bright_elsewhere_speaks_for_nothing() -> None:
    picture = bright_corner()
    picture[-8:, -8:] = 0.9
    heat = heat_maps(corner_network(), picture[None], np.array([1]))[0]
    assert share_in_corner(heat) > 0.9


def test_shuffled_weights_do_not_point_at_the_corner() -> None:
    network, lots = corner_network(), np.random.default_rng(0)
    for layer in network.layers:
        layer.set_weights([lots.permutation(one.ravel()).reshape(one.shape) for one in layer.get_weights()])
    noise = lots.random((8, SIDE, SIDE, 1), np.float32)
    heat = heat_maps(network, noise, np.ones(8, int))
    shares = [share_in_corner(one) for one in heat if one.sum() > 0]
    assert not shares or np.mean(shares) < 0.25


def test_an_answer_that_nothing_speaks_for_has_no_heat() -> None:
    heat = heat_maps(corner_network(), np.zeros((1, SIDE, SIDE, 1), np.float32), np.array([0]))[0]
    assert heat.max() == 0
    assert said_of_heat(heat) == "nothing in the picture speaks for the answer"


def test_another_backend_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(NoHeatError, match=r"runs on jax .* KERAS_BACKEND=tensorflow"):
        heat_maps(corner_network(), bright_corner()[None], np.array([1]))


def test_every_layer_is_shown_with_the_channels_that_vary_most() -> None:
    found = activations(corner_network(), bright_corner(), most=3)
    assert [(one.name, one.channels, one.maps.shape) for one in found] == [
        ("edges", 4, (3, SIDE, SIDE)),
        ("bright", 2, (2, SIDE, SIDE)),
    ]
    np.testing.assert_allclose(found[0].maps[0], bright_corner()[..., 0], atol=1e-6)
    plot = activations_plot("seen", "What the layers make of it", "A test.", bright_corner(), found)
    assert 'aria-label="What the layers make of it"' in plot.svg
    assert plot.svg.count("<image") == 7


def test_a_picture_with_heat_is_grey_where_nothing_speaks_for_the_answer() -> None:
    heat = np.zeros((6, 6), np.float32)
    heat[0, 0] = 1
    shown = overlaid(np.full((SIDE, SIDE, 3), 0.5, np.float32), heat)
    assert np.ptp(shown[-1, -1]) == 0
    assert np.ptp(shown[0, 0]) > 0.1
    assert jpeg_of(shown, 96)[:2] == b"\xff\xd8"
