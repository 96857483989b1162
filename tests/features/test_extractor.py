from __future__ import annotations

import subprocess
import sys

import pytest

from image_assets.features.errors import ExtractorError
from image_assets.features.extractor import build_extractor, shared_extractor
from image_assets.settings import stages


def test_a_dataset_file_chooses_the_embedded_extractor() -> None:
    extractor = build_extractor(stages.EfficientNetLite(kind="efficientnet_lite0"))
    assert (extractor.name, extractor.shape, extractor.width) == ("efficientnet_lite0", (224, 224, 3), 1280)
    assert len(extractor.digest) == 64


def test_a_process_builds_an_extractor_once() -> None:
    assert shared_extractor(stages.EfficientNetLite(kind="efficientnet_lite0")) is shared_extractor(
        stages.EfficientNetLite(kind="efficientnet_lite0")
    )


def test_without_tensorflow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # what Python itself notes of a package that is not there
    with pytest.raises(ExtractorError, match=r'pip install "image-assets\[tensorflow\]"'):
        build_extractor(stages.TfHub(kind="tf_hub", module="module", image_size=128, width=512))


def test_importing_the_registry_loads_no_model_runtime() -> None:
    code = (
        "import sys, image_assets.features.extractor; "
        "print([m for m in ('onnx', 'onnxruntime', 'tensorflow', 'tensorflow_hub') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
