"""`python -m benchmarks.categories`: what a day of many small categories takes, and what Dagster keeps of it.

The day is run by `image-assets run` in a process of its own, up to the model and the reports. Pictures are drawn small:
what is measured is everything around them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image
from rich.console import Console
from rich.table import Table

DAY = dt.date.today() - dt.timedelta(days=2)  # complete in every time zone
GOAL_SECONDS, GOAL_MB = 120, 30
_GOALS_OF = 200
_SIDE = 48


class RunFailed(RuntimeError):
    """The measured process did not come to its end; the message has the end of what it printed."""


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.categories", description=__doc__)
    parser.add_argument("--categories", default="40,200", help="categories of a day; several separated by commas")
    parser.add_argument("--images", type=int, default=5, help="pictures of a category; default 5")
    parser.add_argument("--extractor", default="efficientnet_lite0", help="kind of the extractor")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console, found = Console(), []
    for categories in sorted(map(int, options.categories.split(","))):
        with console.status(f"{categories:,} categories"):
            found.append(measure(categories, options.images, options.extractor, options.work.resolve() / "categories"))
        if categories >= _GOALS_OF:
            console.print(_verdict(found[-1]), highlight=False)
    console.print(_table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def measure(categories: int, images: int, extractor: str, work: Path) -> dict[str, Any]:
    """Run a day of so many categories: seconds, seconds of the processor, of the stages, and MB that are kept.

    Raises:
        RunFailed: the process ended before it said what it did.
    """
    root = work / str(categories)
    shutil.rmtree(root, ignore_errors=True)
    names = [f"kind-{number:04d}" for number in range(categories)]
    for number, name in enumerate(names):
        _land(root / "landing" / DAY.isoformat() / name, number, images)
    dataset = {"name": "many", "categories": {name: label for label, name in enumerate(names)}, "start_day": DAY}
    content = yaml.safe_dump({**dataset, "extractor": {"kind": extractor}}, sort_keys=False)
    (root / "dataset.yaml").write_text(content, encoding="utf-8")
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", "store", "--day", DAY.isoformat()]
    here = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "DAGSTER_HOME": str(root / "dagster"), "PYTHONPATH": str(here)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "image_assets.cli", "run", *places, "--json"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    # Drawn noise makes no good model, of which checks tell: what counts is that the day came to its end.
    day = json.loads(run.stdout or "{}")
    if not day or day["errors"]:
        raise RunFailed("\n".join(day.get("errors", [])) or run.stderr[-3000:])
    return {
        "categories": categories,
        "images": images,
        "seconds": round(seconds, 1),
        "processor": round(sum(getattr(after, n) - getattr(before, n) for n in ("ru_utime", "ru_stime")), 1),
        "home_mb": round(_megabytes(root / "dagster"), 1),
        "store_mb": round(_megabytes(root / "store"), 1),
        "stages": day["seconds"],
    }


def _land(folder: Path, kind: int, images: int) -> None:
    """Pictures of which no two look alike: what looks alike in two categories would be held back and published anew."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(kind)
    for number in range(images):
        coarse = Image.fromarray(random.integers(0, 256, (7, 7), np.uint8))
        grey = np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
        hue = np.roll([1.0, 0.5, 0.1], kind)
        Image.fromarray((grey[..., None] * hue).astype(np.uint8)).save(folder / f"{number:06d}.png")


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("", title="A day of so many categories")
    for one in found:
        table.add_column(f"{one['categories']:,} × {one['images']}", justify="right")
    for name, said in _LINES.items():
        table.add_row(said, *(f"{one[name]:,.1f}" for one in found))
    table.add_section()
    for stage in found[-1]["stages"]:
        table.add_row(stage, *(f"{one['stages'].get(stage, 0.0):,.1f}" for one in found))
    return table


_LINES = {
    "seconds": "seconds",
    "processor": "seconds of the processor",
    "home_mb": "Dagster's home, MB",
    "store_mb": "store, MB",
}


def _verdict(one: Mapping[str, Any]) -> str:
    reached = one["seconds"] <= GOAL_SECONDS and one["home_mb"] <= GOAL_MB
    return (
        f"{one['categories']:,} categories: {one['seconds']:.0f} s, home {one['home_mb']:.0f} MB; goals for "
        f"{_GOALS_OF} × 5: {GOAL_SECONDS} s, {GOAL_MB} MB: {'reached' if reached else 'missed'}"
    )


if __name__ == "__main__":
    main()
