"""The manifests of many partitions at once: one that lies there as it did is not read again."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from image_assets.dataset import DatasetSpec
from image_assets.schema import Partition
from image_assets.shards.manifest import (
    LEGACY_SHARDS_MANIFEST,
    MANIFEST,
    ShardError,
    ShardManifest,
    parse_manifest,
    path_of,
    shards_prefix,
)
from image_assets.store.listing import Listing
from image_assets.store.objects import content_of
from image_assets.store.store import Store


class _Known(NamedTuple):
    """A manifest, and the version of the file that it was read from."""

    version: str
    manifest: ShardManifest


_KNOWN: dict[tuple[str, str], dict[str, _Known]] = {}
_LOCK = Lock()


def known_manifests(
    dataset: DatasetSpec, store: Store, partitions: Iterable[Partition], there: Listing
) -> dict[Partition, ShardManifest]:
    """The manifests that stand, by partition; those that were published, and can be read.

    Args:
        dataset: Whose shards.
        store: Where they are published.
        partitions: Of which they are wanted.
        there: What lies in the dataset's folder.
    """
    objects, key = store.objects(), (store.url, dataset.name)
    with _LOCK:
        before = _KNOWN.get(key, {})
    known, found = dict[str, _Known](), dict[Partition, ShardManifest]()
    for partition in partitions:
        prefix = shards_prefix(dataset, partition)
        for path in (path_of(prefix, MANIFEST), path_of(prefix, LEGACY_SHARDS_MANIFEST)):
            lying = there.objects.get(path.removeprefix(f"{dataset.name}/"))
            if lying is None:
                continue
            one = before.get(path)
            if one is None or one.version != lying.version:
                content = content_of(objects, path)
                if content is None:
                    continue  # it was there a moment ago
                try:
                    one = _Known(lying.version, parse_manifest(content, path))
                except ShardError:
                    break  # one that lies there and is not among those that stand is damaged
            known[path], found[partition] = one, one.manifest
            break
    with _LOCK:
        _KNOWN[key] = known
    return found
