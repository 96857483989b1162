"""Days by `image-assets run`, small and large ones: what steps, runs and processes cost beside their units."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import psutil

from benchmarks.extraction.inputs import quiet_environment
from benchmarks.scale.measuring.photos import DAY, Photos, Place
from benchmarks.scale.measuring.spent import Spent, living, now, on_cores, positive

_EVENTS = 50
_SAMPLE_SECONDS = 0.1


class DayFailed(RuntimeError):
    """A measured day did not come to its end; the message says why."""


@dataclass(frozen=True)
class Day:
    """A day that was run.

    Attributes:
        partitions: How many.
        images: Of all of them.
        spent: By the process.
        steps: By Dagster's steps, by stage; `runs` are the runs.
        runs: How many.
        events: In the log.
        place: Where it lies.
    """

    partitions: int
    images: int
    spent: Spent
    steps: Mapping[str, Spent]
    runs: int
    events: int
    place: Place

    def each(self, stage: str) -> Spent:
        """What a stage took, of one partition."""
        return self.steps.get(stage, np.zeros(2)) / self.partitions


@dataclass(frozen=True)
class _Samples:
    """How much of the processor a process and its children had taken, as the time of day went on."""

    times: Sequence[float]
    processor: Sequence[float]

    def between(self, start: float, end: float) -> Spent:
        taken = np.interp([start, end], self.times, self.processor)
        return np.array([end - start, taken[1] - taken[0]])


def run_day(photos: Photos, name: str, categories: Mapping[str, int], until: str = "feature_shards") -> Day:
    """Have a new day arrive and run it in a process of its own. Raises `DayFailed`."""
    place = photos.day(name, categories)
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", "store", "--day", DAY.isoformat()]
    home = place.root.resolve() / "dagster"
    command = [sys.executable, "-m", "image_assets.cli", "run", *places, "--until", until, "--json"]
    environment = {**quiet_environment(photos.inputs), "DAGSTER_HOME": str(home)}
    began = _waited_for()
    printed, samples = _sampled(command, place.root, environment)
    spent = _waited_for() - began
    said, images = json.loads(printed), sum(categories.values())
    loaded = sum(one["features"] for one in said["categories"].values())
    if said["errors"] or loaded != images:
        raise DayFailed("\n".join(said["errors"]) or f"{images} photos, but {loaded} have features")
    steps, runs = _recorded(home, samples)
    return Day(len(categories), images, spent, steps, runs, _events(home), place)


def _waited_for() -> Spent:
    """As `now`, of the processes that have ended alone: looking at the others takes some of the processor itself."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([time.perf_counter(), children.ru_utime + children.ru_stime])


def _sampled(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, _Samples]:
    """Run a process to its end: what it printed, and what it took of the processor meanwhile."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=pipe, stderr=pipe, text=True)
    times, processor = [time.time()], [0.0]
    while True:
        try:
            printed, said = process.communicate(timeout=_SAMPLE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            one = psutil.Process(process.pid)
            own, children = one.cpu_times(), living(one)
            times.append(time.time())
            processor.append(own.user + own.system + own.children_user + own.children_system + children)
    if process.returncode:
        raise DayFailed(f"it ended with {process.returncode}: {(said + printed)[-3000:]}")
    return printed, _Samples(times, processor)


def _recorded(home: Path, samples: _Samples) -> tuple[dict[str, Spent], int]:
    """What steps took, by stage, all steps of checks together, and the runs; how many runs."""
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    spent: dict[str, Spent] = {"runs": np.zeros(2)}
    try:
        with dg.DagsterInstance.get() as instance:
            records = instance.get_run_records()
            for record in records:
                spent["runs"] += samples.between(record.start_time or 0.0, record.end_time or 0.0)
                for step in instance.get_run_step_stats(record.dagster_run.run_id):
                    stage = _stage(step.step_key)
                    took = samples.between(step.start_time or 0.0, step.end_time or 0.0)
                    spent[stage] = spent.get(stage, np.zeros(2)) + took
    finally:
        os.environ.pop("DAGSTER_HOME") if before is None else os.environ.update(DAGSTER_HOME=before)
    return spent, len(records)


def _stage(step: str) -> str:
    return "checks" if "check" in step else step.split("__")[-1]


def _events(home: Path) -> int:
    (log,) = home.rglob("event_log.db")
    with sqlite3.connect(log) as connection:
        return connection.execute("SELECT count(*) FROM event_logs").fetchone()[0]


def day_costs(small: Day, large: Day, units: Mapping[str, Spent], cores: int) -> dict[str, Spent | float]:
    """Costs of a partition and of an image beside its units, from a small and a large day.

    Args:
        small: Of few images a partition.
        large: Of many.
        units: Costs of units that were measured beside it.
        cores: That units had.
    """
    few, many = small.images / small.partitions, large.images / large.partitions
    found: dict[str, Spent | float] = {}
    for name, stage in (("checks", "checks"), ("near", "near_duplicates"), ("shards", "feature_shards")):
        each = positive(large.each(stage) - small.each(stage)) / (many - few)
        found |= {f"{name}_image": each, f"{name}_partition": positive(small.each(stage) - few * each)}
    loading = on_cores(units["hash_thread"] + units["load_thread"], cores) + units["load_driver"] + units["list_image"]
    extracting = on_cores(units["extract_thread"], cores) + units["extract_driver"]
    found["load_partition"] = positive(small.each("raw_images") - few * loading)
    found["extract_partition"] = positive(small.each("image_features") - few * extracting)
    steps = sum((spent for stage, spent in small.steps.items() if stage != "runs"), np.zeros(2))
    found["run_overhead"] = positive(small.steps["runs"] - steps) / small.runs
    found["process_start"] = np.minimum(*(day.spent - day.steps["runs"] for day in (small, large)))
    found["run_events"] = large.events / large.runs
    found["run_bytes"] = max(0, _bytes(large.place.root / "dagster") - _empty_home()) / large.runs
    return found | _bytes_of_images(large)


def _bytes_of_images(day: Day) -> dict[str, Spent | float]:
    store, name = day.place.root / "store", day.place.dataset.name
    features = _bytes(store / name / "image_features") + sum(
        _bytes(path) for path in store.rglob("feature_shards") if path.is_dir()
    )
    return {
        "photo_bytes": _bytes(day.place.root / "landing") / day.images,
        "feature_bytes": features / day.images,
        "stored_bytes": (_bytes(store) - features) / day.images,
    }


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _empty_home() -> int:
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder):
        return _bytes(Path(folder))


def event_cost() -> dict[str, Spent]:
    """Seconds of an event that is stored, in SQLite on this machine."""
    with tempfile.TemporaryDirectory() as folder, dg.DagsterInstance.local_temp(folder) as instance:
        began = now()
        for number in range(_EVENTS):
            instance.report_runless_asset_event(dg.AssetMaterialization("measured", partition=str(number)))
        return {"event_seconds": (now() - began) / _EVENTS}
