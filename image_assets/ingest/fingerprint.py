"""What every listed file is, by its bytes: read once, hashed, before anything is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from image_assets.engine import Engine, Unit
from image_assets.ingest.reasons import Reason, Rejected
from image_assets.ingest.source import Source, SourceFile, SourceReadError
from image_assets.settings.stages import Limits
from image_assets.workers import Progress, chunks, no_progress, ordered_map

_UNIT_FILES = 10_001
_CHUNK_FILES = 32
_CHUNK_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A listed file and the SHA-256 of its bytes."""

    file: SourceFile
    image_id: str


@dataclass(frozen=True, slots=True)
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
        raise Rejected(error.reason, str(error)) from error
    if len(content) > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES, f"more than {limits.max_bytes:,} bytes, though {file.bytes:,} were listed"
        )
    return content


def fingerprint(
    files: Sequence[SourceFile], source: Source, limits: Limits, engine: Engine, progress: Progress = no_progress
) -> tuple[list[Fingerprint], list[Refusal]]:
    """Hash every file, in the order of `files`; those that cannot be read are refused."""
    parts = [files[start : start + _UNIT_FILES] for start in range(0, len(files), _UNIT_FILES)]
    units = [
        Unit(
            f"hashing {part[0].source} … {part[-1].source}", len(part), partial(_fingerprint_unit, part, source, limits)
        )
        for part in parts
    ]
    results = [result for unit in engine.run(units, progress) for result in unit]
    known = [result for result in results if isinstance(result, Fingerprint)]
    return known, [result for result in results if isinstance(result, Refusal)]


def _fingerprint_unit(
    files: Sequence[SourceFile], source: Source, limits: Limits, threads: int, progress: Progress
) -> list[Fingerprint | Refusal]:
    def look(part: Sequence[SourceFile]) -> list[Fingerprint | Refusal]:
        return [_fingerprint(file, source, limits) for file in part]

    results: list[Fingerprint | Refusal] = []
    for part in ordered_map(look, chunks(files, _CHUNK_FILES, lambda file: file.bytes, _CHUNK_BYTES), threads):
        results += part
        progress(len(results), len(files))
    return results


def _fingerprint(file: SourceFile, source: Source, limits: Limits) -> Fingerprint | Refusal:
    try:
        return Fingerprint(file, image_id(read_within(source, file, limits)))
    except Rejected as rejected:
        return Refusal(file, None, rejected.reason, rejected.detail)
