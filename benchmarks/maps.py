"""`python -m benchmarks.maps`: the map of generated features, cold and a day later, beside scikit-learn's t-SNE.

Features lie in Parquet files and are streamed from there, as from the table. Each contestant runs in a process of its
own, whose peak memory counts with all that it has loaded; the peer is given the features in memory, in the same 50
principal components. Trustworthiness is measured on the same 2,000 images for both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from obstore.store import MemoryStore
from rich.console import Console
from rich.table import Table

from image_assets.memory import PeakMemory, hand_back
from image_assets.reports.tables import show_table
from image_assets.settings.stages import Embedding
from image_assets.workers import cores

GOALS = {"ratio": 1.8, "trustworthiness": 0.01, "day seconds": 60, "megabytes": 8_000}
_DIGEST = "generated"
_CATEGORIES, _CENTRES, _INNER = 10, 60, 24
_FILE_ROWS = 10_000


@dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        folder: Where the features lie.
        images: How many there are at first.
        day: How many come the next day.
        fit_points: How many are fitted at most.
    """

    folder: str
    images: int
    day: int
    fit_points: int

    def features(self, *parts: str) -> pl.LazyFrame:
        """The rows of some parts: `first`, `day`."""
        return pl.concat([pl.scan_parquet(f"{self.folder}/{part}-*.parquet") for part in parts])


@dataclass
class Found:
    """What a contestant took and reached: by the clock, of the processors, at the peak of its memory."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    trustworthiness: float
    notes: dict[str, float | str] = field(default_factory=dict)


def write_features(case: Case, width: int) -> None:
    """Write clusters of unequal sizes, each of a few dimensions of its own within `width`, with noise in all."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(_CENTRES, width)).astype(np.float32)
    inner = random.normal(size=(_CENTRES, _INNER, width)).astype(np.float32) / np.sqrt(_INNER)
    weights = random.dirichlet(np.full(_CENTRES, 0.7))
    for part, rows in (("first", case.images), ("day", case.day)):
        for begin in range(0, rows, _FILE_ROWS):
            count = min(_FILE_ROWS, rows - begin)
            kind = random.choice(_CENTRES, count, p=weights)
            along = random.normal(size=(count, _INNER)).astype(np.float32)
            vectors = centres[kind] + 0.2 * random.normal(size=(count, width)).astype(np.float32)
            for one in np.unique(kind):
                vectors[kind == one] += along[kind == one] @ inner[one]
            _frame(f"{part} {begin}", kind, vectors).write_parquet(f"{case.folder}/{part}-{begin:09}.parquet")


def ours(case: Case) -> dict[str, Found]:
    """The first map of all images, and the day after, placed on it."""
    from image_assets.embedding.feature_stream import Features
    from image_assets.embedding.kept_fit import KeptFits
    from image_assets.embedding.map_table import MapTable
    from image_assets.embedding.todays_map import MapSettings, todays_map
    from image_assets.schema import EMBEDDING

    settings = MapSettings(Embedding(fit_points=case.fit_points), _DIGEST)
    fits, table, found = KeptFits(MemoryStore()), EMBEDDING.no_rows(), {}
    for name, parts in (("ours, cold", ("first",)), (f"ours, a day of {case.day:,}", ("first", "day"))):
        hand_back()
        watch, peak = Stopwatch(), PeakMemory()
        features = Features(case.features(*parts), _DIGEST)
        made = todays_map(features, MapTable.of(table, 2), fits, settings)
        table = made.table.rows(features.labels)
        notes: dict[str, float | str] = {"because": made.because, "moved": made.moved.p95 if made.moved else 0.0}
        found[name] = Found(*watch.read(), peak.bytes() / 1e6, made.trustworthiness, notes)
    return found


def scikit_learn(case: Case) -> dict[str, Found]:
    """The peer, of as many points as ours fits, on as many threads as there are cores."""
    from sklearn.manifold import TSNE

    from image_assets.embedding.quality import trustworthiness
    from image_assets.embedding.reduction import Reduction
    from image_assets.features.table import feature_matrix

    watch, peak = Stopwatch(), PeakMemory()
    features = feature_matrix(case.features("first").select("image_id", "features").sort("image_id").collect())
    reduced = Reduction.of(features, 0).apply(features)
    places = TSNE(perplexity=30, init="pca", n_jobs=cores(), random_state=0).fit_transform(reduced)
    trust = trustworthiness(features, places)
    return {"scikit-learn": Found(*watch.read(), peak.bytes() / 1e6, trust)}


class Stopwatch:
    """Seconds since it was made: by the clock, and of the processors, which other work on the machine leaves alone."""

    def __init__(self) -> None:
        self._clock, self._processors = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both."""
        return time.perf_counter() - self._clock, time.process_time() - self._processors


def _frame(name: str, kind: np.ndarray, vectors: np.ndarray) -> pl.DataFrame:
    ids = [hashlib.sha256(f"{name} {i}".encode()).hexdigest() for i in range(len(kind))]
    labels = (kind % _CATEGORIES).astype(np.int16)
    features = pl.Series(vectors).cast(pl.List(pl.Float32))
    return pl.DataFrame(
        {"image_id": ids, "label": labels, "features": features, "extractor": [_DIGEST] * len(ids)}
    ).with_columns(date=pl.lit(None, pl.Date), category=pl.lit("generated"))


def _in_another_process(contestant: Callable[[Case], dict[str, Found]], case: Case) -> dict[str, Found]:
    # Not multiprocessing's own pool: in its workers joblib takes one core only.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(contestant, case).result()


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.maps", description=__doc__)
    parser.add_argument("--images", type=int, default=30_000, help="of the first map")
    parser.add_argument("--day", type=int, default=1_000, help="images of the day after")
    parser.add_argument("--width", type=int, default=512, help="features of an image")
    parser.add_argument("--fit-points", type=int, default=30_000, help="at most so many are fitted")
    parser.add_argument("--no-peer", action="store_true", help="leave scikit-learn out, which takes long for many")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory() as folder:
        case = Case(folder, options.images, options.day, options.fit_points)
        write_features(case, options.width)
        for contestant in (ours, scikit_learn)[: 1 if options.no_peer else 2]:
            found |= _in_another_process(contestant, case)
    table = Table("contestant", "seconds", "of the processors", "peak memory", "trustworthiness", "moved, p95")
    for name, one in found.items():
        moved = f"{one.notes['moved']:.4f}" if "day" in name else ""
        table.add_row(
            name,
            f"{one.seconds:,.1f}",
            f"{one.cpu_seconds:,.1f}",
            f"{one.megabytes:,.0f} MB",
            f"{one.trustworthiness:.4f}",
            moved,
        )
    console = Console()
    show_table(console, table)
    for name, one in found.items():
        if one.notes.get("because"):
            console.print(f"{name}: fitted because {one.notes['because']}")
    if not options.no_peer:
        mine, peer = found["ours, cold"], found["scikit-learn"]
        console.print(
            f"scikit-learn ÷ ours: {peer.seconds / mine.seconds:.2f} by the clock, "
            f"{peer.cpu_seconds / mine.cpu_seconds:.2f} of the processors, goal ≥ {GOALS['ratio']}"
        )
    if options.json:
        options.json.write_text(
            json.dumps({name: asdict(one) for name, one in found.items()}, indent=2), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
