"""A unit of loading: at most 10,001 files, decoded and written as one file of `raw_images` and one of `quarantine`.

A unit's name is derived from what goes into it, so that a run which was killed finds its finished units again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from image_assets.dataset import Limits
from image_assets.ingest.decode import decode
from image_assets.ingest.fingerprint import Fingerprint, Refusal, image_id, read_within
from image_assets.ingest.reasons import Reason, Rejected
from image_assets.ingest.source import Source
from image_assets.ingest.thumbnail import thumbnail
from image_assets.schema import QUARANTINE, RAW_IMAGES, Partition
from image_assets.workers import Progress, no_progress, ordered_map
from io_managers.delta_tables import PartitionedTable
from io_managers.parquet_files import WrittenFile

UNIT_FILES = 10_001
# Part of every unit's name: raised whenever the same file would give another row.
_DOOR_VERSION = 1
_BATCH_ROWS = 64


class SourceChanged(RuntimeError):
    """A file changed or vanished while its partition was being loaded; loading again sees it as it is now."""


@dataclass(frozen=True)
class Loader:
    """What units are loaded with: one per partition."""

    source: Source
    limits: Limits
    partition: Partition
    label: int
    raw_images: PartitionedTable
    quarantine: PartitionedTable


@dataclass(frozen=True)
class LoadedUnit:
    """The two files of a finished unit."""

    raw_images: WrittenFile
    quarantine: WrittenFile


def load_units(prints: Sequence[Fingerprint], loader: Loader, progress: Progress = no_progress) -> list[LoadedUnit]:
    """Load files unit by unit; units that were finished before are not touched."""
    units = []
    for start in range(0, len(prints), UNIT_FILES):
        unit = prints[start : start + UNIT_FILES]
        units.append(_load_unit(unit, loader, lambda done, _, start=start: progress(start + done, len(prints))))
        progress(start + len(unit), len(prints))
    return units


def refusals_of(unit: LoadedUnit, loader: Loader, prints: Sequence[Fingerprint]) -> list[Refusal]:
    """The refused files of a unit, read back from its file."""
    by_source = {one.file.source: one.file for one in prints}
    return [
        Refusal(by_source[row["source"]], row["image_id"], Reason(row["reason"]), row["detail"])
        for batch in loader.quarantine.files.read(unit.quarantine.path, QUARANTINE.file_schema.names)
        for row in batch.to_pylist()
    ]


def refusal_batch(refusals: Sequence[Refusal]) -> pa.RecordBatch:
    """Refusals as rows of `quarantine`."""
    rows = [
        {"source": r.file.source, "bytes": r.file.bytes, "image_id": r.image_id, "reason": r.reason, "detail": r.detail}
        for r in refusals
    ]
    return pa.RecordBatch.from_pylist(rows, schema=QUARANTINE.file_schema)


def _load_unit(prints: Sequence[Fingerprint], loader: Loader, progress: Progress) -> LoadedUnit:
    name = _unit_name(prints, loader)
    raw = loader.raw_images.find_file(loader.partition, name)
    refused = loader.quarantine.find_file(loader.partition, name)
    if raw is not None and refused is not None:
        return LoadedUnit(raw, refused)
    refusals: list[Refusal] = []
    raw = loader.raw_images.write_file(loader.partition, name, _batches(prints, loader, refusals, progress))
    return LoadedUnit(raw, loader.quarantine.write_file(loader.partition, name, [refusal_batch(refusals)]))


def _unit_name(prints: Sequence[Fingerprint], loader: Loader) -> str:
    made_of = {
        "door": _DOOR_VERSION,
        "limits": loader.limits.model_dump(include={"max_bytes", "max_pixels", "max_side", "min_side"}),
        "label": loader.label,
        "files": [(one.image_id, one.file.source) for one in prints],
    }
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


def _batches(
    prints: Sequence[Fingerprint], loader: Loader, refusals: list[Refusal], progress: Progress
) -> Iterator[pa.RecordBatch]:
    rows: list[dict] = []
    for done, result in enumerate(ordered_map(lambda one: _row(one, loader), prints), start=1):
        if isinstance(result, Refusal):
            refusals.append(result)
        else:
            rows.append(result)
        if len(rows) == _BATCH_ROWS:
            yield pa.RecordBatch.from_pylist(rows, schema=RAW_IMAGES.file_schema)
            rows = []
        progress(done, len(prints))
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=RAW_IMAGES.file_schema)


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


def _row(one: Fingerprint, loader: Loader) -> dict | Refusal:
    content = _read_again(one, loader)
    try:
        image = decode(content, loader.limits)
    except Rejected as rejected:
        return Refusal(one.file, one.image_id, rejected.reason, rejected.detail)
    height, width, _ = image.pixels.shape
    return {
        "image_id": one.image_id,
        "label": loader.label,
        "source": one.file.source,
        "format": image.format,
        "width": width,
        "height": height,
        "bytes": len(content),
        "thumbnail": thumbnail(image.pixels),
        "content": content,
    }
