"""`python -m benchmarks.scale.measuring`: the unit costs, and with `--check` whole runs beside what is simulated.

`make unit-costs` writes `benchmarks/scale/unit-costs.json`; `make scale-check` measures costs and whole runs in turn,
so that both find the machine as it is then, writes `checks.json` and ends with 1 where the two do not agree.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.extraction.inputs import PHOTOS
from benchmarks.scale import check, page
from benchmarks.scale.costs import write_costs
from benchmarks.scale.measuring import rounds, shapes
from benchmarks.scale.measuring.photos import Photos, photos
from benchmarks.scale.measuring.units import processes


def main() -> None:
    """Measure and write; the pages that are made of it too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.measuring", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="hold whole runs against simulated ones")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console = Console()
    needed = max(rounds.PHOTOS_NEEDED, shapes.PHOTOS_NEEDED)
    found = photos(options.photos, needed, options.work)
    if options.check:
        sys.exit(_check(found, options.rounds, console))
    write_costs(rounds.measured(found, options.rounds, rounds.as_said(console)))


def _check(photos: Photos, count: int, console: Console) -> int:
    say = rounds.as_said(console)
    once = rounds.measured_once(photos, say)
    costs, took = rounds.Rounds(photos, say), {name: [] for name in check.SHAPES}
    with processes() as pool:
        for number in range(count):
            costs.once(pool)
            for name, shape in check.SHAPES.items():
                say(shape.said)
                took[name].append(shapes.run_shape(photos, name))
            say(f"round {number + 1} of {count} is over")
    measured = costs.costs(once)
    found = check.compared(took, measured)
    page.CHECKS.write_text(json.dumps(check.as_json(found, measured), indent=2) + "\n", encoding="utf-8")
    if page.PREDICTIONS.exists():
        page.write()
    console.print(page.checks_table(found), page.verdict(found, measured), sep="\n\n", highlight=False)
    return 0 if check.within(found, busy=measured.busy) else 1


if __name__ == "__main__":
    main()
