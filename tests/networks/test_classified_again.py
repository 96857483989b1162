"""What classifiers make of restored pictures, of classifiers of which it is known what they go by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.networks.denoising.classified_again import (
    ASKED,
    ByFeatures,
    ByPixels,
    ClassifiedAgain,
    classified_again,
    explanation,
)
from image_assets.networks.denoising.judging import Denoiser, Pictures
from image_assets.networks.denoising.presets import denoising_network
from image_assets.networks.presets import cnn
from image_assets.settings.denoising import GaussianNoise
from image_assets.store.models.network_model import NetworkDescription, NetworkModel

SIDE, NUMBER = 16, 40


@dataclass(frozen=True)
class ByBrightness:
    """Answers 1 where a picture is brighter than the middle, and knows only pictures in [0, 1]."""

    title: str = "the classifier by brightness"
    other_scale: str = "0 … 255"
    labels: np.ndarray = field(default_factory=lambda: np.array([0, 1]))

    def answers(self, pixels: np.ndarray, *, other_scale: bool = False) -> np.ndarray:
        scaled = pixels * (255 if other_scale else 1)
        return (scaled.mean(axis=(1, 2, 3)) > 0.5).astype(int)


def dark_and_bright() -> Pictures:
    labels = np.arange(NUMBER) % 2
    pixels = np.full((NUMBER, SIDE, SIDE, 1), 0.3, np.float32) + 0.4 * labels[:, None, None, None].astype(np.float32)
    return Pictures([f"{one:064x}" for one in range(NUMBER)], labels.astype(np.int16), pixels)


def denoiser(black: bool = False) -> Denoiser:
    """One that leaves pictures as they are; or one that makes them black."""
    network = denoising_network("residual", SIDE, 1)
    if black:
        network.get_layer("noise").set_weights([np.zeros((3, 3, 24, 1)), np.ones(1)])
    return Denoiser(network, (GaussianNoise(kind="gaussian", deviation=0.02),), 0)


def asked(black: bool = False) -> ClassifiedAgain:
    found = classified_again(ByBrightness(), denoiser(black), [dark_and_bright()], {0: "dark", 1: "bright"})
    assert found is not None
    return found


def test_every_view_has_its_confusion_matrix() -> None:
    found = asked()
    assert [view.asked for view in found.views] == list(ASKED)
    for view in ("clean", "noisy", "median", "restored"):
        assert found.of(view).confusion == ((20, 0), (0, 20))
        assert found.of(view).survived == 1


def test_what_a_restoration_destroys_and_what_a_scale_does_are_told_apart() -> None:
    found = asked(black=True)
    # Black pictures are all dark; at the other scale all are bright.
    assert found.of("restored").confusion == ((20, 0), (20, 0))
    assert found.of("clean at the other scale").confusion == ((0, 20), (0, 20))
    assert found.of("restored").survived == 0.5
    assert "50% restored: only the pictures changed" in explanation(found)
    assert "The restoration does as much harm here as the wrong scale" in explanation(found)


def test_a_restoration_that_loses_nothing_is_not_blamed() -> None:
    said = explanation(asked())
    assert "100% restored" in said
    assert said.endswith("The wrong scale does more harm here than the restoration.")


def test_no_pictures_say_nothing() -> None:
    assert classified_again(ByBrightness(), denoiser(), [], {}) is None


def test_a_network_is_given_pixels_at_its_own_size_and_at_the_scale_that_is_asked() -> None:
    about = NetworkDescription(
        preset="separable", size=32, colour="rgb", classes=(3, 7), temperature=1, trained_rows=1, converged=True
    )
    model = NetworkModel(cnn("separable", (32, 32, 3), 2), about)
    grey = np.full((2, SIDE, SIDE, 1), 0.2, np.float32)
    level = np.float32(51 / 255)
    at_its_size = np.full((2, 32, 32, 3), level, np.float32)
    classifier = ByPixels(model)
    np.testing.assert_array_equal(classifier.answers(grey), model.predict(at_its_size))
    np.testing.assert_array_equal(classifier.answers(grey, other_scale=True), model.predict(at_its_size * 255))
    assert classifier.labels.tolist() == [3, 7]


def test_the_classifier_of_features_sees_a_black_picture_at_the_other_scale() -> None:
    class Seen:
        """An extractor of one feature, the mean level."""

        def prepare(self, pixels: np.ndarray) -> np.ndarray:
            assert pixels.dtype == np.uint8
            assert pixels.shape == (SIDE, SIDE, 3)
            return pixels

        def infer(self, batch: np.ndarray) -> np.ndarray:
            return batch.mean(axis=(1, 2, 3), keepdims=False)[:, None]

    class Levels:
        classes = np.array([0, 1])

        def predict(self, rows: np.ndarray) -> np.ndarray:
            return (rows[:, 0] > 100).astype(int)

    classifier = ByFeatures(Seen(), Levels())  # pyright: ignore[reportArgumentType]
    pictures = dark_and_bright()
    np.testing.assert_array_equal(classifier.answers(pictures.pixels), pictures.labels)
    assert classifier.answers(pictures.pixels, other_scale=True).max() == 0
