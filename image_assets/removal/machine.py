"""What this machine keeps beside the store and may hold removed images: caches and staging. All of it is made again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from image_assets.dataset import DatasetSpec
from image_assets.features.model_files import file_digest
from image_assets.ingest.staging import staging_folder
from image_assets.networks.pixels import networks_folder
from image_assets.search.search import default_folder
from image_assets.store.store import Store


def forget_here(dataset: DatasetSpec, store: Store, landing: str, images: Mapping[str, Collection[int]]) -> list[str]:
    """Remove the caches of a dataset on this machine, and from its staging the files that are removed images.

    Args:
        dataset: The dataset.
        store: Its store.
        landing: Its landing zone.
        images: Image id → the sizes of its files, bytes.

    Returns:
        What was removed, for a person.
    """
    gone = []
    for folder in (default_folder(dataset, store), networks_folder(dataset.name, store.url)):
        if folder.is_dir():
            shutil.rmtree(folder)
            gone.append(str(folder))
    staging = staging_folder(dataset.source.staging, dataset.source.landing or landing)
    sizes = {size for some in images.values() for size in some}
    for path in _files(staging):
        if path.stat().st_size in sizes and file_digest(path) in images:
            path.unlink()
            gone.append(str(path))
    return gone


def _files(folder: Path) -> Iterator[Path]:
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            if path.is_file() and not path.is_symlink():
                yield path
