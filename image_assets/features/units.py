"""A unit of extraction: one file of `raw_images` becomes one file of `image_features`.

A unit's name is derived from the file it is made of and the extractor's digest: a finished one is found again, and
features of another extractor never take its place.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from image_assets import dataset
from image_assets.engines.engine import Engine, Unit
from image_assets.features.decode import decode_at_least
from image_assets.features.errors import ExtractorError
from image_assets.features.extractor import shared_extractor
from image_assets.features.fidelity import Fidelity, fidelity
from image_assets.features.onnx_session import release_arenas
from image_assets.features.pipeline import Effort, extract_rows
from image_assets.memory import PeakMemory
from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, no_progress

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
    effort: Effort
    peak_bytes: int


@dataclass(frozen=True)
class Extraction:
    """The files of a partition's features, and what those took that had not been there before."""

    files: list[WrittenFile]
    extracted: int
    effort: Effort = field(default_factory=Effort)
    peak_bytes: int = 0


def extract_units(
    raw_images: PartitionedTable,
    files: Sequence[WrittenFile],
    image_features: PartitionedTable,
    partition: Partition,
    extractor: dataset.Extractor,
    engine: Engine,
    progress: Progress = no_progress,
) -> Extraction:
    """Extract the features of every image in `files`, file by file; finished ones are not made again.

    Raises:
        ExtractorError: the extractor cannot be used, or is another one on the machine that a unit was sent to.
        DamagedFile: a file of `raw_images` is not as it was written.
        UnitLost: as `Engine.run`.
    """
    digest = shared_extractor(extractor).digest
    names = {file.path: unit_name(file, digest) for file in files}
    found = {file.path: image_features.find_file(partition, names[file.path]) for file in files}
    missing = [file for file in files if found[file.path] is None]
    total = sum(file.rows for file in files)
    there = total - sum(file.rows for file in missing)
    progress(there, total)
    units = [
        Unit(
            f"the features of {file.path}",
            file.rows,
            partial(_extract_unit, raw_images, file, image_features, partition, names[file.path], extractor, digest),
        )
        for file in missing
    ]
    results = engine.run(units, lambda done, _: progress(there + done, total))
    made = {file.path: result.file for file, result in zip(missing, results, strict=True)}
    effort = Effort()
    for result in results:
        effort.add(result.effort)
    return Extraction(
        [found[file.path] or made[file.path] for file in files],
        sum(file.rows for file in made.values()),
        effort,
        max((result.peak_bytes for result in results), default=0),
    )


def sample_fidelity(
    raw_images: PartitionedTable,
    files: Sequence[WrittenFile],
    extractor: dataset.Extractor,
    reference: dataset.Extractor,
) -> Fidelity:
    """How close one extractor is to another on the first images of a partition, whose `files` are not empty."""
    rows = next(raw_images.files.read(files[0].path, ["content"], _SAMPLE_IMAGES))
    one, other = shared_extractor(extractor), shared_extractor(reference)
    images = [decode_at_least(content, one.sufficient_size).pixels for content in rows["content"].to_pylist()]
    return fidelity(one, other, images)


def unit_name(file: WrittenFile, extractor_digest: str) -> str:
    """The name of the features of one file of `raw_images`."""
    return hashlib.sha256(f"{file.path} {extractor_digest}".encode()).hexdigest()[:32]


def _extract_unit(
    raw_images: PartitionedTable,
    file: WrittenFile,
    image_features: PartitionedTable,
    partition: Partition,
    name: str,
    spec: dataset.Extractor,
    digest: str,
    threads: int,
    progress: Progress,
) -> UnitFeatures:
    peak, effort = PeakMemory(), Effort()
    extractor = shared_extractor(spec)
    if extractor.digest != digest:
        raise ExtractorError(
            f"{socket.gethostname()} has another {extractor.name} than the machine that started the run: its digest is "
            f"{extractor.digest}, expected {digest}; install the same version of this project and the same module there"
        )
    batches = raw_images.files.read(file.path, ["image_id", "label", "content"], _READ_ROWS)
    rows = extract_rows(batches, extractor, threads, effort)
    written = image_features.write_file(partition, name, _counted(rows, file.rows, progress))
    release_arenas()
    return UnitFeatures(written, effort, peak.bytes())


def _counted(batches: Iterable[pa.RecordBatch], total: int, progress: Progress) -> Iterator[pa.RecordBatch]:
    done = 0
    for batch in batches:
        done += batch.num_rows
        progress(done, total)
        yield batch
