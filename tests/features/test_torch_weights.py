from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.features.efficientnet_lite import WEIGHTS_SHA256
from image_assets.features.errors import WeightsError
from image_assets.features.torch_weights import parse_torch_weights, read_torch_weights
from tests.features.torch_files import MAGIC, SavedTensor, tensor, torch_file, with_state

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4)
COUNT = np.array([7], np.int64)
GOOD = torch_file(tensor("matrix", MATRIX), tensor("count", COUNT))


class Trap:
    """Unpickling it with pickle itself makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.canary),)


def test_gives_back_the_tensors_that_were_saved() -> None:
    weights = parse_torch_weights(GOOD, "good.pth")
    assert list(weights) == ["matrix", "count"]
    np.testing.assert_array_equal(weights["matrix"], MATRIX)
    np.testing.assert_array_equal(weights["count"], COUNT)
    assert (weights["matrix"].dtype, weights["count"].dtype) == (np.float32, np.int64)


def test_honours_strides_and_offsets_that_are_not_those_of_c_order() -> None:
    transposed = tensor("t", MATRIX).saying(offset=1, shape=(3, 3), strides=(1, 4))
    np.testing.assert_array_equal(parse_torch_weights(torch_file(transposed), "t.pth")["t"], MATRIX[:, 1:].T)


def test_a_file_with_the_right_hash_is_read(tmp_path: Path) -> None:
    path = tmp_path / "good.pth"
    path.write_bytes(GOOD)
    assert set(read_torch_weights(path, hashlib.sha256(GOOD).hexdigest())) == {"matrix", "count"}


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
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    expected, found = hashlib.sha256(GOOD).hexdigest(), hashlib.sha256(content).hexdigest()
    with pytest.raises(WeightsError, match=f"weights.pth.*{expected}.*{found}.*reinstall"):
        read_torch_weights(path, expected)


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pth.*reinstall"):
        read_torch_weights(tmp_path / "nowhere.pth", WEIGHTS_SHA256)


def test_the_trap_of_these_tests_is_armed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Trap(canary)))
    assert canary.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("place", ["header", "state"])
def test_a_malicious_pickle_never_runs(tmp_path: Path, protocol: int, place: str) -> None:
    canary = tmp_path / "canary"
    trap = pickle.dumps(Trap(canary), protocol)
    content = trap if place == "header" else with_state(trap)
    path = tmp_path / "evil.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="not the expected weights"):
        read_torch_weights(path, WEIGHTS_SHA256)
    with pytest.raises(WeightsError, match="refused"):
        parse_torch_weights(content, "evil.pth")
    assert not canary.exists()


@pytest.mark.parametrize(
    "name",
    [
        "os\nsystem",
        "builtins\neval",
        "torch.jit\n_load",
        "torch._utils\n_rebuild_parameter",
        "numpy\nload",
        "torch\n__doc__",
    ],
)
def test_every_name_that_weights_do_not_need_is_refused(name: str) -> None:
    with pytest.raises(WeightsError, match="refused"):
        parse_torch_weights(with_state(b"\x80\x02c" + name.encode() + b"\n."), "x.pth")


def test_a_state_dictionary_cannot_change_what_the_next_file_is_read_with() -> None:
    """BUILD with a pair sets attributes: here the defaults of the function that rebuilds tensors."""
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    changed = rebuild + b"(N}X\x0c\x00\x00\x00__defaults__)stb"
    with pytest.raises(WeightsError):
        parse_torch_weights(with_state(b"\x80\x02" + changed + b"."), "x.pth")
    np.testing.assert_array_equal(parse_torch_weights(GOOD, "good.pth")["matrix"], MATRIX)


SAVED = tensor("matrix", MATRIX)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        pytest.param(SAVED.saying(described_elements=13, stored_elements=13), "cut short", id="one element too many"),
        pytest.param(SAVED.saying(described_elements=2**62, stored_elements=2**62), "cut short", id="exabytes"),
        pytest.param(SAVED.saying(stored_elements=11), "should have 12", id="storage and description differ"),
        pytest.param(SAVED.saying(described_elements=-1), "refused", id="negative number of elements"),
        pytest.param(SAVED.saying(offset=1), "does not fit", id="ends beyond its storage"),
        pytest.param(SAVED.saying(offset=-1), "does not fit", id="begins before its storage"),
        pytest.param(SAVED.saying(strides=(4, -1)), "does not fit", id="negative stride"),
        pytest.param(SAVED.saying(shape=(2**40, 2**40), strides=(0, 0)), "does not fit", id="unfolds by stride zero"),
        pytest.param(SAVED.saying(shape=(0, 2**70), strides=(1, 1)), "does not fit", id="empty and enormous"),
        pytest.param(SAVED.saying(shape=(1,) * 65, strides=(1,) * 65), "does not fit", id="65 dimensions"),
        pytest.param(SAVED.saying(strides=(4,)), "refused", id="fewer strides than dimensions"),
        pytest.param(SAVED.saying(location="cuda:0"), "refused", id="not on the CPU"),
    ],
)
def test_a_tensor_that_lies_about_its_size_is_refused(saved: SavedTensor, message: str) -> None:
    with pytest.raises(WeightsError, match=rf"lie\.pth.*{message}"):
        parse_torch_weights(torch_file(saved), "lie.pth")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(GOOD + b"\0", "1 bytes follow", id="something follows"),
        pytest.param(torch_file(SAVED, magic=MAGIC + 1), "magic number", id="wrong magic number"),
        pytest.param(torch_file(SAVED, system={"little_endian": False}), "big-endian", id="big-endian"),
        pytest.param(torch_file(SAVED, keys=["0", "1"]), "exactly the storages", id="a storage too many"),
        pytest.param(torch_file(SAVED, keys=[]), "exactly the storages", id="a storage too few"),
        pytest.param(torch_file(SAVED, keys=[("0",)]), "exactly the storages", id="keys that are no names"),
        pytest.param(with_state(pickle.dumps([], 2) + pickle.dumps([], 2)), "no state dictionary", id="a list"),
        pytest.param(with_state(b"\x80\x02r\xff\xff\xff\xff."), "has fewer", id="a memo of billions"),
        pytest.param(b"PK\x03\x04" + bytes(100), "not a legacy torch", id="a zip, as newer versions save"),
    ],
)
def test_a_file_that_is_built_wrongly_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        parse_torch_weights(content, "wrong.pth")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_does_worse_than_a_weights_error(data: st.DataObject) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.one_of(st.just(len(GOOD)), st.integers(0, len(GOOD))))
    try:
        weights = parse_torch_weights(bytes(content[:end]), "damaged.pth")
    except WeightsError:
        return
    assert all(isinstance(value, np.ndarray) for value in weights.values())
