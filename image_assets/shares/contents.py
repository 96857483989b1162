"""What there is to share: the manifests of published partitions and the files that they name, as they lie there now."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import polars as pl
from obstore.store import ObjectStore

from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.marks.record import located
from image_assets.schema import Partition
from image_assets.shards.manifest import (
    FEATURE_SHARDS,
    LEGACY_SHARDS_MANIFEST,
    MANIFEST,
    MANIFESTS,
    ShardFile,
    ShardManifest,
    manifest_content,
    parse_manifest,
    path_of,
    shards_prefix,
)
from image_assets.shards.republish import ever_marked
from image_assets.shares.share import MarksIncluded, SharedFile, ShareError
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store
from image_assets.wording import no_such

_PARTITION = re.compile(r"date=(\d{4}-\d\d-\d\d)/category=([^/]+)/([^/]+)")


@dataclass(frozen=True)
class Chosen:
    """What of a dataset is to be shared; what is empty leaves nothing out.

    Attributes:
        days: Only these.
        categories: Only these.
    """

    days: Collection[dt.date] = ()
    categories: Collection[str] = ()

    def has(self, partition: Partition) -> bool:
        """Whether a partition is meant."""
        day, category = not self.days or partition.date in self.days, partition.category
        return day and (not self.categories or category in self.categories)


@dataclass(frozen=True)
class Contents:
    """What a share names.

    Attributes:
        files: Manifests and shards, partition by partition.
        rows: Of all shards together.
        marks: What of people's marks is in them.
    """

    files: list[SharedFile]
    rows: int
    marks: MarksIncluded


def contents_of(dataset: DatasetSpec, store: Store, chosen: Chosen) -> Contents:
    """What is published of a dataset, every file read and found to be what its manifest says.

    Args:
        dataset: The dataset.
        store: Where it is published.
        chosen: What of it.

    Raises:
        ShareError: nothing of it is published, or a file is not what was published.
        ShardError: a manifest cannot be read.
    """
    unknown = sorted(set(chosen.categories) - dataset.categories.keys())
    if unknown:
        raise ShareError(f"dataset {dataset.name}: {no_such('category', unknown[0], dataset.categories)}")
    objects, files = store.objects(), list[SharedFile]()
    manifests: dict[Partition, ShardManifest] = {}
    for partition in sorted(filter(chosen.has, _published(dataset, objects))):
        prefix = shards_prefix(dataset, partition)
        found = manifest_content(objects, prefix)
        if found is None:
            continue  # it was there a moment ago
        content, path = found
        manifests[partition] = manifest = parse_manifest(content, path)
        named = [_Named(path, len(content), hashlib.sha256(content).hexdigest())]
        named += [_Named.of(prefix, shard) for shard in manifest.shards]
        files += [one.as_it_lies(objects, dataset.name) for one in named]
    if not any(manifest.rows for manifest in manifests.values()):
        raise ShareError(f"nothing of this is published of {dataset.name}; image-assets run publishes")
    rows = sum(manifest.rows for manifest in manifests.values())
    return Contents(files, rows, _marks_in(dataset, store, manifests))


def _published(dataset: DatasetSpec, objects: ObjectStore) -> Iterator[Partition]:
    """Every partition that has a manifest, of categories that are in use."""
    found = set[Partition]()
    for tree, name in ((MANIFESTS, MANIFEST), (FEATURE_SHARDS, LEGACY_SHARDS_MANIFEST)):
        prefix = f"{dataset.name}/{tree}/"
        for path in sizes_below(objects, prefix):
            if (said := _PARTITION.fullmatch(path.removeprefix(prefix))) and said[3] == name:
                found.add(Partition(dt.date.fromisoformat(said[1]), said[2]))
    return (one for one in found if one.category in dataset.categories)


@dataclass(frozen=True)
class _Named:
    """A file as somebody says that it is."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, prefix: str, shard: ShardFile) -> _Named:
        return cls(path_of(prefix, shard.file), shard.bytes, shard.sha256)

    def as_it_lies(self, objects: ObjectStore, dataset: str) -> SharedFile:
        """The same after a look at all of it."""
        try:
            got = objects.get(self.path)
            digest = hashlib.sha256()
            for chunk in got.stream():
                digest.update(chunk)
        except FileNotFoundError:
            raise ShareError(f"{self.path} is named by its manifest and not there; run its day again") from None
        if digest.hexdigest() != self.sha256:
            raise ShareError(f"{self.path} is not as it was published; run its day again, which mends it")
        below = self.path.removeprefix(f"{dataset}/")
        return SharedFile(path=below, bytes=self.bytes, sha256=self.sha256, e_tag=got.meta["e_tag"])


def _marks_in(dataset: DatasetSpec, store: Store, manifests: dict[Partition, ShardManifest]) -> MarksIncluded:
    """Which marks the manifests follow: they leave out and take in just what would be, were it published now."""
    reader = EvidenceReader(store, dataset)
    concerned = sorted(ever_marked(dataset, store) & manifests.keys())
    marks, behind, about = reader.reviews(), set[str](), set[str]()
    there = located(dataset, store, marks["image_id"])
    for partition in concerned:
        manifest = manifests[partition]
        moved_in = set(reader.moved_into(partition)["image_id"])
        behind |= set(manifest.held_back) ^ set(reader.held_back_of(partition))
        behind |= set(manifest.moved_in) ^ moved_in
        own = there.filter(date=partition.date, category=partition.category)
        about.update(own["image_id"], moved_in)
    followed = marks.filter(pl.col("image_id").is_in(sorted(about - behind)))
    latest = followed["decided_at"].max()
    return MarksIncluded(
        images=followed["image_id"].n_unique(),
        latest=latest if isinstance(latest, dt.datetime) else None,
        not_yet=len(behind),
    )
