"""The command `image-assets compare`: which family of classifiers is best, settings and all."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from image_assets.classifier.comparing.nested_report import Compared

_REFUSED = 2


def add_compare_command(commands: Any) -> None:
    """Add `compare` to the subparsers of a command line."""
    compare = commands.add_parser("compare", help="which family of classifiers is best: nested cross-validation")
    compare.add_argument("--dataset", required=True, metavar="FILE", help="dataset file, or the name of a bundled one")
    compare.add_argument("--store", required=True, metavar="URL", help="a folder or s3://bucket/prefix")
    compare.add_argument("--folds", type=_folds, default=5, metavar="N", help="outer folds; default 5")
    compare.add_argument("--all", action="store_true", help="the held-out images too: to report, not to choose by")
    compare.add_argument("--no-colours", action="store_true", help="without the colour features beside")
    compare.add_argument("--csv", metavar="FILE", type=Path, help="write every fold into this file")
    compare.add_argument("--plot", metavar="FILE", type=Path, help="write the plot into this PNG file")
    compare.set_defaults(command=_compare)


def _folds(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of folds; expected at least 2")
    return int(text)


def _compare(options: argparse.Namespace) -> int:
    from image_assets.classifier.comparing.comparison import compare
    from image_assets.classifier.comparing.nested_report import nested_frame, nested_plot
    from image_assets.classifier.training.train import NotTrainableError
    from image_assets.dataset import load_dataset
    from image_assets.features.table import MixedExtractors
    from image_assets.resources.progress import TerminalProgress, terminal_console
    from image_assets.store.store import Store

    dataset, console = load_dataset(options.dataset), terminal_console(sys.stdout)
    try:
        with TerminalProgress(console).track("compare the families", "candidates") as progress:
            compared = compare(
                dataset,
                Store.to_write(options.store),
                outer_folds=options.folds,
                with_held_out=options.all,
                colours=not options.no_colours,
                progress=progress,
            )
    except (NotTrainableError, MixedExtractors) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return _REFUSED
    scoring = dataset.classifier.selection.scoring
    show_comparison(console, compared, scoring)
    if options.csv:
        nested_frame(compared).write_csv(options.csv)
    if options.plot:
        options.plot.write_bytes(nested_plot(compared, scoring))
    return 0


def show_comparison(console: Console, compared: Compared, scoring: str) -> None:
    """Print a table per kind of features, the best family first, and the settings that most outer folds chose."""
    for features, results in compared.items():
        folds = len(results[0].folds)
        table = Table(title=f"{features}: {scoring.replace('_', ' ')} on {folds} outer folds", title_justify="left")
        table.add_column("family", no_wrap=True)
        for column in ("mean", "deviation", "optimism"):
            table.add_column(column, justify="right", no_wrap=True)
        for one in results:
            table.add_row(one.family, f"{one.mean:.4f}", f"{one.deviation:.4f}", f"{one.optimism:+.4f}")
        console.print(table)
        for one in results[:-1]:
            candidate, count = one.chosen()[0]
            console.print(f"{candidate}: in {count} of {folds} folds", markup=False, highlight=False, soft_wrap=True)
