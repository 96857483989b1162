"""A published partition: its folder on the store, and the manifest that says which files belong together.

A partition's shard files lie under one prefix of the store and nothing else does, so that any reader of Parquet or CSV
takes the folder as it is. The manifest lies in a tree of its own beside theirs, `feature_shards_manifests`: it is the
switch between one published state and the next, and names the files that belong together. Earlier versions kept it
among the shards, as `manifest.json`: it is still read there, until the partition is published again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from obstore.store import LocalStore, ObjectStore
from pydantic import Field, ValidationError

from image_assets.alone import alone
from image_assets.dataset import DatasetSpec
from image_assets.errors import Explained
from image_assets.schema import Partition
from image_assets.settings.section import DatasetName, Name, Sha256, Strict, faults_of
from image_assets.store.conditional_put import ChangedMeanwhileError, Stored, put_if_unchanged, read_stored

FEATURE_SHARDS = "feature_shards"
MANIFESTS = "feature_shards_manifests"
MANIFEST = "shards.json"
LEGACY_SHARDS_MANIFEST = "manifest.json"  # among the shards, where it was in the way of readers of the folder
DIGEST_IN_NAME = 12  # hexadecimal digits of a shard's SHA-256 that its file name carries

Count = Annotated[int, Field(ge=0)]


class ShardError(Explained, ValueError):
    """A partition that cannot be published or a manifest that cannot be read: says what, where and what to do."""


class ShardFile(Strict):
    """One published file."""

    # A name, never a path: a manifest cannot send its reader out of its own folder.
    file: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    rows: Count
    columns: Count
    bytes: Count
    sha256: Sha256


class ShardManifest(Strict):
    """One partition's published state; `shards` is in the order of the rows."""

    format: Literal[1] = 1
    dataset: DatasetName
    date: dt.date
    category: Name
    label: int
    extractor: str = Field(description="Digest of the extractor's weights and settings.")
    width: Count = Field(description="Number of feature columns.")
    shard_rows: Annotated[int, Field(gt=0)] = Field(description="Rows of every shard but the last.")
    rows: Count
    held_back: list[Sha256] = Field(
        default=[],
        description="Images of the partition that are not published here: their category is in doubt, or a person said "
        "that they do not belong under it.",
    )
    moved_in: list[Sha256] = Field(
        default=[], description="Images that arrived under other categories and that a person put under this one."
    )
    shards: list[ShardFile]

    def to_bytes(self) -> bytes:
        """The one JSON text of this manifest: the same content always gives the same bytes."""
        said = self.model_dump(mode="json")
        if not self.moved_in:
            del said["moved_in"]  # as it was before there were any
        return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Exchange:
    """What of a partition is published otherwise than it was delivered.

    Attributes:
        held_back: Ids of its images that are not published with it.
        moved_in: Ids of images of other partitions that are.
    """

    held_back: Collection[str] = ()
    moved_in: Collection[str] = ()


AS_DELIVERED = Exchange()


@dataclass(frozen=True)
class Expected:
    """What every row of a partition's shards must agree with: known without looking at its manifest.

    Attributes:
        dataset: Name of the dataset.
        date: Day of the partition.
        category: Category of the partition.
        label: The label that every row must have.
        width: Number of features that every row must have.
        extractor: Digest that every row must have been made by.
        shard_rows: Rows of every shard but the last.
    """

    dataset: str
    date: dt.date
    category: str
    label: int
    width: int
    extractor: str
    shard_rows: int

    def __str__(self) -> str:
        return f"{self.dataset}, {self.date}, {self.category}"


def expected_of(dataset: DatasetSpec, partition: Partition, width: int, extractor: str) -> Expected:
    """What a dataset expects of a partition whose features have this width and were made by this extractor."""
    label = dataset.label_of(partition.category)
    return Expected(dataset.name, partition.date, partition.category, label, width, extractor, dataset.shards.rows)


def shards_prefix(dataset: DatasetSpec, partition: Partition) -> str:
    """Where a partition's shards lie below the store."""
    return f"{dataset.name}/{FEATURE_SHARDS}/date={partition.date.isoformat()}/category={partition.category}"


def path_of(prefix: str, name: str) -> str:
    """Path on the store of the file `name` of the partition at `prefix`; the manifest's is in the tree beside."""
    folder = prefix.strip("/")
    if name == MANIFEST:
        before, _, partition = folder.rpartition(f"{FEATURE_SHARDS}/")
        folder = f"{before}{MANIFESTS}/{partition}"
    return f"{folder}/{name}"


def shard_name(category: str, date: dt.date, index: int, sha256: str, file_format: str) -> str:
    """File name of a shard: `plant_2026-11-20_00000-0123456789ab.parquet`."""
    return f"{category}_{date}_{index:05d}-{sha256[:DIGEST_IN_NAME]}.{file_format}"


def stored_sha256(store: ObjectStore, path: str) -> str:
    """SHA-256 of a stored object, lower-case hexadecimal. Raises `FileNotFoundError` where there is none."""
    digest = hashlib.sha256()
    for chunk in store.get(path).stream():
        digest.update(chunk)
    return digest.hexdigest()


def list_files(store: ObjectStore, prefix: str) -> dict[str, int]:
    """What lies under `prefix`: name relative to it → size in bytes."""
    start = path_of(prefix, "")
    return {meta["path"].removeprefix(start): meta["size"] for page in store.list(start) for meta in page}


def read_manifest(store: ObjectStore, prefix: str) -> ShardManifest | None:
    """The manifest of the partition at `prefix`; None where none was published.

    Raises:
        ShardError: there is one, but it is no manifest of this format.
    """
    found = manifest_content(store, prefix)
    return None if found is None else parse_manifest(*found)


def manifest_content(store: ObjectStore, prefix: str) -> tuple[bytes, str] | None:
    """The text of the manifest that stands, and its path; None where there is none, in neither place."""
    for path in (path_of(prefix, MANIFEST), path_of(prefix, LEGACY_SHARDS_MANIFEST)):
        with suppress(FileNotFoundError):
            return bytes(store.get(path).bytes()), path
    return None


def parse_manifest(content: bytes, origin: str) -> ShardManifest:
    """Check a manifest's text. Raises `ShardError` naming `origin` and every key that is wrong."""
    try:
        return ShardManifest.model_validate_json(content)
    except ValidationError as error:
        raise ShardError(
            f"{origin} is no shard manifest of format 1; publish the partition again: {faults_of(error)}"
        ) from None


def stored_manifest(store: ObjectStore, prefix: str) -> Stored | None:
    """The manifest at `prefix` as it lies there, for `put_manifest`; None where there is none."""
    return read_stored(store, path_of(prefix, MANIFEST))


def put_manifest(store: ObjectStore, prefix: str, manifest: ShardManifest, previous: Stored | None) -> None:
    """Switch the partition to `manifest`, provided that nobody else has switched it since `previous` was read.

    Args:
        store: Where the partition is published.
        prefix: The partition's folder.
        manifest: The new state; every file that it names is stored already.
        previous: What `stored_manifest` gave before the work began.

    Raises:
        ShardError: another run published different content in the meantime; its state stands.
    """
    path = path_of(prefix, MANIFEST)
    try:
        put_if_unchanged(store, path, manifest.to_bytes(), previous)
    except ChangedMeanwhileError as error:
        raise ShardError(
            f"{path}: another run published this partition at the same time and its state stands; "
            "run again if this one's features are the newer"
        ) from error


@contextmanager
def sole_publisher(store: ObjectStore, prefix: str) -> Iterator[None]:
    """Hold the partition's folder of a local store; other stores decide between two runs at the manifest.

    Raises:
        ShardError: another process or thread holds it.
    """
    folder = _local_folder(store, prefix)
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, wait=False) as ours:
        if not ours:
            raise ShardError(f"{folder}: another run is publishing this partition; run again when it is done")
        yield


def sweep(store: ObjectStore, prefix: str, names: Set[str]) -> None:
    """Remove `names`, files of earlier states and of runs that were killed, and what a killed local write left."""
    for name in sorted(names):
        store.delete(path_of(prefix, name))
    for folder in (_local_folder(store, prefix), _local_folder(store, path_of(prefix, MANIFEST).rpartition("/")[0])):
        # A local write goes to `NAME#1` first, which the store itself does not list.
        for unfinished in folder.glob("*#[0-9]*") if folder is not None else ():
            unfinished.unlink()


def _local_folder(store: ObjectStore, prefix: str) -> Path | None:
    return Path(store.prefix or "/", prefix.strip("/")) if isinstance(store, LocalStore) else None
