"""`python -m benchmarks.refinement`: a day's update of the classifier and a full training, beside scikit-learn's own.

All read the same Delta table of generated features, hold the same images out and are judged on the same ones; each runs
in a process of its own, whose peak memory counts. The table is written before and is no part of the time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.feature_history import CATEGORIES, DATASET, DIGEST, FIRST_DAY, write_history
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.memory import PeakMemory, hand_back
from image_assets.reports.tables import show_table
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, TableSchema
from image_assets.store.store import Store
from image_assets.workers import Progress

_PENALTY = 0.001
_MIXED_ROWS = 32_768
_GOALS = {"daily seconds": 60, "full seconds": 900, "megabytes": 6_000}


@dataclass(frozen=True)
class Case:
    """What is measured: where the table lies, and which day is the new one."""

    folder: str
    day_rows: int
    width: int
    days: int

    @property
    def store(self) -> Store:
        """Of the table."""
        return Store(self.folder)

    @property
    def dataset(self) -> DatasetSpec:
        """As a dataset file would describe it."""
        candidates = [{"kind": "logistic_regression", "regularisation": [_PENALTY]}]
        content = {"name": DATASET, "categories": CATEGORIES, "start_day": FIRST_DAY}
        refinement = {"from_rows": 0, "accuracy_margin": 1.0, "log_loss_margin": 100.0}
        classifier = {"candidates": candidates, "refinement": refinement}
        return parse_dataset({**content, "classifier": classifier}, "benchmark")


@dataclass
class Found:
    """What a contestant took and reached: by the clock, of the processors, at the peak of its memory."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    accuracy: float
    log_loss: float
    held_out: int
    notes: dict[str, float | str] = field(default_factory=dict)


@dataclass
class Stopwatch:
    """Seconds since it was made: by the clock, and of the processors, which other work on the machine leaves alone."""

    clock: float = field(default_factory=time.perf_counter)
    processors: float = field(default_factory=time.process_time)

    def read(self) -> tuple[float, float]:
        """Both."""
        return time.perf_counter() - self.clock, time.process_time() - self.processors


@dataclass(frozen=True)
class Kind:
    """The extractor that the generated features pretend to come from."""

    width: int
    digest: str = DIGEST


def ours(case: Case, expected: str) -> Found:
    """One call of `refine`, as the asset makes it, with all that it reads and keeps."""
    from image_assets.classifier.daily.daily_model import Places, Tables
    from image_assets.classifier.daily.refinement import refine
    from image_assets.classifier.training.evaluate import evaluate

    store, parts = case.store, dict[str, float | str]()
    tables = Tables(*(store.table(DATASET, one).scan() for one in (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS)))
    places = Places(store.objects(), f"{DATASET}/classifier-statistics", f"{DATASET}/classifier-scores")

    @contextmanager
    def track(title: str, unit: str) -> Iterator[Progress]:
        last = [0]
        began = time.perf_counter()
        yield lambda done, _: last.__setitem__(0, done)
        parts[title] = f"{time.perf_counter() - began:.1f} s, {last[0]:,} {unit}"

    watch = Stopwatch()
    refined = refine(case.dataset, tables, Kind(case.width), places, track=track)
    took = watch.read()
    if refined.decision.path != expected:
        raise SystemExit(f"expected the path {expected!r}, got {refined.decision}")
    refined.remember()
    evaluation = evaluate(refined.model, refined.held_out_features, refined.held_out.labels, CATEGORIES)
    parts["totals"] = refined.totals
    return Found(*took, 0, evaluation.accuracy, evaluation.log_loss, evaluation.held_out, parts)


def ours_daily(case: Case) -> Found:
    """A new day by the daily path."""
    return ours(case, "daily")


def ours_full(case: Case) -> Found:
    """A full refit of all days, streamed from the table."""
    return ours(case, "full refit")


def peer_in_memory(case: Case) -> Found:
    """scikit-learn's LogisticRegression behind a root and a StandardScaler, all rows in memory."""
    from image_assets.classifier.training.families import logistic_regression
    from image_assets.classifier.training.split import held_out
    from image_assets.classifier.training.train import train
    from image_assets.features.table import feature_table

    watch = Stopwatch()
    table = feature_table(case.store.table(DATASET, IMAGE_FEATURES).scan(), DIGEST)
    aside = held_out(table.image_ids, case.dataset.classifier.held_out)
    candidate = logistic_regression(_PENALTY).transformed(case.dataset.classifier.transform)
    model = train(table.features[~aside], table.labels[~aside], candidate, CATEGORIES)
    return _judged(case, model, watch.read(), {"iterations": int(model.pipeline.named_steps["classify"].n_iter_[0])})


def peer_partial_fit(case: Case, *, only_last_day: bool = False) -> Found:
    """scikit-learn's SGDClassifier and StandardScaler by partial_fit: one pass for either over the same table.

    With `only_last_day` it is given what a daily update is: the model is there, and the last day is added.
    """
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler()
    model = SGDClassifier(loss="log_loss", alpha=_PENALTY, random_state=0)
    labels = np.array(sorted(CATEGORIES.values()), np.int16)

    def learn(days: range) -> tuple[float, float]:
        watch = Stopwatch()
        for rows, _ in _training_batches(case, days):
            scaler.partial_fit(rows)
        for rows, truth in _training_batches(case, days):
            model.partial_fit(np.asarray(scaler.transform(rows)), truth, classes=labels)
        return watch.read()

    took = learn(range(case.days - 1) if only_last_day else range(case.days))
    if only_last_day:
        took = learn(range(case.days - 1, case.days))
    return _judged(case, Pipeline([("scale", scaler), ("classify", model)]), took, {})


def peer_partial_fit_daily(case: Case) -> Found:
    """As above, timed on the last day only; without any bookkeeping of what is in the model."""
    return peer_partial_fit(case, only_last_day=True)


def _training_batches(case: Case, days: range) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    from image_assets.classifier.training.split import held_out
    from image_assets.features.table import feature_matrix

    first, last = (FIRST_DAY + dt.timedelta(days=number) for number in (days.start, days.stop - 1))
    rows = case.store.table(DATASET, IMAGE_FEATURES).scan().filter(pl.col("date").is_between(first, last))
    batches = rows.select("image_id", "label", "features").collect_batches(chunk_size=_MIXED_ROWS, maintain_order=True)
    for mixed in _mixed(batches):
        training = mixed.filter(pl.Series(~held_out(mixed["image_id"], case.dataset.classifier.held_out)))
        if training.height:
            yield feature_matrix(training), training["label"].to_numpy()


def _mixed(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Rows in an order by chance, the same every time: class after class, SGD would learn the last one only."""
    waiting: list[pl.DataFrame] = []
    for batch in chain(batches, [None]):
        if waiting and (batch is None or sum(one.height for one in waiting) >= _MIXED_ROWS):
            yield pl.concat(waiting).sample(fraction=1, shuffle=True, seed=0)
            waiting = []
        if batch is not None:
            waiting.append(batch)


def _judged(case: Case, model: object, took: tuple[float, float], notes: dict[str, float | str]) -> Found:
    """On the images that ours is judged on."""
    from sklearn.metrics import accuracy_score, log_loss

    from image_assets.classifier.training.row_index import row_index
    from image_assets.classifier.training.training_rows import streamed_rows

    def table(schema: TableSchema) -> pl.LazyFrame:
        return case.store.table(DATASET, schema).scan()

    spec = case.dataset.classifier
    features = table(IMAGE_FEATURES)
    index = row_index(features, table(LABEL_CONFLICTS), table(DUPLICATE_GROUPS), DIGEST, spec)
    judged = index.evaluation(spec.refinement.evaluation_rows)
    with streamed_rows(features, judged, case.width) as matrix:
        probabilities = model.predict_proba(matrix.whole())  # pyright: ignore[reportAttributeAccessIssue]
    accuracy = float(accuracy_score(judged.labels, probabilities.argmax(axis=1)))
    return Found(*took, 0, accuracy, float(log_loss(judged.labels, probabilities)), len(judged), notes)


def _measure(contestant: Callable[[Case], Found], case: Case) -> Found:
    hand_back()
    peak = PeakMemory()
    found = contestant(case)
    found.megabytes = peak.bytes() / 1e6
    return found


def in_another_process(contestant: Callable[[Case], Found], case: Case) -> Found:
    """Measure a contestant; its memory is the peak of all its process, interpreter and libraries included."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (contestant, case))


def measure(case: Case, console: Console) -> dict[str, Found]:
    """All contestants: the full ones on all days but the last, which then is the new one."""
    found: dict[str, Found] = {}

    def run(name: str, contestant: Callable[[Case], Found], of: Case) -> None:
        found[name] = in_another_process(contestant, of)
        console.print(f"{name}: {found[name].seconds:.1f} s {found[name].notes}", highlight=False, markup=False)

    before = Case(case.folder, case.day_rows, case.width, case.days - 1)
    run("full refit", ours_full, before)
    run("full: LogisticRegression in memory", peer_in_memory, before)
    run("full: SGDClassifier, one pass", peer_partial_fit, before)
    with console.status("writing the new day …"):
        write_history(case.store, range(case.days - 1, case.days), case.day_rows, case.width, lambda _: None)
    run("daily update", ours_daily, case)
    run("daily: SGDClassifier partial_fit", peer_partial_fit_daily, case)
    return found


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refinement", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="images of all days")
    parser.add_argument("--day-rows", type=int, default=33_000, help="images of a day, in three partitions")
    parser.add_argument("--width", type=int, default=512, help="features of an image")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        case = Case(folder, options.day_rows, options.width, max(round(options.rows / options.day_rows), 2))
        with console.status("writing the table …") as status:
            write_history(
                case.store,
                range(case.days - 1),
                case.day_rows,
                case.width,
                lambda images: status.update(f"writing the table: {images:,} images"),
            )
        found = measure(case, console)
    report(found, case, console)
    if options.json:
        options.json.write_text(json.dumps({name: asdict(one) for name, one in found.items()}), encoding="utf-8")


def report(found: dict[str, Found], case: Case, console: Console) -> None:
    """The figures, the ratios to the peers, and the goals."""
    table = Table(
        f"{case.days * case.day_rows:,} × {case.width}",
        "seconds",
        "of the processors",
        "peak memory",
        "accuracy",
        "log loss",
    )
    for name, one in found.items():
        memory = f"{one.megabytes:,.0f} MB"
        table.add_row(
            name, f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}", memory, f"{one.accuracy:.4f}", f"{one.log_loss:.4f}"
        )
    show_table(console, table)
    daily, full = found["daily update"], found["full refit"]
    for name, one in found.items():
        mine = daily if name.startswith("daily") else full
        if one is not mine:
            console.print(
                f"ours ÷ {name}: time {mine.seconds / one.seconds:.2f}, "
                f"of the processors {mine.cpu_seconds / one.cpu_seconds:.2f}, "
                f"memory {mine.megabytes / one.megabytes:.2f}"
            )
    reached = {"daily seconds": daily.seconds, "full seconds": full.seconds}
    reached["megabytes"] = max(daily.megabytes, full.megabytes)
    for name, goal in _GOALS.items():
        console.print(f"{name}: {reached[name]:,.1f}, goal for a million × 512: {goal:,}")


if __name__ == "__main__":
    main()
