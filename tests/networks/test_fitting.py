"""A training that goes on after it was interrupted ends as if it had not been."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")
keras = pytest.importorskip("keras", reason="the extra networks is not installed")

from image_assets.networks.augmentation import augmentation_layers  # noqa: E402
from image_assets.networks.batches import Pictures, with_labels  # noqa: E402
from image_assets.networks.checkpoints import Epoch, training_digest  # noqa: E402
from image_assets.networks.errors import TrainingFailedError, UnfitDataError  # noqa: E402
from image_assets.networks.fitting import Fitted, Schedule, Watch, compiled, fit  # noqa: E402
from image_assets.networks.pixel_file import PixelRows  # noqa: E402
from image_assets.settings.networks import Augmentation, CnnClassifier, Training  # noqa: E402
from tests.networks.conftest import SIDE  # noqa: E402

SPEC = Training(epochs=3, batch=12, learning_rate=0.01)
HELD = 36


class Interrupted(Exception):
    """Stands for whatever ends a process."""


def small_network():
    """With everything that has a state: statistics of batches, dropout, changes of pictures."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1)),
            *augmentation_layers(Augmentation(), seed=7),
            layers.Conv2D(4, 3, kernel_initializer=keras.initializers.HeNormal(seed=1)),
            layers.BatchNormalization(),
            layers.Dropout(0.3, seed=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax", kernel_initializer=keras.initializers.HeNormal(seed=3)),
        ]
    )


def fitted(
    rows: PixelRows, labels: np.ndarray, folder: Path, until: int | None = None, spec: Training = SPEC
) -> tuple[Fitted, list[np.ndarray]]:
    """Fit on the first pictures; `until` an epoch was done, if said."""
    network = small_network()
    data = Pictures(rows[:HELD], with_labels(labels[:HELD]), "data", spec.batch, spec.seed)
    validation = Pictures(rows[HELD:], with_labels(labels[HELD:]), "validation", spec.batch)
    compiled(network, spec, data.steps, "sparse_categorical_crossentropy", {"accuracy": accuracy})

    def told(epoch: Epoch) -> None:
        if epoch.number == until:
            raise Interrupted

    return fit(network, data, validation, spec, folder, Watch(epoch=told)), network.get_weights()


def accuracy(name: str):
    return keras.metrics.SparseCategoricalAccuracy(name=name)


def figures(found: Fitted) -> list[tuple[dict[str, float], dict[str, float]]]:
    return [(one.training, one.validation) for one in found.history]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    """What comes of a training from beginning to end, by a folder of its own."""
    return {"folder": tmp_path_factory.mktemp("undisturbed")}


@pytest.fixture
def whole(undisturbed: dict, rows: PixelRows, labels: np.ndarray) -> tuple[Fitted, list[np.ndarray]]:
    if "found" not in undisturbed:
        undisturbed["found"] = fitted(rows, labels, undisturbed["folder"])
    return undisturbed["found"]


def test_an_interrupted_training_ends_with_the_weights_of_an_undisturbed_one(
    rows: PixelRows, labels: np.ndarray, whole: tuple[Fitted, list[np.ndarray]], tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        fitted(rows, labels, tmp_path, until=1)
    found, weights = fitted(rows, labels, tmp_path)
    assert found.resumed == 2
    assert figures(found) == figures(whole[0])
    for one, other in zip(weights, whole[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    rows: PixelRows, labels: np.ndarray, whole: tuple[Fitted, list[np.ndarray]], tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        fitted(rows, labels, tmp_path, until=1)
    [last] = tmp_path.glob("*-00001-*.safetensors")
    content = bytearray(last.read_bytes())
    content[-1] ^= 1
    last.write_bytes(content)
    found, _ = fitted(rows, labels, tmp_path)
    assert found.resumed == 1
    assert figures(found) == figures(whole[0])


def test_a_training_that_ended_is_not_done_again_and_one_of_other_data_is(
    rows: PixelRows, labels: np.ndarray, whole: tuple[Fitted, list[np.ndarray]], undisturbed: dict
) -> None:
    again, weights = fitted(rows, labels, undisturbed["folder"])
    assert again.resumed == len(again.history) == len(whole[0].history)
    np.testing.assert_array_equal(weights[0], whole[1][0])
    longer = SPEC.model_copy(update={"epochs": 1})
    assert fitted(rows, labels, undisturbed["folder"], spec=longer)[0].resumed == 0
    assert len(list(undisturbed["folder"].glob("*.safetensors"))) == 1
    undisturbed.pop("found")


def test_training_ends_when_the_validation_becomes_no_better(
    rows: PixelRows, labels: np.ndarray, tmp_path: Path
) -> None:
    wild = Training(epochs=9, batch=12, learning_rate=0.2, patience=1)
    found, weights = fitted(rows, labels, tmp_path, spec=wild)
    losses = [one.validation["loss"] for one in found.history]
    assert found.stopped_early
    assert found.best.validation["loss"] == min(losses) != losses[-1]
    assert len(weights)


def test_a_loss_that_is_no_number_is_said_so(rows: PixelRows, labels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(TrainingFailedError, match="after epoch 1: lower learning_rate"):
        fitted(rows, labels, tmp_path, spec=Training(epochs=2, batch=12, learning_rate=1e38))


def test_nothing_to_train_on_is_said_so(rows: PixelRows, labels: np.ndarray, tmp_path: Path) -> None:
    nothing = Pictures(rows[:0], with_labels(labels), "none", 8)
    network = compiled(small_network(), SPEC, 1, "sparse_categorical_crossentropy")
    with pytest.raises(UnfitDataError, match="there is no image to train on"):
        fit(network, nothing, nothing, SPEC, tmp_path)


def digest_with(spec: Training, schedule: Schedule = "cosine", steps: int = 3) -> str:
    return training_digest(compiled(small_network(), spec, steps, "mse", schedule=schedule), SPEC)


def test_a_training_with_other_steps_is_another_one_though_the_settings_say_the_same() -> None:
    """What is null in the settings is decided by the platform, and may be decided otherwise by a later version."""
    assert digest_with(SPEC) == digest_with(SPEC)
    others = [digest_with(Training(learning_rate=0.02)), digest_with(SPEC, "constant"), digest_with(SPEC, steps=4)]
    assert len({digest_with(SPEC), *others}) == 4


@pytest.mark.parametrize(
    ("settings", "rate"),
    [
        ({"preset": "original", "size": 128}, 0.001),
        ({"preset": "original", "size": 32}, 0.001),
        ({"preset": "original", "size": 256}, 0.00025),
        ({"preset": "original", "size": 256, "learning_rate": 0.001}, 0.001),
        ({"preset": "separable", "size": 256}, 0.001),
    ],
)
def test_the_first_step_is_smaller_where_a_dense_layer_sums_up_more(settings: dict[str, object], rate: float) -> None:
    spec = CnnClassifier.model_validate(settings)
    assert spec.first_rate == pytest.approx(rate)
    network = compiled(small_network(), spec, 3, "mse", schedule="constant")
    assert float(network.optimizer.learning_rate) == pytest.approx(rate)  # pyright: ignore
