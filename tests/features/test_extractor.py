from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from image_assets import dataset
from image_assets.features.errors import ExtractorError
from image_assets.features.extractor import build_extractor, extract


def test_a_dataset_file_chooses_the_embedded_extractor() -> None:
    extractor = build_extractor(dataset.EfficientNetLite0())
    assert (extractor.name, extractor.image_size, extractor.width) == ("efficientnet_lite0", 224, 1280)
    assert len(extractor.digest) == 64


def test_images_of_any_sizes_become_one_table_of_features() -> None:
    extractor = build_extractor(dataset.EfficientNetLite0())
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in [(1, 1), (500, 20), (224, 224)]]
    features = extract(extractor, images)
    assert (features.shape, features.dtype) == ((3, 1280), np.float32)
    expected = extractor.infer(np.stack([extractor.prepare(pixels) for pixels in images]))
    np.testing.assert_array_equal(features, expected)
    assert extract(extractor, []).shape == (0, 1280)


def test_without_tensorflow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # what Python itself notes of a package that is not there
    with pytest.raises(ExtractorError, match=r'pip install "image-assets\[tensorflow\]"'):
        build_extractor(dataset.TfHub(kind="tf_hub", module="module", image_size=128, width=512))


def test_importing_the_registry_loads_no_model_runtime() -> None:
    code = (
        "import sys, image_assets.features.extractor; "
        "print([m for m in ('onnx', 'onnxruntime', 'tensorflow', 'tensorflow_hub') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
