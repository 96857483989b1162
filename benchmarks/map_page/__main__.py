"""`python -m benchmarks.map_page`: the page of the map with a million images, in a browser without a graphics card.

The console runs as it is started by hand. Each visit begins with an empty cache; of the server's own work the first
answers, which read the tables, are told apart from those after.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.map_page.stored_map import stored_map
from benchmarks.map_page.visits import Visited, chromium, visit
from image_assets.reports.tables import show_table

KEPT = Path(".benchmarks") / "map_page"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The console's address, while it runs in a process of its own."""
    command = [sys.executable, "-m", "image_assets.cli", "console", "--port", "0", "--json"]
    places = ["--dataset", str(folder / "dataset.yaml"), "--store", str(folder / "store")]
    with subprocess.Popen([*command, *places], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def served_alone(url: str) -> dict[str, float]:
    """Milliseconds of single answers, without a browser: the first of each kind and the median of five after."""
    lasso = "_".join(f"{60 * f(turn):.3f}" for turn in np.linspace(0, 6.2, 60) for f in (np.cos, np.sin))
    asked = {
        "picture": lambda ask: ask.get("/v1/map/density.png"),
        "description": lambda ask: ask.get("/v1/map"),
        "positions": lambda ask: ask.get("/v1/map/columns/positions"),
        "lasso of 60 corners": lambda ask: ask.post("/v1/map:select", json={"map": f"lasso=add_{lasso}"}),
        "filters and lasso": lambda ask: ask.post("/v1/map:select", json={"map": f"verdict=right&lasso=add_{lasso}"}),
        "gallery of a lasso": lambda ask: ask.get("/gallery", params={"map": f"lasso=add_{lasso}"}),
        "point": lambda ask: ask.get("/v1/map/points/7"),
    }
    found: dict[str, float] = {}
    with httpx.Client(base_url=url, timeout=600, trust_env=False) as client:
        point = client.get("/healthz")
        point.raise_for_status()
        for name, request in asked.items():
            times = []
            for _ in range(6):
                began = time.perf_counter()
                request(client).raise_for_status()
                times.append(1_000 * (time.perf_counter() - began))
            found[f"{name}, first"], found[f"{name}, after"] = times[0], median(times[1:])
    return found


def rows_of(visits: list[Visited], points: int) -> dict[str, str]:
    """What the visits came to, for a table."""
    frames = [frame for one in visits for frame in one.panning]
    received = visits[0].received
    return {
        "picture, ms": f"{median(one.picture for one in visits):,.0f}",
        "all points, ms": f"{median(one.points for one in visits):,.0f}",
        "frames while panning, ms: median": f"{median(frames):,.0f}",
        "frames while panning, ms: 95 %": f"{np.quantile(frames, 0.95):,.0f}",
        "frames of at most 100 ms": f"{np.mean(np.array(frames) <= 100):.1%} of {len(frames)}",
        "lasso, ms": f"{median(one.lasso for one in visits):,.0f}",
        "filter, ms": f"{median(one.filtered for one in visits):,.0f}",
        "positions and category, MB per million": f"{(received['positions'] + received['category']) / points:.2f}",
        "all columns, MB per million": f"{sum(received.values()) / points:.2f}",
        "scripts, kB gzipped": f"{visits[0].scripts / 1e3:.1f}",
    }


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.map_page", description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000, help="images on the map")
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    folder = KEPT / str(options.points)
    folder.mkdir(parents=True, exist_ok=True)
    stored_map(folder, options.points)
    with running(folder) as url:
        alone = served_alone(url)
        with chromium() as browser:
            visits = [visit(browser, url) for _ in range(options.visits)]
    console = Console()
    table = Table("a visit", f"{options.points:,} images")
    for name, said in rows_of(visits, options.points).items():
        table.add_row(name, said)
    show_table(console, table)
    table = Table("the console alone", "ms")
    for name, milliseconds in alone.items():
        table.add_row(name, f"{milliseconds:,.0f}")
    show_table(console, table)
    if options.json:
        told = {"alone": alone, "visits": [one._asdict() for one in visits]}
        options.json.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
