"""`python -m benchmarks.lookalikes`: a day's perceptual hashes against those of all images, beside DuckDB.

Both compare all pairs and must find the same ones; each runs in a process of its own, of which the peak memory counts.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from image_assets.lookalikes.hash_search import pairs_within
from image_assets.memory import PeakMemory, hand_back
from image_assets.reports.tables import show_table

DISTANCE = 10
_PIECE = 262_144


class Found(NamedTuple):
    """What a contestant took: seconds, peak memory above what it began with, and how many pairs it found."""

    seconds: float
    megabytes: float
    pairs: int


def hashes(new: int, known: int) -> tuple[np.ndarray, np.ndarray]:
    """New and known hashes, uint64; one new one in ten looks like a known one."""
    random = np.random.default_rng(0)
    history = random.integers(0, 2**64, known, np.uint64)
    today = random.integers(0, 2**64, new, np.uint64)
    alike = np.arange(0, new, 10)
    today[alike] = history[random.integers(0, known, len(alike))] ^ np.uint64(0b1001)
    return today, history


def ours(today: np.ndarray, history: np.ndarray) -> int:
    """The platform's search, fed with pieces as from its index."""
    pieces = (history[start : start + _PIECE] for start in range(0, len(history), _PIECE))
    return len(pairs_within(today, pieces, DISTANCE).new)


def duck(today: np.ndarray, history: np.ndarray) -> int:
    """One query of DuckDB, on as many threads as there are cores."""
    with duckdb.connect() as sql:
        sql.register("today", {"a": today})
        sql.register("history", {"b": history})
        query = f"select count(*) from today, history where bit_count(xor(a, b)) <= {DISTANCE}"
        row = sql.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def _measure(contestant: Callable[[np.ndarray, np.ndarray], int], new: int, known: int) -> Found:
    today, history = hashes(new, known)
    hand_back()
    peak = PeakMemory()
    before = peak.bytes()
    began = time.perf_counter()
    pairs = contestant(today, history)
    return Found(time.perf_counter() - began, (peak.bytes() - before) / 1e6, pairs)


def _in_another_process(contestant: Callable[[np.ndarray, np.ndarray], int], new: int, known: int) -> Found:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (contestant, new, known))


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookalikes", description=__doc__)
    parser.add_argument("--new", type=int, default=10_000, help="hashes of the day")
    parser.add_argument("--known", type=int, default=1_000_000, help="hashes of all images before it")
    parser.add_argument("--peer-new", type=int, default=500, help="hashes of the day that the peer is given")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = {
        f"ours, {options.new:,} new": _in_another_process(ours, options.new, options.known),
        f"ours, {options.peer_new:,} new": _in_another_process(ours, options.peer_new, options.known),
        f"DuckDB, {options.peer_new:,} new": _in_another_process(duck, options.peer_new, options.known),
    }
    table = Table("contestant", "seconds", "pairs compared per second", "memory", "pairs found")
    sizes = (options.new, options.peer_new, options.peer_new)
    for (name, one), new in zip(found.items(), sizes, strict=True):
        rate = new * options.known / one.seconds
        table.add_row(
            name, f"{one.seconds:.2f}", f"{rate / 1e6:,.0f} million", f"{one.megabytes:,.0f} MB", f"{one.pairs:,}"
        )
    console = Console()
    show_table(console, table)
    _, mine, peer = found.values()
    if mine.pairs != peer.pairs:
        raise SystemExit("the two found different pairs")
    console.print(f"ours ÷ DuckDB, {options.known:,} known: {peer.seconds / mine.seconds:.1f}")
    if options.json:
        options.json.write_text(json.dumps({name: one._asdict() for name, one in found.items()}), encoding="utf-8")


if __name__ == "__main__":
    main()
