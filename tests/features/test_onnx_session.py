"""Sessions of onnxruntime: what they keep between batches is given back."""

from __future__ import annotations

import gc
import re
from pathlib import Path

import numpy as np

from image_assets.features.extractor import build_extractor
from image_assets.features.onnx_session import release_arenas
from image_assets.memory import hand_back
from image_assets.settings.stages import EfficientNetLite


def resident() -> int:
    """Bytes of this process that are in memory and no file's."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) * 1024


def test_what_a_session_keeps_for_its_next_batch_is_given_back() -> None:
    extractor = build_extractor(EfficientNetLite(kind="efficientnet_lite0"))
    batch = np.random.default_rng(0).integers(0, 256, (32, 224, 224, 3), np.uint8)
    features = extractor.infer(batch)
    gc.collect()
    hand_back()
    kept = resident()
    release_arenas()
    hand_back()
    assert resident() < kept - 50_000_000
    assert np.array_equal(extractor.infer(batch), features)
