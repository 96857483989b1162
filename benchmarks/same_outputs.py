"""`python -m benchmarks.same_outputs COMMIT`: whether the sample gives the same outputs as with the code of a commit.

The sample's two days, which `make demo` runs, are run by the code of the commit and by that of this tree, from one
landing zone, each into a store of its own. What is deterministic is compared bit for bit: the tables, shards, models,
manifests, reports and pictures, and what the checks found. A difference that is meant is declared here, with its
reason.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from rich.console import Console

from benchmarks.same_stores import Declared, compare, show
from image_assets.dataset import BUNDLED
from image_assets.sample import SampleError, write_sample

_HERE = Path(__file__).resolve().parents[1]
_DATASET = "sample"
_CACHE = "IMAGE_ASSETS_CACHE"

# What is meant to differ, and since which commit: runs of it and of what came later have it on both sides.
DECLARED = (
    Declared("accounting", "columns companions, unplaced", "what lies beside the pictures is accounted for", "575c312"),
    Declared("label_suspects", "rows", "suspects are judged by models that saw no lookalike of theirs", "58e64e3"),
    Declared("manifests of models", "model_format", "a manifest says what its model's files are", "a45d74d"),
    Declared("manifests of models", "seal", "it is taken over the format too", "a45d74d"),
    Declared("checks", "files", "what checks found is kept in the store", "63b3a1c"),
    Declared("plots", "embedding.png", "pictures are drawn in one palette", "b829fee"),
    Declared("plots", "model_history.png", "pictures are drawn in one palette", "b829fee"),
    Declared("plots", "confusion.png", "page and asset share one drawing, with shares", "70b190a"),
    Declared("plots", "accounting.png", "bars of days share one axis, with grid lines", "381ca66"),
)


def main() -> None:
    """Run both, compare, print; exit status 1 where something differs and is not declared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_outputs", description=__doc__)
    parser.add_argument("before", metavar="COMMIT", help="whose outputs are to be the same")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console, work = Console(), options.work.resolve() / "same-outputs"
    asked = f"{options.before}^{{commit}}"
    commit = _git("rev-parse", "--verify", "--quiet", asked, failed=f"no such commit: {options.before}")
    shutil.rmtree(work, ignore_errors=True)
    days = _land(work)
    with _checked_out(commit) as code:
        for side, its_code in (("before", code), ("after", _HERE)):
            with console.status(f"{side}: the sample's days"):
                _run(work, side, its_code, days)
    stores = [work / side / "store" / _DATASET for side in ("before", "after")]
    expected = [one for one in DECLARED if not _is_in(one.since, commit)]
    raise SystemExit(show(compare(*stores), expected, console, f"{options.before} and this tree"))


def _land(work: Path) -> tuple[dt.date, dt.date]:
    """Land the sample, and write the dataset file: its two days are over by now, as the demo's are."""
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)
    days = first, first + dt.timedelta(days=1)
    try:
        write_sample(work / "landing", days)
    except SampleError as error:
        raise SystemExit(str(error)) from None
    content = yaml.safe_load((BUNDLED / f"{_DATASET}.yaml").read_text(encoding="utf-8"))
    (work / "dataset.yaml").write_text(yaml.safe_dump({**content, "start_day": first}, sort_keys=False), "utf-8")
    return days


def _run(work: Path, side: str, code: Path, days: Sequence[dt.date]) -> None:
    home = work / side / "dagster"
    home.mkdir(parents=True)
    inherited = os.environ.items()
    kept = {name: value for name, value in inherited if name == _CACHE or not name.startswith("IMAGE_ASSETS_")}
    # Old code has its top-level packages at its root: they are found there too.
    environment = {**kept, "PYTHONPATH": str(code), "DAGSTER_HOME": str(home)}
    where = _process(work, environment, "-c", "import image_assets; print(image_assets.__file__)").strip()
    if not Path(where).is_relative_to(code):
        raise SystemExit(f"{side}: {where} would be run instead of the code in {code}")
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", f"{side}/store"]
    for day in days:
        _process(work, environment, "-m", "image_assets.cli", "run", *places, "--day", day.isoformat())


def _process(work: Path, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    run = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {run.returncode}:\n{(run.stdout + run.stderr)[-3000:]}")
    return run.stdout


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    """The code of a commit, in a temporary worktree."""
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder).resolve() / "code"
        _git("worktree", "add", "--quiet", "--detach", str(code), commit)
        try:
            yield code
        finally:
            _git("worktree", "remove", "--force", str(code))


def _is_in(one: str, commit: str) -> bool:
    """Whether `commit` is `one` or came after it."""
    command = ["git", "-C", str(_HERE), "merge-base", "--is-ancestor", one, commit]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _git(*arguments: str, failed: str = "") -> str:
    run = subprocess.run(["git", "-C", str(_HERE), *arguments], check=False, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(failed or f"git {' '.join(arguments)}: {run.stderr.strip()}")
    return run.stdout.strip()


if __name__ == "__main__":
    main()
