"""A tensor of the Open Inference Protocol: from JSON, or from the bytes after it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from image_assets.console.refusals import Refused

_LENGTH_BYTES = 4
_MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class Tensor:
    """A tensor.

    Attributes:
        name: Of the input.
        datatype: BYTES or UINT8.
        shape: At least one dimension.
        content: Of BYTES, each element after its length in four bytes, the lowest first; else the numbers.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    content: bytes

    def elements(self) -> list[bytes]:
        """Of BYTES, the elements. Raises `Refused` where they are not as many as the shape says."""
        found, at = [], 0
        while at < len(self.content):
            length = int.from_bytes(self.content[at : at + _LENGTH_BYTES], "little")
            at += _LENGTH_BYTES
            if at + length > len(self.content):
                raise _bad(self.name, "its last element is cut off")
            found.append(self.content[at : at + length])
            at += length
        if len(found) != prod(self.shape):
            raise _bad(self.name, f"{len(found)} elements, and the shape {list(self.shape)}")
        return found

    def array(self) -> np.ndarray:
        """Of UINT8, the numbers, of the shape. Raises `Refused` where they are not as many as it says."""
        if len(self.content) != prod(self.shape):
            raise _bad(self.name, f"{len(self.content):,} numbers, and the shape {list(self.shape)}")
        return np.frombuffer(self.content, np.uint8).reshape(self.shape)


def tensor_of(said: object, binary: bytes) -> Tensor:
    """An input of a request.

    Args:
        said: Its entry in the JSON.
        binary: What follows the JSON.

    Raises:
        Refused: it is none.
    """
    said = said if isinstance(said, dict) else {}
    name = said.get("name")
    if not isinstance(name, str):
        raise Refused(400, "bad_request", "inputs: expected a name, a shape, a datatype and data")
    datatype, shape = said.get("datatype"), said.get("shape")
    if datatype not in ("BYTES", "UINT8"):
        raise _bad(name, f"datatype {datatype!r}; expected BYTES or UINT8")
    if not isinstance(shape, list) or not shape or not all(type(one) is int and one >= 0 for one in shape):
        raise _bad(name, f"shape {shape!r}; expected whole numbers")
    parameters = said.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        content = _from_json(name, datatype, said.get("data"), min(len(shape), _MOST_DIMENSIONS))
    elif type(size) is int and size == len(binary):
        content = binary
    else:
        raise _bad(name, f"binary_data_size {size!r}, and {len(binary):,} bytes follow the JSON")
    return Tensor(name, datatype, tuple(shape), content)


def _from_json(name: str, datatype: str, data: object, dimensions: int) -> bytes:
    if not isinstance(data, list):
        raise _bad(name, "data is no list")
    flat = _flat(data, dimensions)
    try:
        if datatype == "UINT8":
            return bytes(flat)
        contents = [base64.b64decode(one, validate=True) for one in flat]
    except (TypeError, ValueError, binascii.Error):
        what = "whole numbers from 0 to 255" if datatype == "UINT8" else "images in base64"
        raise _bad(name, f"data: expected {what}") from None
    return b"".join(len(one).to_bytes(_LENGTH_BYTES, "little") + one for one in contents)


def _flat(data: list[Any], dimensions: int) -> list[Any]:
    """The elements of lists within lists, in their order; what lies deeper than the shape says stays a list."""
    for _ in range(dimensions - 1):
        data = [inner for one in data for inner in (one if isinstance(one, list) else [one])]
    return data


def _bad(name: str, why: str) -> Refused:
    return Refused(400, "bad_request", f"input {name}: {why}")
