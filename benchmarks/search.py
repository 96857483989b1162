"""`python -m benchmarks.search`: the nearest of many images by features, beside LanceDB and usearch.

Every contestant has the same vectors and the same questions, and a process of its own; what it finds is held against a
comparison of all with all, in double precision. Vectors are made, in clusters, not negative, as pooled features are.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.reports.tables import show_table
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.search.likeness import directions, likenesses
from image_assets.search.nearest import Wish
from image_assets.search.search import ImageSearch
from image_assets.store.store import Store
from image_assets.workers import cores

DAY_IMAGES = 10_000
_CLUSTERS = 2_000
_FIRST = dt.date(2020, 1, 1)
# A product of matrices differs in its last bits: so many more than the nearest are looked at one by one.
_SPARE = 20
_WORK = Path(".benchmarks/search")


@dataclass(frozen=True)
class Task:
    """What is searched.

    Attributes:
        images: How many there are.
        width: Numbers of each.
        questions: How many are asked, one after the other.
        nearest: So many are wanted of each.
        folder: Where contestants keep what they make.
    """

    images: int
    width: int
    questions: int
    nearest: int
    folder: Path

    def days(self) -> Iterator[tuple[int, np.ndarray]]:
        """The number of the first image of each day, and its images, float32 [N, width]."""
        for start in range(0, self.images, DAY_IMAGES):
            yield start, self._made(start, min(DAY_IMAGES, self.images - start))

    def asked(self) -> np.ndarray:
        """Half of the questions are images of the first day, half are new ones; float32 [questions, width]."""
        (_, first), half = next(self.days()), self.questions // 2
        return np.concatenate([first[:half], self._made(-1, self.questions - half)])

    def _made(self, start: int, rows: int) -> np.ndarray:
        centres = np.random.default_rng(7).gamma(0.5, 1, (_CLUSTERS, self.width)).astype(np.float32)
        random = np.random.default_rng([8, start + 1])
        made = centres[random.integers(0, _CLUSTERS, rows)]
        made *= random.random(made.shape, np.float32) * np.float32(1.5) + np.float32(0.25)
        return made


class Found(NamedTuple):
    """What a contestant took.

    Attributes:
        build: Seconds from the vectors on disk to the first question.
        first: Milliseconds of the first question.
        median: Of the others.
        p95: Of the others.
        processor: Milliseconds of all cores together that one of the others takes, the median.
        memory: Megabytes that the process holds of its own after the questions.
        mapped: Megabytes of files that it has mapped, which the system takes back where it needs memory.
        disk: Megabytes of what it made.
        answers: int [questions, nearest], the numbers of the images that it found.
    """

    build: float
    first: float
    median: float
    p95: float
    processor: float
    memory: float
    mapped: float
    disk: float
    answers: np.ndarray


def dataset() -> DatasetSpec:
    """One whose features are made here."""
    extractor = {"kind": "colour_statistics"}
    return parse_dataset(
        {"name": "made", "categories": {"thing": 0, "other": 1}, "start_day": _FIRST, "extractor": extractor}, "made"
    )


def ours(task: Task) -> Found:
    """The platform's: its table, its index, its answer."""
    store, spec = Store(str(task.folder / "store")), dataset()
    table, digest = store.table(spec.name, IMAGE_FEATURES), shared_extractor(spec.extractor).digest
    for start, rows in task.days():
        partition = Partition(_FIRST + dt.timedelta(days=start // DAY_IMAGES), "thing")
        if table.partition_files(partition):
            continue
        columns = {
            "image_id": pa.array([f"{number:064x}" for number in range(start, start + len(rows))]),
            "label": pa.array(np.zeros(len(rows), np.int16)),
            "features": _lists(rows),
            "extractor": pa.array([digest] * len(rows)),
        }
        batch = pa.record_batch([columns[name] for name in table.schema.file_schema.names], table.schema.file_schema)
        pieces = [batch.slice(at, 512) for at in range(0, len(rows), 512)]
        table.replace(partition, [table.write_file(partition, f"{start:08}", pieces)])
    index = task.folder / "index"
    shutil.rmtree(index, ignore_errors=True)
    began = time.perf_counter()
    search = ImageSearch(spec, store, index)
    search.prepare()
    build = time.perf_counter() - began

    def answer(features: np.ndarray) -> list[int]:
        return [int(one, 16) for one in search.like(features, Wish(task.nearest))["image_id"]]

    return _timed(answer, task, build, index)


def lance(task: Task) -> Found:
    """LanceDB without an index, which is exact: it reads every vector."""
    import lancedb

    folder = task.folder / "lance"
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    vectors = pa.list_(pa.float32(), task.width)
    schema = pa.schema([pa.field("number", pa.int64()), pa.field("vector", vectors)])

    def batches() -> Iterator[pa.RecordBatch]:
        for start, rows in _rooted(task):
            numbers = pa.array(np.arange(start, start + len(rows)))
            yield pa.record_batch([numbers, pa.FixedSizeListArray.from_arrays(rows.ravel(), task.width)], schema)

    table = lancedb.connect(folder).create_table("made", data=batches(), schema=schema)
    build = time.perf_counter() - began

    def answer(features: np.ndarray) -> list[int]:
        (wanted,) = directions(features[None], rooted=True).astype(np.float32)
        return table.search(wanted).distance_type("cosine").limit(task.nearest).to_arrow()["number"].to_pylist()

    return _timed(answer, task, build, folder)


def usearch_exact(task: Task) -> Found:
    """usearch comparing a question with every vector of a mapped file: exact."""
    from usearch.index import search

    folder = task.folder / "usearch"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "made.f32"
    began = time.perf_counter()
    with path.open("wb") as stream:
        for _, rows in _rooted(task):
            stream.write(rows.data)
    vectors = np.memmap(path, np.float32, "r", shape=(task.images, task.width))
    build = time.perf_counter() - began

    def answer(features: np.ndarray) -> list[int]:
        wanted = directions(features[None], rooted=True).astype(np.float32)
        found = search(vectors, wanted, task.nearest, metric="cos", exact=True, threads=cores())
        return np.asarray(found.keys).ravel().astype(int).tolist()

    return _timed(answer, task, build, folder)


def _rooted(task: Task) -> Iterator[tuple[int, np.ndarray]]:
    for start, rows in task.days():
        yield start, directions(rows, rooted=True).astype(np.float32)


def _lists(rows: np.ndarray) -> pa.Array:
    offsets = pa.array(np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32))
    kind = IMAGE_FEATURES.file_schema.field("features").type
    return pa.ListArray.from_arrays(offsets, pa.array(rows.ravel()), type=kind)


def _timed(answer: Callable[[np.ndarray], list[int]], task: Task, build: float, folder: Path) -> Found:
    taken, busy, answers = [], [], []
    for features in task.asked():
        began, worked = time.perf_counter(), time.process_time()
        answers.append(answer(features))
        taken.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.process_time() - worked))
    own, mapped = _memory()
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    warm = np.array(taken[1:])
    spread = float(np.median(warm)), float(np.quantile(warm, 0.95))
    return Found(build, taken[0], *spread, float(np.median(busy[1:])), own, mapped, disk, np.array(answers))


def _memory() -> tuple[float, float]:
    """Megabytes of its own, and of files that it has mapped: proc(5)."""
    lines = (line.split() for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
    found = {words[0]: int(words[1]) * 1024 / 1e6 for words in lines if words and words[0].startswith("Rss")}
    return found["RssAnon:"], found["RssFile:"]


def truth(task: Task) -> np.ndarray:
    """int [questions, nearest]: what a comparison with all finds, ties by number."""
    wanted = directions(task.asked(), rooted=True)
    numbers = np.empty((task.questions, 0), int)
    cosines = np.empty((task.questions, 0), np.float32)
    for start, rows in task.days():
        here = directions(rows, rooted=True)
        close = np.argsort(-(wanted @ here.T), axis=1)[:, : task.nearest + _SPARE]
        exact = np.stack([likenesses(here[some], one) for some, one in zip(close, wanted, strict=True)])
        cosines = np.concatenate([cosines, exact], axis=1)
        numbers = np.concatenate([numbers, close + start], axis=1)
        best = np.lexsort((numbers, -cosines), axis=1)[:, : task.nearest]
        numbers, cosines = np.take_along_axis(numbers, best, 1), np.take_along_axis(cosines, best, 1)
    return numbers


def recall(found: np.ndarray, true: np.ndarray) -> float:
    """The share of what is to be found that was found."""
    return sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), true.tolist(), strict=True)) / true.size


CONTESTANTS: dict[str, tuple[Callable[[Task], Found], str]] = {
    "ours": (ours, "numpy"),
    "LanceDB, exact": (lance, "lancedb"),
    "usearch, exact": (usearch_exact, "usearch"),
}
"""What they are called, and the package that each needs."""


def _in_another_process(work: Callable[[Task], Any], task: Task) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (task,))


def measured(task: Task, names: Sequence[str]) -> Iterator[tuple[str, dict[str, float]]]:
    """The figures of contestants, one after the other; those whose package is not there are left out."""
    there = [name for name in names if find_spec(CONTESTANTS[name][1]) is not None]
    true = _in_another_process(truth, task)
    for name in there:
        found: Found = _in_another_process(CONTESTANTS[name][0], task)
        said = {key: value for key, value in found._asdict().items() if key != "answers"}
        yield name, {**said, "recall": recall(found.answers, true)}


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=1_280)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--nearest", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), help="contestants")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=_WORK, help="folder for what is made")
    options = parser.parse_args()
    task = Task(options.images, options.width, options.questions, options.nearest, options.work / f"{options.images}")
    task.folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, dict[str, float]] = {}
    for name, said in measured(task, options.only):
        figures[name] = said
        if options.json:
            options.json.write_text(json.dumps(figures), encoding="utf-8")
    columns = ("recall", "median", "p95", "processor", "first", "build", "memory", "mapped", "disk")
    table = Table(
        "contestant",
        "recall",
        "median ms",
        "p95 ms",
        "processor ms",
        "first ms",
        "build s",
        "own MB",
        "mapped MB",
        "disk MB",
    )
    for name, one in figures.items():
        table.add_row(name, *(f"{one[key]:,.4f}" if key == "recall" else f"{one[key]:,.0f}" for key in columns))
    show_table(Console(), table)


if __name__ == "__main__":
    main()
