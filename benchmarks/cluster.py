"""`python -m benchmarks.cluster`: the same units by this process, by one Ray machine and by two, on the same cores.

The machines are sets of processes here, so what differs from the local engine is what Ray costs. The tables' files are
compared byte for byte.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import IMAGE_SIZE, PHOTOS, WIDTH, Inputs, land, prepare
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.engines.engine import Engine, LocalEngine, Unit
from image_assets.engines.ray_engine import RayEngine
from image_assets.environment import CACHE
from image_assets.features.units import extract_units
from image_assets.ingest import kept_units
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import cores, no_progress

_DAY = dt.date(2026, 11, 3)
# An address of this machine that cannot be reached from others; Ray replaces 127.0.0.1 by one that can.
_LOOPBACK = "127.0.0.2"


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--images", type=int, default=4_800)
    parser.add_argument("--units", type=int, default=4, help="how many the images make")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    inputs = prepare(options.photos, options.images, options.work)
    os.environ[CACHE.name] = str(inputs.cache.resolve())
    kept_units.UNIT_FILES = -(-options.images // options.units)
    root = options.work / "cluster"
    shutil.rmtree(root, ignore_errors=True)
    found = {"this process": _measure(LocalEngine(), inputs, root / "local")}
    for name, machines in (("one Ray machine", [cores()]), ("two Ray machines", [cores() // 2] * 2)):
        found[name] = _measure_on_ray(machines, inputs, root / str(len(machines)))
    local = found["this process"]
    for one in found.values():
        one["same_bytes"] = one["digest"] == local["digest"]
        one["overhead_per_unit"] = (one["seconds"] - local["seconds"]) / (2 * options.units)
    Console().print(_table(found, options.images, options.units))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _measure_on_ray(machines: Sequence[int], inputs: Inputs, root: Path) -> dict[str, Any]:
    cluster = Cluster(initialize_head=True, head_node_args=_machine(0) | {"include_dashboard": False})
    try:
        for number in machines:
            cluster.add_node(**_machine(number))
        ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=_LOOPBACK)
        # Processes are started and models loaded once in a cluster's life: not what a unit costs.
        RayEngine().run([Unit("warm up", 1, _loads)] * sum(machines), no_progress)
        return _measure(RayEngine(), inputs, root)
    finally:
        ray.shutdown()
        cluster.shutdown()


def _machine(number: int) -> dict[str, Any]:
    return {"num_cpus": number, "node_ip_address": _LOOPBACK, "object_store_memory": 100_000_000}


def _loads(threads: int, progress: object) -> None:  # noqa: ARG001  # what a unit is given
    import image_assets.features.units
    import image_assets.ingest.load  # noqa: F401

    time.sleep(1)


def _dataset(inputs: Inputs) -> DatasetSpec:
    module = {"kind": "tf_hub", "module": str(inputs.module.resolve()), "image_size": IMAGE_SIZE, "width": WIDTH}
    extractor = {**module, "runtime": "onnxruntime"}
    content = {"name": "measured", "categories": {"photo": 0}, "start_day": _DAY, "extractor": extractor}
    return parse_dataset(content, "measured.yaml")


def _measure(engine: Engine, inputs: Inputs, root: Path) -> dict[str, Any]:
    dataset, store, partition = _dataset(inputs), Store(str(root / "store")), Partition(_DAY, "photo")
    landing = root / "landing"
    land(inputs, landing, _DAY, ["photo"])
    tables = IngestTables.of(store, dataset)
    began = time.perf_counter()
    report = ingest_partition(partition, Ingest(dataset, DayFolders(LocalTree(landing)), tables, engine))
    raw, features = (store.table(dataset.name, schema) for schema in (RAW_IMAGES, IMAGE_FEATURES))
    files = raw.partition_files(partition)
    extraction = extract_units(PartitionFiles(raw, files), features, partition, dataset.extractor, engine)
    seconds = time.perf_counter() - began
    digest = hashlib.sha256()
    for table, path in [(raw, one.path) for one in files] + [(features, one.path) for one in extraction.files]:
        digest.update(hashlib.sha256((Path(table.url) / path).read_bytes()).digest())
    return {"images": report.loaded, "units": len(files), "seconds": seconds, "digest": digest.hexdigest()}


def _table(found: dict[str, dict[str, Any]], images: int, units: int) -> Table:
    table = Table("engine", title=f"{images:,} images in {units} units, loaded and extracted")
    for heading in ("seconds", "images/s", "overhead per unit", "same bytes"):
        table.add_column(heading, justify="right")
    for name, one in found.items():
        overhead = f"{one['overhead_per_unit']:+.2f} s"
        same = "✓" if one["same_bytes"] else "NO"
        table.add_row(name, f"{one['seconds']:.1f}", f"{images / one['seconds']:,.0f}", overhead, same)
    return table


if __name__ == "__main__":
    main()
