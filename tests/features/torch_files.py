"""Writes weights files as torch's `_legacy_save` does, without torch."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


@dataclass(frozen=True)
class SavedTensor:
    """What a file says of one tensor, and the elements that its storage holds."""

    name: str
    values: np.ndarray
    offset: int = 0
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    storage_class: bytes = b"torch\nFloatStorage"


def tensor(name: str, values: np.ndarray) -> SavedTensor:
    """A tensor in C order, described as it is."""
    storage_class = b"torch\nLongStorage" if values.dtype == np.int64 else b"torch\nFloatStorage"
    strides = tuple(stride // values.itemsize for stride in values.strides)
    return SavedTensor(name, values.ravel(), 0, values.shape, strides, storage_class=storage_class)


def torch_file(*tensors: SavedTensor) -> bytes:
    """The bytes of a file with these tensors, each with a storage of its own."""
    parts = [_OPEN + b"("]
    for key, saved in enumerate(tensors):
        parts += [_bare(saved.name), _tensor(saved, str(key))]
    keys = pickle.dumps([str(key) for key in range(len(tensors))], protocol=2)
    return with_state(b"".join(parts) + b"u.") + keys + b"".join(map(_stored, tensors))


def with_state(state: bytes) -> bytes:
    """A file whose header is right and whose state dictionary is this pickle."""
    return b"".join(pickle.dumps(part, protocol=2) for part in (MAGIC, PROTOCOL, SYSTEM)) + state


_OPEN = b"\x80\x02ccollections\nOrderedDict\n)R"


def _bare(value: object) -> bytes:
    """A pickle without its first and last opcode, to be put into another one."""
    return pickle.dumps(value, protocol=2)[2:-1]


def _tensor(saved: SavedTensor, key: str) -> bytes:
    storage = [_bare("storage"), b"c" + saved.storage_class + b"\n"]
    storage += map(_bare, (key, "cpu", saved.values.size, None))
    arguments = [*map(_bare, (saved.offset, saved.shape, saved.strides, False)), b"ccollections\nOrderedDict\n)R"]
    return b"ctorch._utils\n_rebuild_tensor_v2\n((" + b"".join(storage) + b"tQ" + b"".join(arguments) + b"tR"


def _stored(saved: SavedTensor) -> bytes:
    return saved.values.size.to_bytes(8, "little", signed=True) + saved.values.tobytes()
