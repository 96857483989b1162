"""`python -m benchmarks.label_selection`: choosing images by 9 million label rows, beside pandas (and PySpark).

Every contestant is a process of its own that reads the same files, of the shape of Open Images' image labels, and
answers the same questions: how many rows there are, have a known label, a wanted one, are positive and negative; how
many images have a positive label of each category, of one and of several. The answers must agree. Time and memory are
those of whole processes, from start to end; on a machine that has other work too, look at the processors' time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.peaks import peak_bytes

ROWS = 9_000_000
GOALS = {"time": 5.0, "memory": 3.0}
# The labels of big_cats.yaml, each its own category, among the 601 of the boxable classes.
CATEGORIES = {f"cat_{number}": f"Label {number * 7}" for number in range(6)}
_LABELS = 601
_SUBSETS = {"train": 0.93, "validation": 0.02, "test": 0.05}
_CONTESTANTS = Path(__file__).parent / "label_selection_contestants"
_SCRIPTS = {"image-assets": "ours.py", "pandas": "with_pandas.py", "pyspark": "with_pyspark.py"}


def main() -> None:
    """Generate, run the contestants in turn, compare, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.label_selection", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pyspark", help="a Python interpreter that has PySpark, to run it too")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    contestants = {"image-assets": sys.executable, "pandas": sys.executable}
    if options.pyspark:
        contestants["pyspark"] = options.pyspark
    with tempfile.TemporaryDirectory(prefix="image-assets-labels-") as folder:
        root = Path(folder)
        generate(root / "annotations", options.rows)
        found = {name: _best(name, python, root, options.rounds) for name, python in contestants.items()}
    answers = {name: one.pop("answer") for name, one in found.items()}
    if any(answer != answers["pandas"] for answer in answers.values()):
        raise SystemExit(f"the answers differ: {json.dumps(answers, indent=1)}")
    console = Console()
    console.print(_table(found, options.rows))
    for peer in list(found)[1:]:
        ratios = {name: found[peer][name] / found["image-assets"][name] for name in ("seconds", "megabytes")}
        found[peer] |= {"times as long": ratios["seconds"], "times the memory": ratios["megabytes"]}
    time_ratio, memory_ratio = found["pandas"]["times as long"], found["pandas"]["times the memory"]
    reached = time_ratio >= GOALS["time"] and memory_ratio >= GOALS["memory"]
    console.print(
        f"pandas takes {time_ratio:.1f} times as long (goal ≥ {GOALS['time']:.0f}) and {memory_ratio:.1f} times the "
        f"memory (goal ≥ {GOALS['memory']:.0f}): {'reached' if reached else 'missed'}"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def generate(folder: Path, rows: int) -> None:
    """Write class descriptions and image labels of three subsets, as many rows in all as asked for.

    Five rows an image on average, labels as unevenly frequent as real ones, four in ten positive.
    """
    folder.mkdir(parents=True)
    with duckdb.connect(config={"memory_limit": "1GB"}) as sql:
        sql.execute("set enable_progress_bar = false")
        sql.execute("create macro code(n) as '/m/0' || lower(to_hex(n::bigint * 7919 + 4096))")
        sql.execute(
            f"copy (select code(n), 'Label ' || n from range({_LABELS}) t(n)) "
            f"to '{folder}/class-descriptions-boxable.csv' (header false)"
        )
        start = 0
        for subset, share in _SUBSETS.items():
            end = start + round(rows * share)
            sql.execute(
                "copy (select printf('%016x', (hash(r // 5) % 9000000000000000000)::bigint) as \"ImageID\", "
                "case when hash(r * 3) % 10 < 7 then 'verification' else 'crowdsource-verification' end as \"Source\", "
                f'code(least(hash(r * 5) % {_LABELS + 9}, hash(r * 7) % {_LABELS + 9})) as "LabelName", '
                f'(hash(r * 11) % 10 < 4)::int as "Confidence" from range({start}, {end}) t(r)) '
                f"to '{folder}/{subset}-annotations-human-imagelabels-boxable.csv' (header)"
            )
            start = end


def _best(name: str, python: str, root: Path, rounds: int) -> dict[str, Any]:
    """The fastest of several rounds; nothing of one is left for the next."""
    runs = []
    for _ in range(rounds):
        shutil.rmtree(root / "staging", ignore_errors=True)
        runs.append(_run(name, python, root))
    return min(runs, key=lambda run: run["seconds"])


def _run(name: str, python: str, root: Path) -> dict[str, Any]:
    script = _CONTESTANTS / _SCRIPTS[name]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [python, str(script), str(root), json.dumps(CATEGORIES)],
            stdout=output,
            cwd=Path(__file__).resolve().parents[1],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        )
        peak = _watch(process)
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"{name} ended with {process.returncode}")
        output.seek(0)
        answer = json.loads(output.read().decode().splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "processor seconds": processor, "megabytes": peak / 1e6, "answer": answer}


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process; the most memory that it and its children had resident together, bytes."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(peak_bytes, _family(process.pid))))
        time.sleep(0.02)
    return peak


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _table(found: dict[str, dict[str, Any]], rows: int) -> Table:
    table = Table("", title=f"{rows:,} label rows: whole processes, the best round")
    for column in ("seconds", "of the processors", "peak memory (MB)"):
        table.add_column(column, justify="right")
    for name, one in found.items():
        table.add_row(name, f"{one['seconds']:.2f}", f"{one['processor seconds']:.2f}", f"{one['megabytes']:,.0f}")
    return table


if __name__ == "__main__":
    main()
