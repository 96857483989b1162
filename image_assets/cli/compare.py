"""The command `image-assets compare`: which family of classifiers is best, settings and all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from image_assets.cli.options import FILE, WholeNumber, dataset_option, json_option, store_option, to_write, together
from image_assets.cli.printing import check_writable, print_json, say, write
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.classifier.comparing.nested import Comparison
    from image_assets.classifier.comparing.nested_report import Compared

_REFUSED = 2


def _asked(folds: int, with_held_out: bool, no_colours: bool) -> Comparison:
    from image_assets.classifier.comparing.nested import Comparison

    return Comparison(folds, with_held_out=with_held_out, colours=not no_colours)


_comparison_options = together(
    "asked",
    _asked,
    click.option("--folds", type=WholeNumber(2, "folds"), default=5, metavar="N", help="outer folds; default 5"),
    click.option("--all", "with_held_out", is_flag=True, help="the held-out images too: to report, not to choose by"),
    click.option("--no-colours", is_flag=True, help="without the colour features beside"),
)


@click.command(cls=Command, examples=["image-assets compare --csv compared.csv"])
@dataset_option
@store_option
@_comparison_options
@click.option("--csv", metavar="FILE", type=FILE, help="write every fold into this file")
@click.option("--plot", metavar="FILE", type=FILE, help="write the plot into this PNG file")
@json_option
def compare(dataset: str, store: str, asked: Comparison, csv: Path | None, plot: Path | None, *, as_json: bool) -> int:
    """Which family of classifiers is best: nested cross-validation."""
    from image_assets.classifier.comparing.comparison import compare_families
    from image_assets.classifier.comparing.nested_report import nested_frame, nested_plot
    from image_assets.classifier.training.train import NotTrainableError
    from image_assets.features.table import MixedExtractors
    from image_assets.resources.progress import TerminalProgress, terminal_console

    check_writable(csv, plot)
    (spec, opened), console = to_write(dataset, store), terminal_console(sys.stderr if as_json else sys.stdout)
    try:
        with TerminalProgress(console).track("compare the families", "candidates") as progress:
            compared = compare_families(spec, opened, asked, progress)
    except (NotTrainableError, MixedExtractors) as error:
        say(f"error: {error}", to_stderr=True)
        return _REFUSED
    scoring, folds = spec.classifier.selection.scoring, nested_frame(compared)
    if as_json:
        print_json({"dataset": spec.name, "scoring": scoring, "folds": folds.to_dicts()})
    else:
        show_comparison(console, compared, scoring)
    if csv:
        write(csv, folds.write_csv())
    if plot:
        write(plot, nested_plot(compared, scoring))
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
