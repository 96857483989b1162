from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data

from image_assets.features.errors import HubModuleError
from image_assets.features.extractor import build_extractor
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.settings import stages
from tests.conftest import SHARED_DATA
from tests.features.extracting import extract

# Slow to import, an extra of the package: what needs it is in few modules.
tf = pytest.importorskip("tensorflow")
mobilenet_v1 = pytest.importorskip("tests.features.mobilenet_v1")
hub_modules = pytest.importorskip("tests.features.hub_modules")

# Of the packages about themselves; the pins in pyproject.toml answer them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated"),
    pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated"),
]

TFLITE = "mobilenet_v1/mobilenet_v1_0.5_160_quant.tflite"


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with 512 features: with the published weights where they are at hand, else with random ones."""
    return mobilenet_v1.save_mobilenet_v1(tmp_path_factory.mktemp("hub") / "mobilenet_v1_050", SHARED_DATA / TFLITE)


@pytest.fixture(scope="module")
def extractor(mobilenet: Path) -> TfHubExtractor:
    return TfHubExtractor(str(mobilenet), 128, 512)


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 128, 128, 3), dtype=np.uint8)


def test_a_dataset_file_chooses_a_hub_module(mobilenet: Path) -> None:
    spec = stages.TfHub(kind="tf_hub", module=str(mobilenet), image_size=128, width=512)
    features = extract(build_extractor(spec), [skimage.data.chelsea(), skimage.data.astronaut()])
    assert (features.shape, features.dtype) == ((2, 512), np.float32)
    assert np.isfinite(features).all()
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_the_published_weights_agree_with_the_published_result(shared_data: Path) -> None:
    """The golden output is that of the 8-bit model; the float model differs by its rounding only."""
    folder = (shared_data / TFLITE).parent
    model = mobilenet_v1.MobileNetV1(mobilenet_v1.published_weights(shared_data / TFLITE))
    image = np.fromfile(folder / "banana_160.input", np.uint8).reshape(1, 160, 160, 3)
    golden = np.fromfile(folder / "banana_0.5_160.output", np.uint8) / 256
    found = model.probabilities(model(tf.constant(image / 255, tf.float32)))[0]
    np.testing.assert_array_equal(np.argsort(-found)[:5], np.argsort(-golden, kind="stable")[:5])
    np.testing.assert_allclose(found, golden, atol=0.05)


def test_the_module_sees_rgb_between_zero_and_one(tmp_path: Path) -> None:
    module = hub_modules.save_function(tmp_path / "means", lambda x: tf.reduce_mean(x, [1, 2]))
    extractor = TfHubExtractor(module, 16, 3)
    pixels = np.broadcast_to(np.array([255, 51, 0], np.uint8), (40, 40, 3))
    np.testing.assert_allclose(extract(extractor, [pixels]), [[1, 0.2, 0]], atol=1e-6)


def test_images_are_padded_as_tensorflow_pads_them(extractor: TfHubExtractor) -> None:
    pixels = skimage.data.chelsea()  # 300 × 451
    expected = tf.image.resize_with_pad(pixels, 128, 128, antialias=True).numpy()
    difference = np.abs(extractor.prepare(pixels) - expected)
    assert difference.mean() < 1
    assert not extractor.prepare(pixels)[:21].any()


def test_several_threads_get_what_one_gets(extractor: TfHubExtractor, noise: np.ndarray) -> None:
    batches = [noise[i : i + 4] for i in (0, 4, 8)] * 3
    expected = [extractor.infer(batch) for batch in batches]
    with ThreadPoolExecutor(3) as pool:
        for found, single in zip(pool.map(extractor.infer, batches), expected, strict=True):
            np.testing.assert_array_equal(found, single)


def test_no_images_give_no_rows(extractor: TfHubExtractor, noise: np.ndarray) -> None:
    assert extractor.infer(noise[:0]).shape == (0, 512)


def test_the_digest_follows_the_content_and_the_settings(
    mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(mobilenet, copy)
    assert TfHubExtractor(str(copy), 128, 512).digest == extractor.digest
    assert TfHubExtractor(str(copy), 160, 512).digest != extractor.digest
    (copy / "README").write_text("one file more")
    assert TfHubExtractor(str(copy), 128, 512).digest != extractor.digest


@pytest.mark.parametrize("output", ["default", "feature_vector"])
def test_a_module_in_tf1_format_is_read_through_its_signature(tmp_path: Path, output: str) -> None:
    extractor = TfHubExtractor(hub_modules.save_tf1_module(tmp_path / "tf1", output), 8, 3)
    pixels = np.broadcast_to(np.array([255, 51, 0], np.uint8), (8, 8, 3))
    np.testing.assert_allclose(extract(extractor, [pixels]), [[2, 0.4, 0]], atol=1e-6)


def test_a_url_is_downloaded_once(
    mobilenet: Path, extractor: TfHubExtractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with hub_modules.served(hub_modules.archive(mobilenet)) as url:
        assert TfHubExtractor(url, 128, 512).digest == extractor.digest
    # Nothing answers there any more.
    assert TfHubExtractor(url, 128, 512).digest == extractor.digest


def test_a_url_that_gives_no_archive_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with (
        hub_modules.served(b"<html>404 Not Found</html>") as url,
        pytest.raises(HubModuleError, match=f"{url}: cannot get this module.*tar.gz"),
    ):
        TfHubExtractor(url, 128, 512)


def test_a_module_of_another_width_is_refused_before_the_first_image(mobilenet: Path) -> None:
    with pytest.raises(HubModuleError, match=rf"{mobilenet}: expected 1001 features.*found .*\[1, 512\]"):
        TfHubExtractor(str(mobilenet), 128, 1001)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        pytest.param(lambda x: x, r"\[1, 16, 16, 3\]", id="a map for a vector"),
        pytest.param(lambda x: {"features": tf.reduce_mean(x, [1, 2])}, "a dict|_DictWrapper", id="a dictionary"),
        pytest.param(lambda x: tf.reduce_mean(x, [0, 1, 2]), r"\[3\]", id="one vector for the batch"),
    ],
)
def test_a_module_that_gives_no_feature_vectors_is_refused(
    tmp_path: Path, function: Callable[[Any], Any], found: str
) -> None:
    with pytest.raises(HubModuleError, match=f"expected 3 features for each image.*found .*({found})"):
        TfHubExtractor(hub_modules.save_function(tmp_path / "module", function), 16, 3)


def test_a_module_for_another_image_size_is_refused(tmp_path: Path) -> None:
    module = hub_modules.save_function(tmp_path / "means", lambda x: tf.reduce_mean(x, [1, 2]), size=16)
    assert TfHubExtractor(module, 16, 3).width == 3
    with pytest.raises(HubModuleError, match=r"cannot run on float32 \[1, 20, 20, 3\]: is image_size right\?"):
        TfHubExtractor(module, 20, 3)


def test_a_tf1_module_for_another_image_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubModuleError, match="is image_size right"):
        TfHubExtractor(hub_modules.save_tf1_module(tmp_path / "tf1"), 9, 3)


def test_a_tf1_module_without_the_signature_or_output_is_refused_with_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(HubModuleError, match=r"signature 'default'.*'another'"):
        TfHubExtractor(hub_modules.save_tf1_module(tmp_path / "signature", signature="another"), 8, 3)
    with pytest.raises(HubModuleError, match=r"gives.*'logits'"):
        TfHubExtractor(hub_modules.save_tf1_module(tmp_path / "output", output="logits"), 8, 3)


def test_a_folder_that_does_not_exist_or_holds_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubModuleError, match=r"nowhere.*cannot get this module.*existing folder"):
        TfHubExtractor(str(tmp_path / "nowhere"), 128, 512)
    with pytest.raises(HubModuleError, match=r"cannot load this module.*saved_model\.pb"):
        TfHubExtractor(str(tmp_path), 128, 512)
    (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(HubModuleError, match="not a folder"):
        TfHubExtractor(str(tmp_path / "saved_model.pb"), 128, 512)
    with pytest.raises(HubModuleError, match="cannot load this module"):
        TfHubExtractor(str(tmp_path), 128, 512)
