"""Manifests of published partitions that lie among the shards, as earlier versions put them, move to their own tree."""

from __future__ import annotations

from contextlib import suppress

import obstore
from obstore.exceptions import AlreadyExistsError

from image_assets.shards.manifest import FEATURE_SHARDS, LEGACY_SHARDS_MANIFEST, MANIFEST, parse_manifest, path_of
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store


def legacy_manifests(store: Store, dataset: str) -> list[str]:
    """Where published partitions lie whose manifest is among their shards: prefixes, by name."""
    names = sizes_below(store.objects(), f"{dataset}/{FEATURE_SHARDS}/")
    return sorted(name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == LEGACY_SHARDS_MANIFEST)


def move_manifest(store: Store, prefix: str) -> None:
    """Move a manifest to its place; one that is there already stands.

    Raises:
        ShardError: it is no manifest.
    """
    objects, old = store.objects(), path_of(prefix, LEGACY_SHARDS_MANIFEST)
    content = bytes(obstore.get(objects, old).bytes())
    parse_manifest(content, old)
    with suppress(AlreadyExistsError):
        obstore.put(objects, path_of(prefix, MANIFEST), content, mode="create")
    obstore.delete(objects, old)
