"""Named arrays and what is said of them as bytes: safetensors files, which hold numbers and text and nothing that runs.

Format: https://huggingface.co/docs/safetensors — the length of a header, the header in JSON, the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

MAX_BYTES = 2_000_000_000
"""No network of ours is larger."""
_MAX_HEADER = 10_000_000
_LENGTH = 8  # bytes that say how long the header is, little-endian


class TensorFileError(ValueError):
    """The bytes are no file of ours; the message says what is wrong with them."""


def dump_tensors(tensors: Mapping[str, np.ndarray], about: Mapping[str, str]) -> bytes:
    """Arrays and text about them as a file, the same bytes for the same content.

    Args:
        tensors: By name; of any shape, of numbers.
        about: Key → text.
    """
    # The names are sorted by the library; the keys of the text are not.
    content = save({name: np.array(array, order="C") for name, array in sorted(tensors.items())}, None)
    length = int.from_bytes(content[:_LENGTH], "little")
    header = json.loads(content[_LENGTH : _LENGTH + length])
    header = {"__metadata__": dict(sorted(about.items())), **{name: header[name] for name in sorted(header)}}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % _LENGTH)
    return len(encoded).to_bytes(_LENGTH, "little") + encoded + content[_LENGTH + length :]


def parse_tensors(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a file, and the text about them.

    Raises:
        TensorFileError: it is no such file, is cut or damaged, or is larger than any of ours.
    """
    if len(content) > MAX_BYTES:
        raise TensorFileError(f"has {len(content):,} bytes, more than any network of ours ({MAX_BYTES:,})")
    length = int.from_bytes(content[:_LENGTH], "little")
    if len(content) < _LENGTH or length > min(_MAX_HEADER, len(content) - _LENGTH):
        raise TensorFileError("not a safetensors file: its header is longer than the file")
    try:
        header = json.loads(content[_LENGTH : _LENGTH + length])
        tensors = load(content)
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise TensorFileError(f"not a safetensors file ({error})") from None
    about = header.get("__metadata__", {})
    return tensors, {str(key): str(value) for key, value in about.items()}
