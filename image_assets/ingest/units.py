"""A unit of loading: at most 10,001 files, decoded and written as one file of `raw_images` and one of `quarantine`.

A unit's name is derived from what goes into it, so that a run which was killed finds its finished units again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from image_assets.engines.at_work import AtWork, notes_of, noting
from image_assets.engines.ending import suspects_tried, those_that_end
from image_assets.engines.engine import Engine, Unit, finished_or_made
from image_assets.engines.pieces import images_of_a_piece, made_in_order
from image_assets.images.decode import decode
from image_assets.images.metrics import ImageMetrics, measure_copies
from image_assets.images.reasons import Reason, Rejected
from image_assets.images.thumbnail import small_copy, thumbnail
from image_assets.ingest.fingerprint import Fingerprint, Refusal, image_id, read_within, reads_of_a_thread
from image_assets.ingest.source import Source, SourceChanged
from image_assets.schema import QUARANTINE, RAW_IMAGES, Partition
from image_assets.settings.stages import Limits
from image_assets.store.tables.arrow_columns import batch_of_rows
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, chunks, no_progress, ordered_map

# Part of every unit's name: raised whenever the same file would give another row.
_DOOR_VERSION = 7
# What a worker thread decodes at a time. Bounded in bytes too, as several of them wait to be written.
_CHUNK_FILES = 32
_CHUNK_BYTES = 16_000_000
# What a worker process is given at a time, at most: its images lie in a file until they are written to the table's.
_PIECE_BYTES = 64_000_000


@dataclass(frozen=True)
class Loader:
    """What units are loaded with: one per partition.

    Attributes:
        apart: Whether other processes than the run's own do the work: some image has just ended one, and there may be
            more.
    """

    source: Source
    limits: Limits
    partition: Partition
    label: int
    raw_images: PartitionedTable
    quarantine: PartitionedTable
    apart: bool = False


@dataclass(frozen=True)
class LoadedUnit:
    """The two files of a finished unit."""

    raw_images: WrittenFile
    quarantine: WrittenFile


def load_units(
    parts: Sequence[Sequence[Fingerprint]], loader: Loader, engine: Engine, progress: Progress = no_progress
) -> list[LoadedUnit]:
    """Load files unit by unit; units that were finished before are not touched.

    Args:
        parts: The files of each unit, in the order of their sources.
        loader: What they are loaded with.
        engine: Where the work is done.
        progress: Told of files.

    Raises:
        SourceChanged: a file is not what it was when it was hashed.
        EndsTheProcess: images end whoever decodes them.
        UnitLost: as `Engine.run`.
    """
    units = [
        Unit(f"loading {part[0].file.source} … {part[-1].file.source}", len(part), partial(_load_unit, part, loader))
        for part in parts
    ]
    return finished_or_made(units, [_find_unit(part, loader) for part in parts], engine, progress)


def refusals_of(unit: LoadedUnit, loader: Loader, prints: Sequence[Fingerprint]) -> list[Refusal]:
    """The refused files of a unit, read back from its file."""
    by_source = {one.file.source: one.file for one in prints}
    return [
        Refusal(by_source[row["source"]], row["image_id"], Reason(row["reason"]), row["detail"])
        for batch in loader.quarantine.files.read(unit.quarantine.path, QUARANTINE.file_schema.names)
        for row in batch.to_pylist()
    ]


def refusal_batch(refusals: Sequence[Refusal]) -> pa.RecordBatch:
    """Refusals as rows of `quarantine`, laid out as pyarrow does it: names of files come of that, bit for bit."""
    if not refusals:
        return batch_of_rows([], QUARANTINE.file_schema)
    rows = [
        {"source": r.file.source, "bytes": r.file.bytes, "image_id": r.image_id, "reason": r.reason, "detail": r.detail}
        for r in refusals
    ]
    return pa.RecordBatch.from_pylist(rows, schema=QUARANTINE.file_schema)


def unit_name(prints: Sequence[Fingerprint], loader: Loader) -> str:
    """The name of the unit of these files: the same for the same files and rules, and for no others."""
    return name_of_files([(one.image_id, one.file.source) for one in prints], loader.limits, loader.label)


def name_of_files(files: Sequence[tuple[str, str]], limits: Limits, label: int) -> str:
    """The name of the unit of files, given by image id and source in the order of their sources; see `unit_name`."""
    made_of = {
        "door": _DOOR_VERSION,
        "limits": limits.model_dump(include={"formats", "max_bytes", "max_pixels", "max_side", "min_side"}),
        "label": label,
        "files": files,
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def _find_unit(prints: Sequence[Fingerprint], loader: Loader) -> LoadedUnit | None:
    name = unit_name(prints, loader)
    raw = loader.raw_images.find_file(loader.partition, name)
    refused = loader.quarantine.find_file(loader.partition, name)
    return LoadedUnit(raw, refused) if raw is not None and refused is not None else None


def _load_unit(prints: Sequence[Fingerprint], loader: Loader, threads: int, progress: Progress) -> LoadedUnit:
    name = unit_name(prints, loader)
    refusals: list[Refusal] = []
    notes = notes_of(loader.raw_images.url)
    with suspects_tried(notes, lambda: _names(prints), partial(_ends, prints, loader)) as suspected:
        apart = suspected or loader.apart
        with made_in_order(
            partial(_load_chunks, loader), _pieces(prints, threads, apart=apart), threads, apart=apart
        ) as steps:
            raw = loader.raw_images.write_file(loader.partition, name, _told(steps, len(prints), refusals, progress))
    return LoadedUnit(raw, loader.quarantine.write_file(loader.partition, name, [refusal_batch(refusals)]))


def _told(
    steps: Iterable[tuple[pa.RecordBatch, _Chunk]], total: int, refusals: list[Refusal], progress: Progress
) -> Iterator[pa.RecordBatch]:
    done = 0
    for rows, chunk in steps:
        refusals.extend(chunk.refused)
        yield rows
        done += chunk.files
        progress(done, total)


@dataclass(frozen=True)
class _Chunk:
    """What is told of a chunk of files beside the rows of those that were let in."""

    files: int
    refused: list[Refusal]


_Chunks = Sequence[Sequence[Fingerprint]]


def _pieces(prints: Sequence[Fingerprint], threads: int, *, apart: bool) -> list[_Chunks]:
    """The files of a unit in chunks, and these in the pieces that processes do."""
    cut = list(chunks(prints, _CHUNK_FILES, lambda one: one.file.bytes, _CHUNK_BYTES))
    size = images_of_a_piece(len(prints), _CHUNK_FILES, threads, apart=apart)
    if size >= len(prints):
        return [cut]
    return list(chunks(cut, size // _CHUNK_FILES, lambda part: sum(one.file.bytes for one in part), _PIECE_BYTES))


def _load_chunks(loader: Loader, piece: _Chunks, threads: int) -> Iterator[tuple[pa.RecordBatch, _Chunk]]:
    reads = reads_of_a_thread(threads)
    with noting(notes_of(loader.raw_images.url), threads) as at_work:
        yield from ordered_map(partial(_load_chunk, loader, reads, at_work), piece, threads, waiting_per_worker=2)


def _load_chunk(
    loader: Loader, reads: int, at_work: AtWork, prints: Sequence[Fingerprint]
) -> tuple[pa.RecordBatch, _Chunk]:
    # Only reading waits for others; more decoders than cores would be in each other's way.
    again = partial(_read_again, loader=loader)
    contents = ordered_map(again, prints, reads, waiting_per_worker=1) if reads > 1 else map(again, prints)
    results = []
    for one, content in zip(prints, contents, strict=True):
        with at_work.on(one.image_id):
            results.append(_decoded(one, content, loader))
    refused = [result for result in results if isinstance(result, Refusal)]
    images = [result for result in results if not isinstance(result, Refusal)]
    return _rows(images, loader), _Chunk(len(prints), refused)


def _names(prints: Sequence[Fingerprint]) -> dict[str, str]:
    return {one.image_id: one.file.source for one in prints}


def _ends(prints: Sequence[Fingerprint], loader: Loader, image_ids: Sequence[str]) -> dict[str, str]:
    """Those of the images that end a process which does nothing but decode them, with how."""
    of_id = {one.image_id: one for one in prints}
    # Read here: a source that does not answer is not taken for a picture that hangs.
    return those_that_end(
        partial(_decode_alone, loader), {one: (of_id[one], _read_again(of_id[one], loader)) for one in image_ids}
    )


def _decode_alone(loader: Loader, piece: tuple[Fingerprint, bytes], _threads: int) -> Iterator:
    result = _decoded(*piece, loader)
    if not isinstance(result, Refusal):
        _rows([result], loader)
    return iter(())


def _read_again(one: Fingerprint, loader: Loader) -> bytes:
    # A file that was readable a moment ago and is not now says nothing about the image: the run fails and is
    # tried again, rather than keeping a refusal that is no longer true.
    try:
        content = read_within(loader.source, one.file, loader.limits)
    except Rejected as rejected:
        raise SourceChanged(f"{one.file.source}: {rejected.detail}") from rejected
    if image_id(content) != one.image_id:
        raise SourceChanged(f"{one.file.source}: the file's content changed while its day was being loaded")
    return content


@dataclass(frozen=True, eq=False)
class _Image:
    """An accepted file. Its pixels are let go of: a chunk's would need much memory."""

    file: Fingerprint
    content: bytes
    format: str
    size: tuple[int, int]
    copy: np.ndarray


def _decoded(one: Fingerprint, content: bytes, loader: Loader) -> _Image | Refusal:
    try:
        image = decode(content, loader.limits)
    except Rejected as rejected:
        return Refusal(one.file, one.image_id, rejected.reason, rejected.detail)
    height, width, _ = image.pixels.shape
    return _Image(one, content, image.format, (width, height), small_copy(image.pixels))


def _rows(images: Sequence[_Image], loader: Loader) -> pa.RecordBatch:
    measured = measure_copies([image.copy for image in images])
    rows = [_row(image, metrics, loader) for image, metrics in zip(images, measured, strict=True)]
    return batch_of_rows(rows, RAW_IMAGES.file_schema)


def _row(image: _Image, metrics: ImageMetrics, loader: Loader) -> dict:
    width, height = image.size
    return {
        "image_id": image.file.image_id,
        "label": loader.label,
        "source": image.file.file.source,
        "format": image.format,
        "width": width,
        "height": height,
        "bytes": len(image.content),
        **metrics._asdict(),
        "thumbnail": thumbnail(image.copy),
        "content": image.content,
    }
