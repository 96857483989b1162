"""Reads weights that torch saved, without torch.

A torch file is a pickle, and a pickle is a program: the file's SHA-256 is compared before a byte of it is interpreted,
and that is what makes it safe. So nothing below that guards against other files; the unpickler knows the four names
that weights are made of, since torch is not there to ask for more.

The format is torch's legacy one (`torch.save` before 1.6, not a zip), as `torch/serialization.py` writes it in
`_legacy_save`: five pickles (magic number, protocol, byte order, the state dictionary, the keys of its storages),
then for every key an int64 number of elements and the elements, little-endian.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from image_assets.features.errors import WeightsError


def read_torch_weights(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Read the tensors of a torch weights file whose content is known.

    Args:
        path: The file.
        sha256: The hash it must have, lower-case hexadecimal.

    Returns:
        Tensor name → array, C-contiguous, with the dtype it was saved with.

    Raises:
        WeightsError: the file cannot be read or is not the expected one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot read the weights ({error}); reinstall the package they came with") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path}: not the expected weights, nothing of them was loaded: expected SHA-256 {sha256}, found {found} "
            f"({len(content):,} bytes); reinstall the package they came with"
        )
    return _parse(io.BytesIO(content))


def _parse(stream: io.BytesIO) -> dict[str, np.ndarray]:
    for _ in ("magic number", "protocol", "byte order"):
        _Unpickler(stream).load()
    unpickler = _Unpickler(stream)
    tensors = unpickler.load()
    for key in _Unpickler(stream).load():
        storage = unpickler.storages[key]
        storage[:] = np.frombuffer(stream.read(8 + storage.nbytes), storage.dtype, offset=8)
    return {name: tensor.copy() for name, tensor in tensors.items()}


class _Unpickler(pickle.Unpickler):
    """Makes tensors of the state dictionary as views into storages, which are filled afterwards.

    Attributes:
        storages: The flat arrays that the tensors lie in, by the keys that the file gives them.
    """

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        return {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
            "torch.FloatStorage": "<f4",
            "torch.LongStorage": "<i8",
        }[f"{module}.{name}"]

    def persistent_load(self, pid: tuple[str, str, str, str, int, object]) -> np.ndarray:
        _, dtype, key, _, elements, _ = pid
        return self.storages.setdefault(key, np.empty(elements, dtype))


def _rebuild_tensor(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_: object) -> np.ndarray:
    """A view into a storage; offset and strides count elements, and the strides may be any, not only of C order."""
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, [stride * storage.itemsize for stride in strides])
