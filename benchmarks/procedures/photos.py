"""`python -m benchmarks.procedures.photos`: plants, animals and humans by five families, nested cross-validation.

The photos are landed and run by the platform, with the embedded extractor; then the families are compared as
`image-assets compare --all` does it, beside colour features alone. Scores are kept in the store, so a run that was
stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from pathlib import Path

from rich.console import Console

from benchmarks.extraction.inputs import PHOTOS
from image_assets.classifier.comparing.comparison import compare_families
from image_assets.classifier.comparing.nested import Comparison
from image_assets.classifier.comparing.nested_report import nested_frame, nested_plot
from image_assets.classifier.places import current_manifest
from image_assets.cli.compare import show_comparison
from image_assets.cli.deployment import Deployment
from image_assets.cli.summary import show_day
from image_assets.dataset import DatasetSpec, load_dataset
from image_assets.resources.progress import TerminalProgress
from image_assets.settings.classifier import Classifier
from image_assets.store.store import Store

_DAY = dt.date(2026, 11, 3)
GRIDS = Classifier.model_validate(
    {
        "candidates": [
            {"kind": "logistic_regression", "regularisation": [0.001, 0.01, 0.1], "max_iterations": 300},
            {"kind": "logistic_regression", "regularisation": [0.01], "l1_ratio": [0.5], "max_iterations": 100},
            {"kind": "support_vector_machine", "c": [1, 10], "gamma": ["scale"]},
            {"kind": "support_vector_machine", "c": [0.001, 0.01], "kernel": ["linear"]},
            {"kind": "random_forest", "trees": [200], "min_leaf": [1, 3]},
            {"kind": "gradient_boosting", "rounds": [30], "leaves": [7], "learning_rate": [0.1, 0.3]},
            {"kind": "neural_network", "hidden": [[100]], "alpha": [0.001, 1], "max_iterations": 60},
        ],
        "selection": {"folds": 3},
    }
)


def main() -> None:
    """Run the procedure, print its table, write CSV and plot into the work folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.procedures.photos", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder with a folder per category")
    parser.add_argument("--workers", type=int, help="processes; default: one per core")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks/photos"), help="where everything is kept")
    options = parser.parse_args()
    console, dataset = Console(), load_dataset("kingdoms")
    store = Store(str(options.work / "store"))
    if current_manifest(dataset, store) is None:
        _run(dataset, options.photos, options.work, console)
    asked = dataset.model_copy(update={"classifier": GRIDS})
    with TerminalProgress(console).track("compare the families", "candidates") as progress:
        compared = compare_families(asked, store, Comparison(with_held_out=True, workers=options.workers), progress)
    show_comparison(console, compared, GRIDS.selection.scoring)
    nested_frame(compared).write_csv(options.work / "nested.csv")
    (options.work / "nested.png").write_bytes(nested_plot(compared, GRIDS.selection.scoring))


def _run(dataset: DatasetSpec, photos: Path, work: Path, console: Console) -> None:
    day = work / "landing" / _DAY.isoformat()
    day.mkdir(parents=True, exist_ok=True)
    for category in dataset.categories:
        if not (photos / category).is_dir():
            raise SystemExit(f"{photos} has no folder {category}; name another folder with --photos")
        if not (day / category).exists():
            shutil.copytree(photos / category, day / category)
    with Deployment(dataset, str(work / "landing"), str(work / "store"), console) as deployment:
        report = deployment.run(_DAY)
    show_day(report, console)
    if report.result.errors:
        raise SystemExit("\n".join(report.result.errors))


if __name__ == "__main__":
    main()
