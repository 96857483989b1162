"""`python -m benchmarks.same_outputs [COMMIT]`: whether the sample gives the same outputs as with a commit's code.

The sample's two days, which `make demo` runs, are run by the code of the commit and by that of this tree, from one
landing zone, each into a store of its own. What is deterministic is compared bit for bit: the tables, shards, models,
manifests, reports and pictures, and what the checks found. Both dataset files name the extractor that was the default
once; other defaults that have changed since are set back in this tree's. A difference that is meant is declared here,
with its reason; what there was nothing of before is told as new.

Every day that is done is kept: whoever was stopped goes on at the day that was being run, and the commit's days are run
once. Code of both sides is a copy, of which git knows nothing and which nobody edits meanwhile.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from benchmarks.same_stores import Declared, compare, show
from image_assets.dataset import BUNDLED
from image_assets.interrupts import terminated_as_interrupted
from image_assets.sample import SampleError, write_sample

_HERE = Path(__file__).resolve().parents[1]
_CODE = ("image_assets", "resources", "io_managers", "asset_checks")
_DATASET = "sample"
_CACHE = "IMAGE_ASSETS_CACHE"

BEFORE = "164d43e"
"""The last commit before the code was put into its present order."""

# Of both sides: what the sample's dataset file names today, older code may not know.
EXTRACTOR = {"kind": "efficientnet_lite0"}

# Defaults that have changed, since which commit, and what a section of dataset files says to have it as before: this
# tree's file says so.
SET_BACK: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("e1b22c0", "classifier", {"transform": "none"}),
    ("6d14d4d", "classifier", {"by_sources": {"enabled": False}}),
    ("44aa536", "classifier", {"held_back": 0}),
)

# What is meant to differ, and since which commit: runs of it and of what came later have it on both sides.
DECLARED = (
    Declared("accounting", "columns companions, unplaced", "what lies beside the pictures is accounted for", "575c312"),
    Declared("label_suspects", "rows", "suspects are judged by models that saw no lookalike of theirs", "58e64e3"),
    Declared("manifests of models", "model_format", "a manifest says what its model's files are", "a45d74d"),
    Declared("manifests of models", "seal", "it is taken over the format too", "a45d74d"),
    Declared("manifests of models", "metrics", "how models do on sources they never saw is measured", "2aa3215"),
    Declared("manifests of models", "explanation", "it names accuracy on such sources too", "2aa3215"),
    Declared(
        "predictions", "columns familiarity", "how familiar an image looks is told, of models that know", "44aa536"
    ),
    Declared("quarantine", "detail", "formats were added, and a refusal lists them all", "24f5015"),
    Declared("reports", "classifier*.md", "cards begin with what the model is mistaken about", "ffd52bc"),
    Declared("reports", "classifier*.html", "reports begin so too, and figures say what they mean", "c504d42"),
    Declared("embedding", "columns fit, how, seal, z", "rows say how they came to their places", "ffd4344"),
    Declared("embedding", "[xy]", "images stay where they are on the second day", "ffd4344"),
    Declared("plots", "embedding.png", "pictures are drawn in one palette", "b829fee"),
    Declared("plots", "model_history.png", "pictures are drawn in one palette", "b829fee"),
    Declared("plots", "confusion.png", "page and asset share one drawing, with shares", "70b190a"),
    Declared("plots", "classifier_reliability.png", "points on its frame are whole", "c504d42"),
    Declared("plots", "exploration.html", "figures say what they mean", "8fb4ecb"),
    Declared("plots", "accounting.png", "bars of days share one axis, with grid lines", "381ca66"),
)


@dataclass(frozen=True)
class Side:
    """The code of a commit or of this tree, and the folder in which it runs the sample's days.

    Attributes:
        name: `before` or `after`.
        root: Holds a copy of the code, the dataset file, and what is there after every day that is done.
    """

    name: str
    root: Path

    @property
    def code(self) -> Path:
        """The copy of the code."""
        return self.root / "code"

    @property
    def dataset(self) -> Path:
        """The dataset file."""
        return self.root / "dataset.yaml"

    def after(self, day: dt.date) -> Path:
        """What was there after a day, once that is done: the store, and what Dagster recorded."""
        return self.root / day.isoformat()


def main() -> None:
    """Run both, compare, print; exit status 1 where something differs and is not declared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_outputs", description=__doc__)
    said = f"whose outputs are to be the same; default: {BEFORE}"
    parser.add_argument("before", metavar="COMMIT", nargs="?", default=BEFORE, help=said)
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    options = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    asked = f"{options.before}^{{commit}}"
    commit = (
        _git("rev-parse", "--verify", "--quiet", asked, failed=f"no such commit: {options.before}").decode().strip()
    )
    with terminated_as_interrupted() as interrupt:
        try:
            status = _same(options.work.resolve() / "same-outputs", commit, console)
        except KeyboardInterrupt:
            console.print("stopped; the days that are done are kept")
            status = interrupt.status
    raise SystemExit(status)


def _same(root: Path, commit: str, console: Console) -> int:
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)
    work, days = root / first.isoformat(), (first, first + dt.timedelta(days=1))
    _land(work, days)
    set_back = [(section, keys) for since, section, keys in SET_BACK if not _is_in(since, commit)]
    installed = sorted(f"{one.name} {one.version}" for one in distributions())
    _let_go(root, [work])
    before = Side("before", work / f"before-{_digest(commit, *installed)}")
    after = Side("after", work / f"after-{_digest(*_contents(_HERE), *installed, repr(set_back))}")
    write_dataset(before, days[0])
    write_dataset(after, days[0], *set_back)
    _let_go(work, [before.root, after.root], "before-*", "after-*")
    for side, copy in ((before, lambda code: copy_of_commit(commit, code)), (after, _copy_of_tree)):
        whole_folder(side.code, copy)
    stores = [run_days(side, days, _run, console) / "store" / _DATASET for side in (before, after)]
    expected = [one for one in DECLARED if not _is_in(one.since, commit)]
    return show(compare(*stores), expected, console, f"{commit[:7]} and this tree")


def run_days(side: Side, days: Sequence[dt.date], run: Callable[[Side, Path, dt.date], None], console: Console) -> Path:
    """Run the days that are not done yet, each from what the day before left; the folder of what the last one left."""
    there = side.root / "now"  # every day is run at one place, whose path may stand in what it writes
    for number, day in enumerate(days):
        if side.after(day).is_dir():
            console.print(f"{side.name}, {day}: done before")
            continue
        shutil.rmtree(there, ignore_errors=True)
        if number:
            shutil.copytree(side.after(days[number - 1]), there, symlinks=True)
        began = time.monotonic()
        with console.status(f"{side.name}, {day}: day {number + 1} of {len(days)}"):
            run(side, there, day)
        there.rename(side.after(day))
        console.print(f"{side.name}, {day}: done in {time.monotonic() - began:.0f} s")
    return side.after(days[-1])


def _land(work: Path, days: tuple[dt.date, dt.date]) -> None:
    """Land the sample: its two days are over by now, as the demo's are."""
    try:
        write_sample(work / "landing", days)
    except SampleError as error:
        raise SystemExit(str(error)) from None


def write_dataset(side: Side, first_day: dt.date, *set_back: tuple[str, dict[str, Any]]) -> None:
    """The sample's dataset file, with what its sections are to say besides."""
    content = yaml.safe_load((BUNDLED / f"{_DATASET}.yaml").read_text(encoding="utf-8"))
    content |= {"start_day": first_day, "extractor": EXTRACTOR}
    for section, keys in set_back:
        content[section] = {**content.get(section, {}), **keys}
    side.root.mkdir(exist_ok=True)
    side.dataset.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def _run(side: Side, there: Path, day: dt.date) -> None:
    """Run a day with a side's code, `there`: the store, and the Dagster home."""
    home, work = there / "dagster", side.root.parent
    home.mkdir(parents=True, exist_ok=True)
    inherited = os.environ.items()
    kept = {name: value for name, value in inherited if name == _CACHE or not name.startswith("IMAGE_ASSETS_")}
    # Old code has its top-level packages at its root: they are found there too.
    environment = {**kept, "PYTHONPATH": str(side.code), "DAGSTER_HOME": str(home)}
    where = _process(work, environment, "-c", "import image_assets; print(image_assets.__file__)").strip()
    if not Path(where).is_relative_to(side.code):
        raise SystemExit(f"{side.name}: {where} would be run instead of the code in {side.code}")
    places = ["--dataset", str(side.dataset), "--landing", "landing", "--store", str(there / "store")]
    _process(work, environment, "-m", "image_assets.cli", "run", *places, "--day", day.isoformat())


def _process(work: Path, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    run = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {run.returncode}:\n{(run.stdout + run.stderr)[-3000:]}")
    return run.stdout


def copy_of_commit(commit: str, folder: Path) -> None:
    """Put the code of a commit into a new folder. It is no worktree: git keeps nothing of it."""
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, *_CODE))) as archive:
        archive.extractall(folder, filter="data")


def _copy_of_tree(folder: Path) -> None:
    for name in _CODE:
        shutil.copytree(_HERE / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))


def whole_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder unless it is there; it is there once it is whole."""
    if not folder.is_dir():
        partly = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(partly, ignore_errors=True)
        partly.mkdir(parents=True)
        fill(partly)
        partly.rename(folder)


def _let_go(root: Path, keep: Sequence[Path], *patterns: str) -> None:
    """Remove what earlier calls left there of other days, or of other code."""
    for pattern in patterns or ("*",):
        for path in root.glob(pattern):
            if path not in keep:
                shutil.rmtree(path)


def _contents(tree: Path) -> Iterator[str]:
    """Names and contents of the tree's code."""
    for name in _CODE:
        for path in sorted((tree / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{path.relative_to(tree)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _digest(*lines: str) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _is_in(one: str, commit: str) -> bool:
    """Whether `commit` is `one` or came after it."""
    command = ["git", "-C", str(_HERE), "merge-base", "--is-ancestor", one, commit]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _git(*arguments: str, failed: str = "") -> bytes:
    run = subprocess.run(["git", "-C", str(_HERE), *arguments], check=False, capture_output=True)
    if run.returncode:
        raise SystemExit(failed or f"git {' '.join(arguments)}: {run.stderr.decode().strip()}")
    return run.stdout


if __name__ == "__main__":
    main()
