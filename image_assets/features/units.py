"""A unit of extraction: one file of `raw_images` becomes one file of `image_features`.

A unit's name is derived from the file it is made of and the extractor's digest: a finished one is found again, and
features of another extractor never take its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from image_assets.engines.at_work import notes_of, noting
from image_assets.engines.ending import suspects_tried, those_that_end
from image_assets.engines.engine import Engine, Unit, finished_or_made
from image_assets.engines.pieces import made_in_order, spans
from image_assets.features.decode import decode_at_least
from image_assets.features.errors import check_same_everywhere
from image_assets.features.extractor import shared_extractor
from image_assets.features.fidelity import Fidelity, fidelity
from image_assets.features.onnx_session import release_arenas
from image_assets.features.pipeline import BATCH_IMAGES, Effort, extract_steps
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
        EndsTheProcess: images end whoever makes their features.
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
    notes = notes_of(work.image_features.url)
    with suspects_tried(notes, partial(_names, work, file), partial(_ends, work, file)) as apart:
        pieces = spans(file.rows, _READ_ROWS, threads, apart=apart)
        with made_in_order(partial(_extract_rows, work, file), pieces, threads, apart=apart) as steps:
            rows = counted(_counting(steps, effort), file.rows, progress)
            written = work.image_features.write_file(work.partition, unit_name(file, work.digest), rows)
    if file.rows > _READ_ROWS:  # a smaller one leaves little behind, and there may be hundreds of them
        release_arenas()
    return UnitFeatures(written, effort, max(peak.bytes(), steps.peak_bytes))


_READ = ["image_id", "label", "content"]


def _extract_rows(work: _Work, file: WrittenFile, rows: range, threads: int) -> Iterator[tuple[pa.RecordBatch, Effort]]:
    batches = work.raw_images.files.read(file.path, _READ, _READ_ROWS, rows)
    extractor = shared_extractor(work.spec)
    with noting(notes_of(work.image_features.url), threads, BATCH_IMAGES) as at_work:
        yield from extract_steps(batches, extractor, threads, at_work)


def _names(work: _Work, file: WrittenFile) -> dict[str, str]:
    frames = work.raw_images.files.frames(file.path, ["image_id", "source"])
    return {image_id: source for frame in frames for image_id, source in frame.iter_rows()}


def _ends(work: _Work, file: WrittenFile, image_ids: Sequence[str]) -> dict[str, str]:
    """Those of the images that end a process which does nothing but make their features, with how."""
    wanted = pc.SetLookupOptions(pa.array(image_ids, pa.string()))
    batches = work.raw_images.files.read(file.path, _READ, _READ_ROWS)
    found = [rows.filter(pc.call_function("is_in", [rows["image_id"]], wanted)) for rows in batches]
    alone = {rows["image_id"][at].as_py(): rows.slice(at, 1) for rows in found for at in range(rows.num_rows)}
    return those_that_end(partial(_extract_alone, work.spec), alone, found[0].slice(0, 0))


def _extract_alone(spec: AnyExtractor, rows: pa.RecordBatch, threads: int) -> Iterator:
    extractor = shared_extractor(spec)
    extractor.infer(np.zeros((1, *extractor.shape), np.uint8))  # what ends in this is not the image's fault
    return extract_steps([rows], extractor, threads)


def _counting(steps: Iterable[tuple[pa.RecordBatch, Effort]], effort: Effort) -> Iterator[pa.RecordBatch]:
    for rows, spent in steps:
        effort.add(spent)
        yield rows
