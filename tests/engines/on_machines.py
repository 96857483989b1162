"""What a driver on one machine of a network has done by Ray on the others: a day's images, loaded and extracted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from image_assets.engines.engine import Engine, Unit
from image_assets.features.units import extract_units
from image_assets.ingest import fingerprint, kept_units
from image_assets.ingest.known_files import KNOWN_FILES
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress
from tests.ingest.folders import folder_source
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

R = TypeVar("R")
PICTURES, UNIT_FILES = 40, 4
CUT = "cut"
"""The file that is there once the machine is cut off."""


def platform_at(root: Path) -> Platform:
    """Plants, not loaded yet."""
    platform = Platform(small_dataset(extractor={"kind": "colour_statistics"}), root)
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(PICTURES))
    return platform


def load_and_extract(platform: Platform, engine: Engine, extracting: Engine | None = None) -> dict[str, str]:
    """Digests of the tables' files, by their paths."""
    partition = platform.partition()
    tables = IngestTables.of(platform.store, platform.dataset)
    ingest_partition(partition, Ingest(platform.dataset, folder_source(platform.landing), tables, engine))
    raw, features = (platform.store.table("drawn", one) for one in (RAW_IMAGES, IMAGE_FEATURES))
    of_images = PartitionFiles(raw, raw.partition_files(partition))
    done = extract_units(of_images, features, partition, platform.dataset.extractor, extracting or engine)
    features.replace(partition, done.files)
    root = platform.files
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.parquet"))
        if not {"_delta_log", KNOWN_FILES} & set(path.parts)
    }


@dataclass(frozen=True)
class Watched:
    """An engine that leaves a mark of each unit that is begun, and where: the address of the machine.

    Attributes:
        engine: What does the units.
        marks: A folder.
        cut_off: Units that are begun at this address go on when the machine has been cut off.
    """

    engine: Engine
    marks: Path
    cut_off: str

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """As every engine."""
        watched = [
            Unit(one.name, one.size, partial(_work, one.work, self.marks, self.cut_off), one.memory, one.gpus)
            for one in units
        ]
        return self.engine.run(watched, progress)


def _work(work: Callable[[int, Progress], R], marks: Path, cut_off: str, threads: int, progress: Progress) -> R:
    import ray

    here = ray.util.get_node_ip_address()
    begun = marks / f"{here} {uuid4().hex}"
    begun.touch()
    while here == cut_off and not (marks / CUT).exists():
        time.sleep(0.1)
    made = work(threads, progress)
    begun.rename(f"{begun} done")
    return made


def begun_at(marks: Path, address: str) -> list[str]:
    """What was begun at an address."""
    return [path.name for path in marks.iterdir() if path.name.startswith(f"{address} ")]


def small_units(set_attribute: Callable[[Any, str, int], None] = setattr) -> None:
    """Have units of few files."""
    set_attribute(kept_units, "UNIT_FILES", UNIT_FILES)
    set_attribute(fingerprint, "UNIT_FILES", UNIT_FILES)


def main(root: str, machines: str, marks: str, cut_off: str) -> None:
    """Wait for so many machines, load and extract on them, and leave the digests in `digests.json`."""
    from image_assets.engines import ray_cluster
    from image_assets.engines.ray_engine import RayEngine

    ray_cluster.connect()
    while len(ray_cluster.machines()) < int(machines):
        time.sleep(0.5)
    small_units()
    engine = RayEngine()
    digests = load_and_extract(platform_at(Path(root)), engine, Watched(engine, Path(marks), cut_off))
    Path(root, "digests.json").write_text(json.dumps(digests), encoding="utf-8")
