"""Digests that change whenever an extractor's features could: of its weights and its settings, not of who runs it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path


def extractor_digest(weights: str, settings: Mapping[str, object]) -> str:
    """SHA-256 of an extractor, 64 hexadecimal digits.

    Args:
        weights: Digest of the weights.
        settings: Everything else that changes a feature, as plain JSON values.
    """
    return hashlib.sha256(json.dumps([weights, settings], sort_keys=True).encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256 over the relative names and the bytes of all files of a folder, 64 hexadecimal digits.

    The same files give the same digest on every machine, whatever the folder is called and whenever they were written.
    """
    digest = hashlib.sha256()
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    for name, file in sorted(files.items()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        # JSON keeps name and content apart: no two different folders join to the same bytes.
        digest.update(json.dumps([name, content]).encode())
    return digest.hexdigest()
