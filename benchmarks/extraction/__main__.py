"""`python -m benchmarks.extraction`: all contestants, interleaved, and one table of what came out."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path

from rich.console import Console

from benchmarks.extraction import agreement, report
from benchmarks.extraction.inputs import PHOTOS, Inputs, NoPhotos, prepare
from benchmarks.extraction.measure import ContestantFailed, Run, run_contestant

# The share of the photos that each is given: one so slow that it hardly notices its start-up shows its rate on fewer.
CONTESTANTS = {
    "decode_only": 1.0,
    "model_only": 1.0,
    "engine_in_memory": 1.0,
    "engine": 1.0,
    "original": 0.1,
    "tf_data": 1.0,
    "ray_data": 1.0,
    "daft_own": 1.0,
    "daft_ours": 1.0,
}
_NEEDS = {
    "original": ("tensorflow",),
    "tf_data": ("tensorflow",),
    "ray_data": ("ray", "pandas"),
    "daft_own": ("daft",),
    "daft_ours": ("daft",),
}
_WITHOUT_OUTPUT = ("decode_only", "model_only", "engine_in_memory")
_SMALLER = 4


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    options = _options()
    console = Console()
    try:
        inputs = prepare(options.photos, options.images, options.work)
    except NoPhotos as error:
        raise SystemExit(str(error)) from None
    taking_part = [name for name in options.contestants.split(",") if _installed(name, console)]
    runs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in taking_part}
    for number in range(options.rounds):
        for name in taking_part:
            with console.status(f"round {number + 1} of {options.rounds}: {name}"):
                runs[name].append(_round(name, inputs, options))
            _, large = runs[name][-1]
            console.print(f"round {number + 1}: {name:<16} {large.images / large.whole:8,.0f} images/s, whole run")
    found = {name: report.figures(rounds) for name, rounds in runs.items()}
    console.print(report.contestants_table(found))
    if report.ENGINE in found:
        console.print(report.goals_table(found))
        if options.json:
            options.json.write_text(json.dumps(report.as_json(found), indent=2), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--images", type=int, default=12_000, help="photos of the largest runs")
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over so many")
    parser.add_argument("--contestants", default=",".join(CONTESTANTS), help="some of them, separated by commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where photos and model are kept")
    options = parser.parse_args()
    unknown = set(options.contestants.split(",")) - set(CONTESTANTS)
    if unknown:
        parser.error(f"no such contestants: {', '.join(sorted(unknown))}; there are {', '.join(CONTESTANTS)}")
    if not options.photos.is_dir():
        parser.error(f"no folder of photos at {options.photos}; name one with --photos")
    return options


def _installed(name: str, console: Console) -> bool:
    missing = [package for package in _NEEDS.get(name, ()) if importlib.util.find_spec(package) is None]
    if missing:
        console.print(f"{name} does not take part: {missing[0]} is not installed (make extraction installs it)")
    return not missing


def _round(name: str, inputs: Inputs, options: argparse.Namespace) -> tuple[Run, Run]:
    images = max(2 * _SMALLER, int(options.images * CONTESTANTS[name]))
    output = options.work / f"{name}.parquet"
    try:
        small = run_contestant(name, inputs, images // _SMALLER, output)
        large = run_contestant(name, inputs, images, output)
    except ContestantFailed as error:
        raise SystemExit(str(error)) from None
    reference = options.work / f"{report.ENGINE}.parquet"
    if name not in _WITHOUT_OUTPUT and reference.exists():
        agreement.check(name, output, reference, images)
    return small, large


if __name__ == "__main__":
    main()
