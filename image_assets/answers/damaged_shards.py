"""Published shards that are missing or cut, by what lies there and what their manifests say: none is read for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from image_assets.answers.loaded import PartitionFacts
from image_assets.dataset import DatasetSpec
from image_assets.health.check_book import CHECK_RESULTS
from image_assets.schema import Partition
from image_assets.shards.manifest import FEATURE_SHARDS, LEGACY_SHARDS_MANIFEST, MANIFEST, path_of, shards_prefix
from image_assets.store.listing import Listing
from image_assets.store.objects import size_of
from image_assets.store.store import Store
from image_assets.store.tables.parquet_files import wrong_size


def damaged_shards(
    dataset: DatasetSpec, store: Store, loaded: Sequence[PartitionFacts], there: Listing
) -> Iterator[str]:
    """What is wrong, in one line for each file, with what to do.

    What has features and was never published, as after `run --until`, lacks nothing: no check has looked at its shards.

    Args:
        dataset: Whose shards.
        store: Where they are.
        loaded: What the tables and manifests say of each partition.
        there: What lies in the dataset's folder.
    """
    for facts in loaded:
        one, prefix = facts.partition, shards_prefix(dataset, facts.partition)
        if facts.shards is None:
            if facts.features and one.category in dataset.categories and _was_checked(one, there):
                lies_there = any(_below(dataset, path) in there.objects for path in _manifests(prefix))
                wrong = "is cut or of other content" if lies_there else "is missing"
                yield _line(one, f"{store.url}/{next(_manifests(prefix))}", wrong)
            continue
        for shard in facts.shards.shards:
            path = path_of(prefix, shard.file)
            lying = there.objects.get(_below(dataset, path))
            if lying is not None and lying.bytes == shard.bytes:
                continue
            # Another run may have published since the folder was listed.
            if wrong := wrong_size(shard.bytes, size_of(store.objects(), path)):
                yield _line(one, f"{store.url}/{path}", wrong)


def _line(one: Partition, path: str, wrong: str) -> str:
    return (
        f"{one.date} {one.category}: {path} {wrong}; `image-assets repair` publishes it again, the same byte for byte, "
        "from the features"
    )


def _was_checked(one: Partition, there: Listing) -> bool:
    return f"{CHECK_RESULTS}/{one.date}/{one.category}/{FEATURE_SHARDS}.json" in there.objects


def _manifests(prefix: str) -> Iterator[str]:
    return (path_of(prefix, name) for name in (MANIFEST, LEGACY_SHARDS_MANIFEST))


def _below(dataset: DatasetSpec, path: str) -> str:
    return path.removeprefix(f"{dataset.name}/")
