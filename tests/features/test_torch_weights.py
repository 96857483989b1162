from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_assets.features.efficientnet_lite import LITE0, load_weights
from image_assets.features.errors import WeightsError
from image_assets.features.torch_weights import read_torch_weights
from tests.features.torch_files import SavedTensor, tensor, torch_file, with_state

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)
COUNT = np.array(7, np.int64)
GOOD = torch_file(tensor("matrix", MATRIX), tensor("count", COUNT))


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.canary),)


def read(folder: Path, content: bytes, sha256: str = "") -> dict[str, np.ndarray]:
    path = folder / "weights.pth"
    path.write_bytes(content)
    return read_torch_weights(path, sha256 or hashlib.sha256(content).hexdigest())


def test_gives_back_the_tensors_that_were_saved(tmp_path: Path) -> None:
    weights = read(tmp_path, GOOD)
    assert list(weights) == ["matrix", "count"]
    np.testing.assert_array_equal(weights["matrix"], MATRIX)
    np.testing.assert_array_equal(weights["count"], COUNT)
    assert (weights["matrix"].dtype, weights["count"].dtype) == (np.float32, np.int64)


def test_honours_strides_and_offsets_that_are_not_those_of_c_order(tmp_path: Path) -> None:
    transposed = SavedTensor("t", MATRIX.ravel(), offset=1, shape=(3, 3), strides=(1, 4))
    found = read(tmp_path, torch_file(transposed))["t"]
    np.testing.assert_array_equal(found, MATRIX[:, 1:].T)
    assert found.flags["C_CONTIGUOUS"]


def test_the_published_weights_are_read_bit_for_bit() -> None:
    digest = hashlib.sha256()
    for name, array in load_weights().items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    assert digest.hexdigest() == "546add53a39a6b74ef9c84ff6946d7d4e0f2e949fa7fda28cd4cc45222d698a5"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(GOOD[:-1] + bytes([GOOD[-1] ^ 1]), id="one bit flipped"),
        pytest.param(GOOD[:-1], id="cut short"),
        pytest.param(b"", id="empty"),
        pytest.param(b"<!DOCTYPE html><html><body>404 Not Found</body></html>", id="an HTML page"),
    ],
)
def test_another_file_is_refused_with_both_hashes_and_what_to_do(tmp_path: Path, content: bytes) -> None:
    expected, found = hashlib.sha256(GOOD).hexdigest(), hashlib.sha256(content).hexdigest()
    with pytest.raises(WeightsError, match=f"weights.pth.*{expected}.*{found}.*reinstall"):
        read(tmp_path, content, expected)


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pth.*reinstall"):
        read_torch_weights(tmp_path / "nowhere.pth", LITE0.sha256)


def test_the_trap_of_these_tests_is_armed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Trap(canary)))
    assert canary.exists()


@pytest.mark.parametrize("place", ["header", "state"])
def test_a_malicious_pickle_of_another_hash_is_not_interpreted(tmp_path: Path, place: str) -> None:
    canary = tmp_path / "canary"
    trap = pickle.dumps(Trap(canary), protocol=2)
    with pytest.raises(WeightsError, match="not the expected weights"):
        read(tmp_path, trap if place == "header" else with_state(trap), LITE0.sha256)
    assert not canary.exists()
