"""`python -m benchmarks.day`: a day by `image-assets run`, from files to features, beside the extraction engine alone.

Says where the rest of the time goes, how much memory the process takes, for one or more sizes of the day, and what it
takes to run the day again, without anything new and with a tenth more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import IMAGE_SIZE, PHOTOS, WIDTH, Inputs, land, prepare, quiet_environment
from benchmarks.extraction.measure import run_contestant
from benchmarks.peaks import communicate

DAY = dt.date(2026, 11, 3)
CATEGORIES = ("plant", "animal", "human")
GOAL = 0.4
MOST_MEMORY_MB, MOST_GROWTH = 700, 1.10
_MORE = 10  # so many times fewer come later
_SETTLED = 4  # seconds; what has just changed is read in any case
_START = "start of the process, and the summary"


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--images", default="12000", help="images of the day; several sizes separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console = Console()
    found = []
    for images in map(int, options.images.split(",")):
        inputs = prepare(options.photos, images + images // _MORE, options.work)
        with console.status(f"{images:,} images"):
            found.append(_measure(inputs, images, options.work))
        console.print(_table(found[-1]))
    peaks = {one["images"]: one["peak_mb"] for one in found}
    growth = max(peaks.values()) / min(peaks.values())
    said = ", ".join(f"{peak:,} MB at {images:,} images" for images, peak in peaks.items())
    console.print(
        f"peak memory: {said}; goals: below {MOST_MEMORY_MB} MB, and within {MOST_GROWTH - 1:.0%} of each other "
        f"(here {growth - 1:.0%})"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _measure(inputs: Inputs, images: int, work: Path) -> dict[str, Any]:
    engine = run_contestant("engine", inputs, images, work / "engine.parquet")
    root = work / f"day-{images}"
    shutil.rmtree(root, ignore_errors=True)
    land(inputs, root / "landing", DAY, CATEGORIES, 0, images)
    (root / "dataset.yaml").write_text(yaml.safe_dump(_dataset(inputs)), encoding="utf-8")
    time.sleep(_SETTLED)
    day, whole, peak = _run(inputs, root)
    _, unchanged, _ = _run(inputs, root)
    land(inputs, root / "landing", DAY, CATEGORIES, images)
    time.sleep(_SETTLED)
    _, grown, _ = _run(inputs, root)
    return {
        "images": images,
        "engine": images / engine.whole,
        "day": images / whole,
        "ratio": engine.whole / whole,
        "seconds": {**day["seconds"], _START: whole - sum(day["seconds"].values())},
        "again": {"whole": whole, "nothing new": unchanged, "a tenth more": grown},
        "peak_mb": round(peak / 1e6),
    }


def _run(inputs: Inputs, root: Path) -> tuple[dict[str, Any], float, int]:
    """Run the day: what it says, seconds of the whole process, and the most bytes of memory."""
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", "store", "--day", DAY.isoformat()]
    environment = {**quiet_environment(inputs), "DAGSTER_HOME": str((root / "dagster").resolve())}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "image_assets.cli", "run", *places, "--until", "image_features", "--json"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    printed, _, peak = communicate(process)
    whole = time.perf_counter() - began
    day = json.loads(printed)
    if day["errors"]:
        raise SystemExit("\n".join(day["errors"]))
    return day, whole, peak


def _dataset(inputs: Inputs) -> Mapping[str, Any]:
    return {
        "name": "measured",
        "categories": {category: label for label, category in enumerate(CATEGORIES)},
        "start_day": DAY,
        "extractor": {
            "kind": "tf_hub",
            "module": str(inputs.module.resolve()),
            "image_size": IMAGE_SIZE,
            "width": WIDTH,
            "runtime": "onnxruntime",
        },
    }


def _table(found: Mapping[str, Any]) -> Table:
    table = Table("stage", title=f"A day of {found['images']:,} images")
    table.add_column("seconds", justify="right")
    for stage, seconds in sorted(found["seconds"].items(), key=lambda item: -item[1]):
        table.add_row(stage, f"{seconds:.1f}")
    table.add_section()
    table.add_row("engine alone, images/s", f"{found['engine']:,.0f}")
    table.add_row("the day from files to features, images/s", f"{found['day']:,.0f}")
    for what, seconds in found["again"].items():
        table.add_row(f"the process: {what}", f"{seconds:.1f}")
    table.add_row(f"ratio (goal ≥ {GOAL})", f"{found['ratio']:.2f}")
    return table


if __name__ == "__main__":
    main()
