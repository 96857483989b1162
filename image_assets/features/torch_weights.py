"""Reads weights that torch saved, without torch and without running what the file says.

A torch file is a pickle, and a pickle is a program. The file's SHA-256 is compared before a byte of it is
interpreted; beneath that, the unpickler knows the four names and the opcodes that weights are made of and refuses
every other.

The format is torch's legacy one (`torch.save` before 1.6, not a zip), as `torch/serialization.py` writes it in
`_legacy_save`: five pickles (magic number, protocol, byte order, the state dictionary, the keys of its storages),
then for every key an int64 number of elements and the elements, little-endian.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import pickletools
import reprlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from image_assets.features.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MAX_DIMENSIONS = 8
_OPCODES = frozenset(
    {
        *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID"),
        *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("NONE", "NEWTRUE", "NEWFALSE", "LONG1", "BININT", "BININT1", "BININT2", "BINUNICODE"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"),
    }
)
# What the unpickler of the standard library raises for bytes that are no valid pickle.
_BROKEN_PICKLE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,
)


class _StateDict(dict[str, object]):
    """Stands in for the `OrderedDict` of the file; attributes that the file sets on it are dropped."""

    def __setstate__(self, state: object) -> None:
        del state


@dataclass(frozen=True)
class _Storage:
    """A flat run of elements, not read yet."""

    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True)
class _Tensor:
    """A strided view into a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


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
    return parse_torch_weights(content, str(path))


def parse_torch_weights(content: bytes, origin: str) -> dict[str, np.ndarray]:
    """Interpret a legacy torch file; nothing runs, and every size is compared with the bytes that are there.

    Args:
        content: The whole file.
        origin: Its name, for errors.

    Raises:
        WeightsError: the bytes are no legacy torch file, are cut short, or ask for more than weights.
    """
    try:
        return _parse(content)
    except WeightsError as error:
        raise WeightsError(f"{origin}: {error}") from None
    except _BROKEN_PICKLE as error:
        raise WeightsError(f"{origin}: not a legacy torch weights file ({error!r:.200})") from None


def _parse(content: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(content)
    magic, protocol, system = (_unpickle(stream) for _ in range(3))
    if magic != _MAGIC or protocol != _PROTOCOL:
        raise WeightsError("not a legacy torch weights file: its magic number or protocol differs")
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError("weights that were saved on a big-endian machine are not supported")
    tensors = _unpickle(stream)
    storages = _storages_in_order(tensors, _unpickle(stream))
    arrays = _read_storages(content, stream.tell(), storages)
    return {name: _view(name, tensor, arrays[tensor.storage.key]) for name, tensor in tensors.items()}


def _unpickle(stream: io.BytesIO) -> Any:
    """The object that the next pickle of the stream describes."""
    start = stream.tell()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name not in _OPCODES:
            raise WeightsError(f"refused: the file uses {opcode.name}, which weights do not need")
        # The memo is an array: an index of billions would allocate it.
        if opcode.name in ("BINPUT", "LONG_BINPUT") and isinstance(argument, int) and argument > count:
            raise WeightsError(f"refused: the file numbers its objects up to {argument:,} and has fewer")
    stream.seek(start)
    return _Unpickler(stream).load()


class _Unpickler(pickle.Unpickler):
    """Knows the few names that a state dictionary is made of."""

    def find_class(self, module: str, name: str) -> Any:
        # Each load gets objects of its own: what the file does to them (pickles can set attributes) stays with it.
        known: dict[str, Any] = {
            "collections.OrderedDict": _StateDict,
            "torch._utils._rebuild_tensor_v2": lambda *arguments: _rebuild_tensor(*arguments),
            "torch.FloatStorage": "<f4",
            "torch.LongStorage": "<i8",
        }
        if f"{module}.{name}" not in known:
            raise WeightsError(f"refused: the file asks for {module}.{name}, which weights do not need")
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", "<f4" | "<i8" as dtype, str(key), "cpu", int(elements), None) if elements >= 0:
                return _Storage(key, np.dtype(dtype), elements)
        raise WeightsError(f"refused: expected the description of a CPU storage, found {reprlib.repr(pid)}")


def _rebuild_tensor(*arguments: Any) -> _Tensor:
    """What `torch._utils._rebuild_tensor_v2` is called with: storage, offset, shape, strides, gradient flag, hooks."""
    match arguments:
        case (_Storage() as storage, offset, tuple(shape), tuple(strides), bool(), _):
            if len(shape) == len(strides) and all(type(n) is int for n in (offset, *shape, *strides)):
                return _Tensor(storage, offset, shape, strides)
    raise WeightsError(f"refused: expected the description of a tensor, found {reprlib.repr(arguments)}")


def _storages_in_order(tensors: Any, keys: Any) -> list[_Storage]:
    """The storages that the tensors use, in the order in which the file holds them."""
    if not isinstance(tensors, _StateDict) or not isinstance(keys, list):
        raise WeightsError("the file holds no state dictionary")
    used: dict[str, _Storage] = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise WeightsError(f"the entry {reprlib.repr(name)} of the state dictionary is no tensor")
        if used.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise WeightsError(f"storage {tensor.storage.key} is described in two ways")
    if not all(isinstance(key, str) for key in keys) or len(keys) != len(used) or set(keys) != set(used):
        raise WeightsError("the file does not hold exactly the storages that its tensors use")
    return [used[key] for key in keys]


def _read_storages(content: bytes, position: int, storages: list[_Storage]) -> dict[str, np.ndarray]:
    """Views of the storages, key → flat array; the first one begins at `position`."""
    arrays: dict[str, np.ndarray] = {}
    for storage in storages:
        size = storage.elements * storage.dtype.itemsize
        if 8 + size > len(content) - position:
            raise WeightsError(
                f"cut short: storage {storage.key} needs {8 + size:,} bytes and {len(content) - position:,} are left"
            )
        elements = int.from_bytes(content[position : position + 8], "little", signed=True)
        if elements != storage.elements:
            raise WeightsError(f"storage {storage.key} should have {storage.elements:,} elements, it says {elements:,}")
        arrays[storage.key] = np.frombuffer(content, storage.dtype, elements, position + 8)
        position += 8 + size
    if position != len(content):
        raise WeightsError(f"{len(content) - position:,} bytes follow the last storage")
    return arrays


def _view(name: str, tensor: _Tensor, flat: np.ndarray) -> np.ndarray:
    """Copy a tensor out of its storage; its strides may be any, not only those of C order."""
    last = tensor.offset + sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True))
    inside = (
        len(tensor.shape) <= _MAX_DIMENSIONS
        and all(n > 0 for n in tensor.shape)
        and all(0 <= n <= flat.size for n in (tensor.offset, *tensor.strides))
        and last < flat.size
        # Else a stride of zero could unfold a few bytes into terabytes.
        and math.prod(tensor.shape) <= flat.size
    )
    if not inside:
        raise WeightsError(
            f"tensor {name} (offset {tensor.offset}, shape {tensor.shape}, strides {tensor.strides}) "
            f"does not fit its storage of {flat.size:,} elements"
        )
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides).copy()
