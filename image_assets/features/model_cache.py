"""Models that are expensive to make, kept from run to run.

A file's name ends in the SHA-256 of its bytes, and a file whose bytes are others is thrown away. That guards against
damage; whoever may write into the folder is trusted.
"""

from __future__ import annotations

import hashlib

from image_assets.places import cache_folder
from image_assets.whole_files import write_whole


def read_model(key: str) -> bytes | None:
    """The model that is kept under a key, as it was written; none where there is none, or only a damaged one.

    Args:
        key: Hexadecimal digest of everything that the model is made of.

    Raises:
        OSError: a file is there and cannot be read, or is damaged and cannot be removed.
    """
    for file in sorted(cache_folder().glob(f"{key}-*.onnx")):
        content = file.read_bytes()
        if file.name == _file_name(key, content):
            return content
        file.unlink(missing_ok=True)
    return None


def write_model(key: str, content: bytes) -> None:
    """Keep a model; it is there whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _file_name(key, content), content)


def _file_name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()}.onnx"
