"""What every listed file is, by its bytes: read once, hashed, before anything is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from image_assets.dataset import Limits
from image_assets.ingest.reasons import Reason, Rejected
from image_assets.ingest.source import Source, SourceFile, SourceReadError
from image_assets.workers import Progress, no_progress, ordered_map


@dataclass(frozen=True)
class Fingerprint:
    """A listed file and the SHA-256 of its bytes."""

    file: SourceFile
    image_id: str


@dataclass(frozen=True)
class Refusal:
    """A listed file that goes to quarantine; the id is None where its bytes could not be read."""

    file: SourceFile
    image_id: str | None
    reason: Reason
    detail: str


def image_id(content: bytes) -> str:
    """The id of an image: SHA-256 of the file's bytes, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_within(source: Source, file: SourceFile, limits: Limits) -> bytes:
    """The file's bytes. Raises `Rejected` where they cannot be read or are too many."""
    if file.bytes > limits.max_bytes:
        raise Rejected(Reason.TOO_MANY_BYTES, f"{file.bytes:,} bytes; at most {limits.max_bytes:,} are accepted")
    try:
        content = source.read(file, limits.max_bytes)
    except SourceReadError as error:
        raise Rejected(Reason.UNREADABLE, str(error)) from error
    if len(content) > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES, f"more than {limits.max_bytes:,} bytes, though {file.bytes:,} were listed"
        )
    return content


def fingerprint(
    files: Sequence[SourceFile], source: Source, limits: Limits, progress: Progress = no_progress
) -> tuple[list[Fingerprint], list[Refusal]]:
    """Hash every file, on all cores, in the order of `files`; those that cannot be read are refused."""

    def look(file: SourceFile) -> Fingerprint | Refusal:
        try:
            return Fingerprint(file, image_id(read_within(source, file, limits)))
        except Rejected as rejected:
            return Refusal(file, None, rejected.reason, rejected.detail)

    known: list[Fingerprint] = []
    refused: list[Refusal] = []
    for done, result in enumerate(ordered_map(look, files), start=1):
        if isinstance(result, Fingerprint):
            known.append(result)
        else:
            refused.append(result)
        progress(done, len(files))
    return known, refused
