"""A unit of extraction: one file of `raw_images` becomes one file of `image_features`.

A unit's name is derived from the file it is made of and the extractor's digest: a finished one is found again, and
features of another extractor never take its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from image_assets.engines.engine import Engine, Unit, finished_or_made
from image_assets.engines.pieces import made_in_order, spans
from image_assets.features.decode import decode_at_least
from image_assets.features.errors import check_same_everywhere
from image_assets.features.extractor import shared_extractor
from image_assets.features.fidelity import Fidelity, fidelity
from image_assets.features.onnx_session import release_arenas
from image_assets.features.pipeline import Effort, extract_steps
from image_assets.memory import PeakMemory, hand_back
from image_assets.schema import Partition
from image_assets.settings.stages import AnyExtractor
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress, counted, no_progress

_READ_ROWS = 256
_SAMPLE_IMAGES = 64


@dataclass(frozen=True)
class UnitFeatures:
    """What working on one unit gave.

    Attributes:
        file: Its file of `image_features`.
        effort: Where the time went.
        peak_bytes: Most memory that the process which did it had resident.
    """

    file: WrittenFile
    effort: Effort = field(default_factory=Effort)
    peak_bytes: int = 0


@dataclass(frozen=True)
class Extraction:
    """The files of a partition's features, and what those took that had not been there before."""

    files: list[WrittenFile]
    extracted: int
    effort: Effort = field(default_factory=Effort)
    peak_bytes: int = 0


def extract_units(
    raw_images: PartitionFiles,
    image_features: PartitionedTable,
    partition: Partition,
    extractor: AnyExtractor,
    engine: Engine,
    progress: Progress = no_progress,
) -> Extraction:
    """Extract the features of every image of a partition, file by file; finished ones are not made again.

    Raises:
        ExtractorError: the extractor cannot be used, or is another one on the machine that a unit was sent to.
        DamagedFile: a file of `raw_images` is not as it was written.
        UnitLost: as `Engine.run`.
    """
    files = raw_images.files
    work = _Work(raw_images.table, image_features, partition, extractor, shared_extractor(extractor).digest)
    units = [Unit(f"the features of {file.path}", file.rows, partial(_extract_unit, work, file)) for file in files]
    there = [image_features.find_file(partition, unit_name(file, work.digest)) for file in files]
    finished = [UnitFeatures(file) if file else None for file in there]
    results = finished_or_made(units, finished, engine, progress)
    effort = Effort()
    for result in results:
        effort.add(result.effort)
    return Extraction(
        [result.file for result in results],
        sum(result.file.rows for result, before in zip(results, finished, strict=True) if before is None),
        effort,
        max((result.peak_bytes for result in results), default=0),
    )


def sample_fidelity(raw_images: PartitionFiles, extractor: AnyExtractor, reference: AnyExtractor) -> Fidelity:
    """How close one extractor is to another on the first images of a partition that has some."""
    rows = next(raw_images.table.files.read(raw_images.files[0].path, ["content"], _SAMPLE_IMAGES))
    one, other = shared_extractor(extractor), shared_extractor(reference)
    images = [decode_at_least(content, one.sufficient_size).pixels for content in rows["content"].to_pylist()]
    return fidelity(one, other, images)


def unit_name(file: WrittenFile, extractor_digest: str) -> str:
    """The name of the features of one file of `raw_images`."""
    return hashlib.sha256(f"{file.path} {extractor_digest}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class _Work:
    """What every unit of a partition is done with."""

    raw_images: PartitionedTable
    image_features: PartitionedTable
    partition: Partition
    spec: AnyExtractor
    digest: str


def _extract_unit(work: _Work, file: WrittenFile, threads: int, progress: Progress) -> UnitFeatures:
    hand_back()
    peak, effort = PeakMemory(), Effort()
    extractor = shared_extractor(work.spec)
    check_same_everywhere(extractor.name, extractor.digest, work.digest)
    pieces = spans(file.rows, _READ_ROWS, threads)
    with made_in_order(partial(_extract_rows, work, file), pieces, threads) as steps:
        rows = counted(_counting(steps, effort), file.rows, progress)
        written = work.image_features.write_file(work.partition, unit_name(file, work.digest), rows)
    if file.rows > _READ_ROWS:  # a smaller one leaves little behind, and there may be hundreds of them
        release_arenas()
    return UnitFeatures(written, effort, max(peak.bytes(), steps.peak_bytes))


def _extract_rows(work: _Work, file: WrittenFile, rows: range, threads: int) -> Iterator[tuple[pa.RecordBatch, Effort]]:
    batches = work.raw_images.files.read(file.path, ["image_id", "label", "content"], _READ_ROWS, rows)
    return extract_steps(batches, shared_extractor(work.spec), threads)


def _counting(steps: Iterable[tuple[pa.RecordBatch, Effort]], effort: Effort) -> Iterator[pa.RecordBatch]:
    for rows, spent in steps:
        effort.add(spent)
        yield rows
