"""What every listed file is, by its bytes: read once, hashed or known for a companion, before anything is decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from image_assets.engines.engine import UNIT_FILES, Engine, Unit
from image_assets.environment import READS_AT_ONCE
from image_assets.images.formats import sniff
from image_assets.images.header import check_bytes
from image_assets.images.reasons import Reason, Rejected
from image_assets.ingest.source import Source, SourceFile, SourceReadError
from image_assets.settings.stages import Limits
from image_assets.workers import Progress, chunks, no_progress, ordered_map

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


@dataclass(frozen=True, slots=True)
class Companion:
    """A listed file that comes along with pictures; `picture` is the source of one, None where it has come alone."""

    file: SourceFile
    picture: str | None


@dataclass(frozen=True)
class Fingerprints:
    """What the listed files are, each in the order of the files."""

    known: list[Fingerprint]
    refused: list[Refusal]
    companions: list[Companion]


def image_id(content: bytes) -> str:
    """The id of an image: SHA-256 of the file's bytes, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_within(source: Source, file: SourceFile, limits: Limits) -> bytes:
    """The file's bytes. Raises `Rejected` where they cannot be read or are too many."""
    check_bytes(file.bytes, limits)
    try:
        content = source.read(file, limits.max_bytes)
    except SourceReadError as error:
        raise Rejected(error.reason, str(error)) from error
    if len(content) > limits.max_bytes:
        raise Rejected(
            Reason.TOO_MANY_BYTES, f"more than {limits.max_bytes:,} bytes, though {file.bytes:,} were listed"
        )
    return content


class ReadsError(ValueError):
    """The number of files to be read at once that the environment asks for is none."""


def reads_at_once(threads: int) -> int:
    """How many files a unit of so many threads reads at once.

    Raises:
        ReadsError: the environment asks for no number, or for less than 1.
    """
    said = READS_AT_ONCE.value
    if not said:
        return threads
    if not said.isdecimal() or not int(said):
        raise ReadsError(f"{READS_AT_ONCE.name}={said}: expected a number of files, 1 or more")
    return max(threads, int(said))


def reads_of_a_thread(threads: int) -> int:
    """How many of these each of the threads reads at once. Raises `ReadsError` as `reads_at_once`."""
    return -(-reads_at_once(threads) // threads)


def fingerprint(
    files: Sequence[SourceFile],
    source: Source,
    limits: Limits,
    engine: Engine,
    progress: Progress = no_progress,
    named_after: Mapping[str, str | None] = MappingProxyType({}),
) -> Fingerprints:
    """Hash every file; those that cannot be read are refused.

    Args:
        files: What is listed.
        source: Reads it.
        limits: The dataset's limits.
        engine: Where the work is done.
        progress: Called after every chunk.
        named_after: Files that are companions by their names → a picture or None; one whose content begins like a
            picture is none.
    """
    parts = [files[start : start + UNIT_FILES] for start in range(0, len(files), UNIT_FILES)]
    units = []
    for part in parts:
        beside = {file.source: named_after[file.source] for file in part if file.source in named_after}
        work = partial(_fingerprint_unit, part, beside, source, limits)
        units.append(Unit(f"hashing {part[0].source} … {part[-1].source}", len(part), work))
    results = [result for unit in engine.run(units, progress) for result in unit]
    return Fingerprints(
        [result for result in results if isinstance(result, Fingerprint)],
        [result for result in results if isinstance(result, Refusal)],
        [result for result in results if isinstance(result, Companion)],
    )


_Looked = Fingerprint | Refusal | Companion


def _fingerprint_unit(
    files: Sequence[SourceFile],
    named_after: Mapping[str, str | None],
    source: Source,
    limits: Limits,
    threads: int,
    progress: Progress,
) -> list[_Looked]:
    reads = reads_of_a_thread(threads)

    def look(part: Sequence[SourceFile]) -> list[_Looked]:
        one = partial(_fingerprint, named_after=named_after, source=source, limits=limits)
        return list(ordered_map(one, part, reads) if reads > 1 else map(one, part))

    results: list[_Looked] = []
    for part in ordered_map(look, chunks(files, _CHUNK_FILES, lambda file: file.bytes, _CHUNK_BYTES), threads):
        results += part
        progress(len(results), len(files))
    return results


def _fingerprint(file: SourceFile, named_after: Mapping[str, str | None], source: Source, limits: Limits) -> _Looked:
    try:
        content = read_within(source, file, limits)
    except Rejected as rejected:
        return Refusal(file, None, rejected.reason, rejected.detail)
    if file.source in named_after and sniff(content) is None:
        return Companion(file, named_after[file.source])
    return Fingerprint(file, image_id(content))
