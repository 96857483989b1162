"""A network begins with what a TF Hub module has learnt: it finds what the module finds, and the module is not run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("keras", reason="the extra networks is not installed")

import keras
import tensorflow as tf

from image_assets.features.digest import folder_digest
from image_assets.networks.backbones import POOLED
from image_assets.networks.errors import UnfitDataError
from image_assets.networks.hub_weights import read_variables
from image_assets.networks.learnt import begin_with_learnt
from image_assets.networks.presets import cnn
from image_assets.settings.networks import Backbone, CnnPreset
from tests.networks.slim_modules import save_slim_module, save_slim_module_of_tf1

SHAPE = (64, 64, 3)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("modules")
    return {
        "mobilenet": save_slim_module(root / "v1", "mobilenet"),
        "mobilenet_v2": save_slim_module(root / "v2", "mobilenet_v2", "module/"),
        "half": save_slim_module(root / "half", "mobilenet", channels=16),
    }


def begun(preset: CnnPreset, module: Path, **more: Any) -> Any:
    network = cnn(preset, SHAPE, 2)
    assert begin_with_learnt(network, preset, Backbone(weights=str(module), **more)) == folder_digest(module)
    return keras.Model(network.input, network.get_layer(POOLED).output)


@pytest.mark.parametrize("preset", ["mobilenet", "mobilenet_v2"])
def test_it_finds_in_a_picture_what_the_module_s_program_finds(preset: CnnPreset, modules: dict[str, Path]) -> None:
    pictures = np.random.default_rng(0).random((4, *SHAPE), np.float32) * np.linspace(0.2, 1, 4).reshape(4, 1, 1, 1)
    pictures = pictures.astype(np.float32)
    loaded: Any = tf.saved_model.load(str(modules[preset]))
    expected = loaded(tf.constant(pictures)).numpy()
    assert np.ptp(expected, axis=0).max() > 0.1
    found = begun(preset, modules[preset]).predict(pictures, verbose=0)
    assert np.abs(found - expected).max() <= 1e-4 * max(1, np.abs(expected).max())


def test_numbers_are_all_that_is_read(modules: dict[str, Path], tmp_path: Path) -> None:
    """The program may be anything: here no program at all."""
    module = shutil.copytree(modules["mobilenet"], tmp_path / "module")
    (module / "saved_model.pb").write_bytes(b"no program")
    with pytest.raises(Exception, match=r"saved_model\.pb"):
        tf.saved_model.load(str(module))
    begun("mobilenet", module)


def test_modules_of_tensorflow_1_have_the_same_numbers(modules: dict[str, Path], tmp_path: Path) -> None:
    of_two, of_one = (
        read_variables(one) for one in (modules["mobilenet"], save_slim_module_of_tf1(tmp_path, "mobilenet"))
    )
    names = {name for name in of_two if name.startswith("MobilenetV1/")}
    assert names == set(of_one)
    for name in names:
        np.testing.assert_array_equal(of_two[name], of_one[name])


def test_only_the_last_layers_learn(modules: dict[str, Path]) -> None:
    network: Any = cnn("mobilenet", SHAPE, 2)
    begin_with_learnt(network, "mobilenet", Backbone(weights=str(modules["mobilenet"]), learning_layers=2))
    first, last = network.get_layer("conv1"), network.get_layer("conv_pw_13")
    before = first.get_weights()[0], last.get_weights()[0]
    network.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    network.fit(np.random.default_rng(1).random((8, *SHAPE)), np.arange(8) % 2, epochs=1, verbose=0)
    np.testing.assert_array_equal(first.get_weights()[0], before[0])
    assert (last.get_weights()[0] != before[1]).any()


def test_what_is_another_network_or_damaged_is_refused_in_a_line(modules: dict[str, Path], tmp_path: Path) -> None:
    key = r"networks\.cnn_classifier\.backbone\.weights: .*"
    network = cnn("mobilenet", SHAPE, 2)

    def refused(preset: str, module: Path, said: str, **more: Any) -> None:
        with pytest.raises(UnfitDataError, match=key + said) as error:
            begin_with_learnt(network, preset, Backbone(weights=str(module), **more))
        assert "\n" not in str(error.value)

    refused("mobilenet", modules["mobilenet_v2"], "it has no MobilenetV1/Conv2d_0/weights")
    refused("mobilenet", modules["half"], r"Conv2d_0/weights is \(3, 3, 3, 16\), expected \(3, 3, 3, 32\)")
    refused("mobilenet", modules["mobilenet"], "the SHA-256 of .* not 0{64}", sha256="0" * 64)
    refused("resnet50_v2", modules["mobilenet"], "of TF Hub modules only mobilenet and mobilenet_v2 are read")
    damaged = shutil.copytree(modules["mobilenet"], tmp_path / "damaged")
    (damaged / "variables" / "variables.index").write_bytes(b"something else")
    refused("mobilenet", damaged, "cannot be read")
    cut = shutil.copytree(modules["mobilenet"], tmp_path / "cut")
    (data,) = (cut / "variables").glob("variables.data*")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    refused("mobilenet", cut, "cannot be read")
