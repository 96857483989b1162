"""Units of loading and extraction by an engine that takes the time; what is left is the driver's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any, TypeVar

from benchmarks.scale.measuring.photos import DAY, Photos, Place
from benchmarks.scale.measuring.spent import Spent, core_seconds, now, positive
from image_assets.engines.engine import Unit
from image_assets.features.units import extract_units
from image_assets.ingest import fingerprint, kept_units
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress, cores, no_progress

R = TypeVar("R")
CATEGORY = "photo"
KINDS = {"hashing": "hash", "loading": "load", "the features": "extract"}
_FEW = 40


class TimedEngine:
    """Runs units, one after the other on all cores or one for each core in processes, and notes what they took.

    Args:
        pool: Of processes that do a unit each, on one thread; none where this process does all.
    """

    def __init__(self, pool: ProcessPoolExecutor | None = None) -> None:
        self._pool = pool
        self.spent: dict[str, Spent] = {}

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `Engine`."""
        began = now()
        if self._pool is None:
            results = [unit.work(cores(), no_progress) for unit in units]
        else:
            results = [one.result() for one in [self._pool.submit(_done, unit) for unit in units]]
        total = sum(unit.size for unit in units)
        progress(total, total)
        if units:
            kind = next(kind for begin, kind in KINDS.items() if units[0].name.startswith(begin))
            self.spent[kind] = now() - began
        return results


def _done(unit: Unit[R]) -> R:
    return unit.work(1, no_progress)


@contextmanager
def processes() -> Iterator[ProcessPoolExecutor]:
    """A process for each core, as a cluster has them."""
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        yield pool


@contextmanager
def units_of(images: int) -> Iterator[None]:
    """Cut units of so many images."""
    modules: tuple[Any, ...] = (fingerprint, kept_units)
    before = [module.UNIT_FILES for module in modules]
    try:
        for module in modules:
            module.UNIT_FILES = images
        yield
    finally:
        for module, size in zip(modules, before, strict=True):
            module.UNIT_FILES = size


def loaded_and_extracted(place: Place, engine: Any) -> dict[str, Spent]:
    """Load and extract a partition by the stages alone; what both took, the listing and the whole."""
    dataset, store, partition = place.dataset, place.store, Partition(DAY, CATEGORY)
    source = DayFolders(LocalTree(place.root / "landing"))
    began = now()
    source.list_files(DAY, CATEGORY)
    listed = now()
    ingest_partition(partition, Ingest(dataset, source, IngestTables.of(store, dataset), engine))
    loaded = now()
    raw, features = (store.table(dataset.name, schema) for schema in (RAW_IMAGES, IMAGE_FEATURES))
    files = PartitionFiles(raw, raw.partition_files(partition))
    extraction = extract_units(files, features, partition, dataset.extractor, engine)
    features.replace(partition, extraction.files)
    ended = now()
    return {"list": listed - began, "load": loaded - listed, "extract": ended - loaded, "whole": ended - listed}


def unit_costs(photos: Photos, images: int, pool: ProcessPoolExecutor) -> dict[str, Spent]:
    """Core seconds of units by threads and by processes, and what the driver takes."""
    _warm(photos, pool)
    found: dict[str, Spent] = {}
    engines = {"thread": partial(TimedEngine), "process": partial(TimedEngine, pool)}
    for name, make in engines.items():
        engine = make()
        with units_of(-(-images // cores())):
            whole = loaded_and_extracted(photos.day(f"units-{name}", {CATEGORY: images}), engine)
        for kind, spent in engine.spent.items():
            found[f"{kind}_{name}"] = core_seconds(spent, cores()) / images
        found |= _driver(whole, engine.spent, images) if name == "thread" else {}
    few = TimedEngine()
    whole = loaded_and_extracted(photos.day("units-few", {CATEGORY: _FEW}), few)
    calls = {kind: whole[kind] - _of(few.spent, kind) for kind in ("load", "extract")}
    found |= {f"{kind}_call": spent for kind, spent in calls.items()}
    for kind, spent in calls.items():
        found[f"{kind}_driver"] = positive(found[f"{kind}_driver"] * images - spent) / (images - _FEW)
    # What is listed in loading is not counted as the driver's.
    found["load_driver"] = positive(found["load_driver"] - found["list_image"])
    return found


def _driver(whole: Mapping[str, Spent], units: Mapping[str, Spent], images: int) -> dict[str, Spent]:
    driver = {f"{kind}_driver": (whole[kind] - _of(units, kind)) / images for kind in ("load", "extract")}
    return {**driver, "list_image": whole["list"] / images}


def _of(units: Mapping[str, Spent], kind: str) -> Spent:
    return units[kind] + units["hash"] if kind == "load" else units[kind]


def _warm(photos: Photos, pool: ProcessPoolExecutor) -> None:
    """Modules and models are loaded once in a process's life: not what a unit costs."""
    with units_of(-(-_FEW // (4 * cores()))):
        for engine in (TimedEngine(), TimedEngine(pool)):
            loaded_and_extracted(photos.day("units-warm", {CATEGORY: _FEW}), engine)
