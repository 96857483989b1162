"""`python -m benchmarks.day`: a day by `image-assets run`, from files to features, beside the extraction engine alone
and beside two peers that process what is new: DataChain's delta processing and a computed column of Pixeltable.

Says where the rest of the time goes, how much memory the process takes, for one or more sizes of the day, and what it
takes to run the day again, without anything new and with a tenth more. All are given the same photos and the same ONNX
model, and are timed as whole processes, each state of the day by all of them before the next. The peers only decode and
infer; image-assets also hashes, checks, measures and accounts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.day_contestants.commands import ContestantFailed, Timed, ours, peers, rows_of_peer, timed
from benchmarks.extraction.inputs import IMAGE_SIZE, PHOTOS, WIDTH, Inputs, land, prepare, quiet_environment
from benchmarks.extraction.measure import run_contestant

DAY = dt.date(2026, 11, 3)
CATEGORIES = ("plant", "animal", "human")
OURS = "image-assets"
GOAL, GOAL_OF_PEERS = 0.6, 1.5
MOST_MEMORY_MB, MOST_GROWTH = 700, 1.10
_MORE = 10  # so many times fewer come later
_SETTLED = 4  # seconds; what has just changed is read in any case
_WARM_UP = 30  # images; Python compiles what has changed since it was last run
_START = "start of the process, and the summary"


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.day", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--images", default="12000", help="images of the day; several sizes separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console, work = Console(), options.work.resolve()  # processes that are run elsewhere are told where it is
    found = []
    for images in map(int, options.images.split(",")):
        inputs = prepare(options.photos, images + images // _MORE, work)
        with console.status(f"{images:,} images"):
            found.append(_measure(inputs, images, work))
        console.print(_table(found[-1]))
        console.print(_table_of_peers(found[-1]))
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
    _all_run(inputs, _landed(inputs, _WARM_UP, work), _WARM_UP)
    engine = run_contestant("engine", inputs, images, work / "engine.parquet")
    root = _landed(inputs, images, work)
    time.sleep(_SETTLED)
    states = {"new": _all_run(inputs, root, images), "nothing new": _all_run(inputs, root, images)}
    land(inputs, root / "landing", DAY, CATEGORIES, images)
    time.sleep(_SETTLED)
    states["a tenth more"] = _all_run(inputs, root, images + images // _MORE)
    day = states["new"][OURS]
    seconds = json.loads(day.printed)["seconds"]
    return {
        "images": images,
        "engine": images / engine.whole,
        "day": images / day.seconds,
        "ratio": engine.whole / day.seconds,
        "seconds": {**seconds, _START: day.seconds - sum(seconds.values())},
        "states": {
            state: {name: {"seconds": run.seconds, "processor": run.processor} for name, run in runs.items()}
            for state, runs in states.items()
        },
        "peak_mb": round(day.peak_bytes / 1e6),
    }


def _landed(inputs: Inputs, images: int, work: Path) -> Path:
    """A new folder with a day of so many images and its dataset file."""
    root = work / f"day-{images}"
    shutil.rmtree(root, ignore_errors=True)
    land(inputs, root / "landing", DAY, CATEGORIES, 0, images)
    (root / "dataset.yaml").write_text(yaml.safe_dump(_dataset(inputs)), encoding="utf-8")
    return root


def _all_run(inputs: Inputs, root: Path, images: int) -> dict[str, Timed]:
    """Have every contestant bring the day up to date. Raises `ContestantFailed`, also where one has other rows."""
    environment = quiet_environment(inputs)
    runs = {OURS: timed(ours(root, DAY.isoformat(), environment))}
    said = json.loads(runs[OURS].printed)
    rows = {OURS: sum(one["features"] for one in said["categories"].values())}
    if said["errors"]:
        raise ContestantFailed("\n".join(said["errors"]))
    (model,) = inputs.cache.glob("*.onnx")  # which the run of image-assets has converted, if it was not there
    for name, peer in peers(root, model, environment).items():
        runs[name] = timed(peer)
        rows[name] = rows_of_peer(runs[name])
    if set(rows.values()) != {images}:
        raise ContestantFailed(f"{images} photos, but rows: {rows}")
    return runs


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
    table.add_row(f"ratio (goal ≥ {GOAL})", f"{found['ratio']:.2f}")
    return table


def _table_of_peers(found: Mapping[str, Any]) -> Table:
    """Seconds of whole processes, in brackets those of the processor, and how many times ours a peer takes."""
    table = Table("", title=f"{found['images']:,} images, seconds (of the processor)")
    names = list(found["states"]["new"])
    for name in names:
        table.add_column(name, justify="right")
    for state, runs in found["states"].items():
        table.add_row(state, *(f"{runs[name]['seconds']:.1f} ({runs[name]['processor']:.1f})" for name in names))
    table.add_section()
    for state, runs in found["states"].items():
        ratios = (f"{runs[name]['seconds'] / runs[OURS]['seconds']:.2f}" for name in names)
        goal = f" (goal ≥ {GOAL_OF_PEERS})" if state == "new" else ""
        table.add_row(f"{state}: ÷ {OURS}{goal}", *ratios)
    return table


if __name__ == "__main__":
    main()
