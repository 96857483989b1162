"""`python -m benchmarks.growth`: what a day's run costs as days grow, as history grows, and as known images grow.

Days are run by `image-assets run` in processes of their own, on fresh copies of the stores. The images are drawn small,
and the extractor is a MobileNetV1 with random weights: what is measured is everything around decoder and model.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import dagster as dg
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import IMAGE_SIZE, WIDTH, Inputs, prepare, quiet_environment
from benchmarks.history import land_small_images
from benchmarks.peaks import communicate

CATEGORIES = ("plant", "animal", "human")
DAY = dt.date.today() - dt.timedelta(days=2)  # complete in every time zone
DAY_IMAGES = 300
GOAL = 1.10
# What is made of the whole dataset looks at all images, and so grows by nature.
_DAYS_OWN = ("--until", "feature_shards")


class RunFailed(RuntimeError):
    """A measured process ended with an error; the message has the end of what it printed."""


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--partitions", default="30,300,3000", help="partitions of history; empty: do not measure it")
    parser.add_argument("--images", default="1000,10000,100000", help="images of a day; empty: do not measure it")
    parser.add_argument("--known", default="1000000,10000000", help="known images; empty: do not measure it")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all histories, interleaved")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console, work = Console(), options.work.resolve() / "growth"
    found: dict[str, Any] = {}
    if sizes := _numbers(options.partitions):
        inputs = _inputs(options.work.resolve())
        found["history"] = _measure_history(sizes, options.rounds, inputs, work, console)
        console.print(_history_table(found["history"]))
        console.print(
            _verdict("a day's run", _ratio(found["history"], "day"), f"{sizes[0]:,} → {sizes[-1]:,} partitions")
        )
    if sizes := _numbers(options.images):
        found["days"] = _measure_days(sizes, _inputs(options.work.resolve()), work, console)
        console.print(_days_table(found["days"]))
    if sizes := _numbers(options.known):
        found["known"] = _measure_known(sizes, work, console)
        console.print(_known_table(found["known"]))
        ratio = _ratio(found["known"], "find_mb")
        console.print(_verdict("peak memory of deduplication", ratio, f"{sizes[0]:,} → {sizes[-1]:,} known images"))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _numbers(text: str) -> list[int]:
    return sorted(int(one) for one in text.split(",") if one)


def _inputs(work: Path) -> Inputs:
    """The extractor's module; of the photos, which are not used here, only one."""
    land_small_images(work / "drawn", DAY, "plant", 0, 1)
    return prepare(work / "drawn", 1, work)


def _measure_history(
    sizes: Sequence[int], rounds: int, inputs: Inputs, work: Path, console: Console
) -> list[dict[str, Any]]:
    for size in sizes:
        with console.status(f"a history of {size:,} partitions"):
            _make_history(work / f"history-{size}", size, inputs)
    runs: dict[int, list[dict[str, Any]]] = {size: [] for size in sizes}
    for number in range(rounds):
        for size in sizes:
            with console.status(f"round {number + 1} of {rounds}: {size:,} partitions"):
                root = work / "run"
                shutil.rmtree(root, ignore_errors=True)
                shutil.copytree(work / f"history-{size}", root)
                runs[size].append(_run_day(root, inputs, CATEGORIES[:1], *_DAYS_OWN))
    return [{"partitions": size, **_medians([run["seconds"] for run in runs[size]])} for size in sizes]


def _make_history(root: Path, partitions: int, inputs: Inputs) -> None:
    if (root / "complete").exists() and (root / "complete").read_text() == DAY.isoformat():
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    days = -(-partitions // len(CATEGORIES))
    _write_dataset(root, DAY - dt.timedelta(days=days), inputs)
    land_small_images(root / "landing", DAY, CATEGORIES[0], 0, DAY_IMAGES)
    options = ["--dataset", root / "dataset.yaml", "--store", root / "store", "--partitions", partitions]
    _python("benchmarks.history", options, inputs)
    (root / "complete").write_text(DAY.isoformat())


def _measure_days(sizes: Sequence[int], inputs: Inputs, work: Path, console: Console) -> list[dict[str, Any]]:
    found = []
    for size in sizes:
        with console.status(f"a day of {size:,} images"):
            root = work / "run"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
            _write_dataset(root, DAY, inputs)
            for kind, category in enumerate(CATEGORIES):
                images = size // len(CATEGORIES) + (kind < size % len(CATEGORIES))
                land_small_images(root / "landing", DAY, category, kind, images)
            run = _run_day(root, inputs, CATEGORIES, *_DAYS_OWN)
        found.append({"images": size, "peak_mb": run["peak_mb"], **run["seconds"]})
    return found


def _write_dataset(root: Path, start: dt.date, inputs: Inputs) -> None:
    content = {
        "name": "growth",
        "categories": {name: label for label, name in enumerate(CATEGORIES)},
        "start_day": start,
        "extractor": {
            "kind": "tf_hub",
            "module": str(inputs.module),
            "image_size": IMAGE_SIZE,
            "width": WIDTH,
            "runtime": "onnxruntime",
        },
    }
    (root / "dataset.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _run_day(root: Path, inputs: Inputs, categories: Sequence[str], *more: str) -> dict[str, Any]:
    """Run the day in a process of its own: seconds of it, of its Dagster runs and of their steps, and peak memory."""
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", "store", "--day", DAY.isoformat()]
    chosen = [option for category in categories for option in ("--category", category)]
    environment = {**quiet_environment(inputs), "DAGSTER_HOME": str(root / "dagster")}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "image_assets.cli", "run", *places, *chosen, *more, "--json"],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed, errors, peak = communicate(process)
    whole = time.perf_counter() - began
    day = json.loads(printed or "{}")
    if not day or day["errors"]:
        raise RunFailed("\n".join(day.get("errors", [])) or errors[-3000:])
    return {"seconds": {"process": whole, **_recorded(root / "dagster")}, "peak_mb": round(peak / 1e6)}


def _recorded(home: Path) -> dict[str, float]:
    """Seconds that Dagster recorded: `day` for the runs, and every step."""
    os.environ["DAGSTER_HOME"] = str(home)
    seconds: dict[str, float] = {"day": 0.0}
    with dg.DagsterInstance.get() as instance:
        for record in reversed(instance.get_run_records()):
            assert record.end_time is not None
            assert record.start_time is not None
            seconds["day"] += record.end_time - record.start_time
            for step in instance.get_run_step_stats(record.dagster_run.run_id):
                if step.start_time and step.end_time:
                    name = step.step_key.removeprefix("growth__").replace("__checks", " (checks)")
                    seconds[name] = seconds.get(name, 0.0) + step.end_time - step.start_time
    return seconds


def _measure_known(sizes: Sequence[int], work: Path, console: Console) -> list[dict[str, Any]]:
    found = []
    for size in sizes:
        with console.status(f"{size:,} known images"):
            store = work / f"known-{size}"
            shutil.rmtree(store, ignore_errors=True)
            options = ["--store", store, "--images", size]
            _python("benchmarks.known_images", ["fill", *options])
            covered, looked = (
                json.loads(_python("benchmarks.known_images", [what, *options])) for what in ("cover", "find")
            )
            shutil.rmtree(store)
        found.append(
            {
                "images": size,
                "cover_seconds": covered["seconds"],
                "cover_mb": covered["peak_mb"],
                "find_seconds": looked["seconds"],
                "find_mb": looked["peak_mb"],
            }
        )
    return found


def _python(module: str, options: Sequence[object], inputs: Inputs | None = None) -> str:
    environment = quiet_environment(inputs) if inputs else {**os.environ}
    command = [sys.executable, "-m", module, *map(str, options)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RunFailed(run.stderr[-3000:])
    return run.stdout


def _medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _ratio(found: Sequence[Mapping[str, float]], name: str) -> float:
    return found[-1][name] / found[0][name]


def _verdict(what: str, ratio: float, between: str) -> str:
    return f"{what}, {between}: × {ratio:.2f}, goal ≤ {GOAL:.2f}: {'reached' if ratio <= GOAL else 'missed'}"


def _history_table(found: Sequence[Mapping[str, float]]) -> Table:
    table = Table("seconds", title=f"A day of {DAY_IMAGES} images after so many partitions")
    for one in found:
        table.add_column(f"{one['partitions']:,}", justify="right")
    table.add_column("ratio", justify="right")
    for name in [name for name in found[0] if name != "partitions"]:
        ratio = f"{_ratio(found, name):.2f}" if found[0][name] else ""
        table.add_row(_LABELS.get(name, name), *(f"{one[name]:.2f}" for one in found), ratio)
    return table


_LABELS = {
    "process": "the whole process",
    "day": "the day's run: what must not grow",
}


def _days_table(found: Sequence[Mapping[str, float]]) -> Table:
    table = Table("seconds per 1,000 images", title="A day of so many images")
    for one in found:
        table.add_column(f"{one['images']:,}", justify="right")
    for name in [name for name in found[0] if name not in ("images", "peak_mb")]:
        table.add_row(_LABELS.get(name, name), *(f"{one[name] / one['images'] * 1000:.2f}" for one in found))
    table.add_section()
    table.add_row("peak memory, MB", *(f"{one['peak_mb']:,.0f}" for one in found))
    return table


def _known_table(found: Sequence[Mapping[str, float]]) -> Table:
    table = Table("known images", title="10,000 ids against so many known images")
    for column in ("look-up, s", "peak, MB", "first index, s", "peak, MB"):
        table.add_column(column, justify="right")
    for one in found:
        figures = (f"{one[name]:,.1f}" for name in ("find_seconds", "find_mb", "cover_seconds", "cover_mb"))
        table.add_row(f"{one['images']:,}", *figures)
    return table


if __name__ == "__main__":
    main()
