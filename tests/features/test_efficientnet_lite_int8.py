from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from image_assets.dataset import DatasetError, parse_dataset
from image_assets.features import efficientnet_lite_int8, quantisation
from image_assets.features.efficientnet_lite import EfficientNetLiteExtractor, load_weights
from image_assets.features.efficientnet_lite_int8 import build_int8_graph
from image_assets.features.extractor import build_extractor
from image_assets.features.fidelity import fidelity
from image_assets.settings.stages import EfficientNetLite
from tests.features import efficientnet_lite_int8_reference as reference

CATS = range(281, 286)  # tabby, tiger cat, Persian, Siamese and Egyptian cat among the ImageNet classes


@pytest.fixture(scope="module")
def float32() -> EfficientNetLiteExtractor:
    return EfficientNetLiteExtractor()


@pytest.fixture(scope="module")
def int8() -> EfficientNetLiteExtractor:
    return EfficientNetLiteExtractor("int8")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [getattr(skimage.data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket")]


def test_features_stay_close_to_float32(
    int8: EfficientNetLiteExtractor, float32: EfficientNetLiteExtractor, pictures: list[np.ndarray]
) -> None:
    found = fidelity(int8, float32, pictures)
    assert found.mean >= 0.993
    assert found.worst >= 0.99


def test_features_of_photos_stay_close_to_float32(
    int8: EfficientNetLiteExtractor, float32: EfficientNetLiteExtractor, shared_data: Path
) -> None:
    files = sorted((shared_data / "photos").rglob("*.jpg"))[::9]
    found = fidelity(int8, float32, [np.asarray(Image.open(file).convert("RGB")) for file in files])
    assert len(files) == 100
    assert found.mean >= 0.995
    assert found.worst >= 0.98


def test_ranges_that_are_too_narrow_are_found_out(
    monkeypatch: pytest.MonkeyPatch, float32: EfficientNetLiteExtractor, pictures: list[np.ndarray]
) -> None:
    monkeypatch.setattr(efficientnet_lite_int8, "DEVIATIONS", 1)
    assert fidelity(EfficientNetLiteExtractor("int8"), float32, pictures).worst < 0.9


def test_rounded_weights_without_a_corrected_bias_are_found_out(
    monkeypatch: pytest.MonkeyPatch, float32: EfficientNetLiteExtractor, pictures: list[np.ndarray]
) -> None:
    monkeypatch.setattr(efficientnet_lite_int8, "expected_relu6", lambda mean, deviation: np.zeros_like(mean))
    assert fidelity(EfficientNetLiteExtractor("int8"), float32, pictures).mean < 0.99


def test_a_cat_is_still_a_cat(int8: EfficientNetLiteExtractor) -> None:
    probabilities = int8.classify(int8.prepare(skimage.data.chelsea())[None])[0]
    assert probabilities.argmax() in CATS
    assert probabilities[CATS.start : CATS.stop].sum() > 0.9


def test_the_runtime_computes_what_the_integers_say(int8: EfficientNetLiteExtractor) -> None:
    pixels = int8.prepare(skimage.data.coffee())
    expected = reference.features(build_int8_graph(load_weights()), pixels)
    np.testing.assert_allclose(int8.infer(pixels[None])[0], expected, rtol=0, atol=1e-5)


def test_no_two_weights_can_saturate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 255 * _largest_pair(build_int8_graph(load_weights())) < 1 << 15
    monkeypatch.setattr(quantisation, "PAIR_LIMIT", 2 * quantisation.WEIGHT_LIMIT)  # the full 8 bits for every weight
    assert 255 * _largest_pair(build_int8_graph(load_weights())) > 1 << 15


def _largest_pair(model: bytes) -> int:
    """The largest sum of two weights of one sign that one output channel has."""
    kernels = [value for name, value in reference.constants(model).items() if name.endswith("_conv.weight")]
    flat = [sign * kernel.reshape(len(kernel), -1).astype(int) for kernel in kernels for sign in (1, -1)]
    return max(int(np.sort(np.maximum(weights, 0), axis=1)[:, -2:].sum(axis=1).max()) for weights in flat)


def test_neither_the_batch_nor_the_threads_change_a_bit(int8: EfficientNetLiteExtractor) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3), dtype=np.uint8)
    together = int8.infer(noise)
    with ThreadPoolExecutor(4) as pool:
        for size in (1, 7):
            batches = pool.map(int8.infer, [noise[i : i + size] for i in range(0, len(noise), size)])
            assert np.concatenate(list(batches)).tobytes() == together.tobytes()
    assert len(np.unique(together, axis=0)) == len(noise)


def test_every_process_builds_the_same_graph() -> None:
    code = (
        "import hashlib; from image_assets.features.efficientnet_lite import load_weights, int8; "
        "print(hashlib.sha256(int8.build_int8_graph(load_weights())).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert hashlib.sha256(build_int8_graph(load_weights())).hexdigest() == other


def test_the_precisions_are_two_extractors(int8: EfficientNetLiteExtractor, float32: EfficientNetLiteExtractor) -> None:
    assert int8.digest != float32.digest == EfficientNetLiteExtractor("float32").digest
    assert EfficientNetLiteExtractor("int8").digest == int8.digest


def test_a_dataset_file_chooses_the_precision(
    int8: EfficientNetLiteExtractor, float32: EfficientNetLiteExtractor
) -> None:
    assert build_extractor(_dataset(precision="int8")).digest == int8.digest
    assert build_extractor(_dataset()).digest == float32.digest
    with pytest.raises(DatasetError, match=r"precision: found 'int4'.*'float32' or 'int8'"):
        _dataset(precision="int4")


def _dataset(**settings: str) -> EfficientNetLite:
    content = {
        "name": "cats",
        "categories": {"cat": 0},
        "start_day": "2026-01-01",
        "extractor": {"kind": "efficientnet_lite0", **settings},
    }
    extractor = parse_dataset(content, "cats.yaml").extractor
    assert isinstance(extractor, EfficientNetLite)
    return extractor
