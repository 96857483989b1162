"""The command `image-assets predict`: what the current model takes files for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from image_assets.cli.options import FILE, dataset_option, json_option, model_option, store_option, to_read
from image_assets.cli.printing import print_json
from image_assets.cli.words import Command
from image_assets.reports.tables import plain_table, show_table
from image_assets.terminal import terminal
from image_assets.wording import printable_text

if TYPE_CHECKING:
    from image_assets.model_assets import ModelAsset
    from image_assets.predict.answer import Answer


@click.command(
    cls=Command,
    examples=[
        "image-assets predict new.jpg",
        "image-assets predict --json one.jpg two.png",
        "image-assets predict --model cnn_classifier new.jpg",
    ],
    failed="a file is no picture that would be loaded",
)
@dataset_option
@store_option
@model_option
@json_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE, help="a picture")
def predict(dataset: str, store: str, asset: ModelAsset | None, files: tuple[Path, ...], *, as_json: bool) -> int:
    """What the current model takes pictures for, or why a file is none that would be loaded."""
    from image_assets.predict.answer import NoImage
    from image_assets.predict.predictor import Predictor

    answers = list(Predictor(*to_read(dataset, store), asset).answers(file.read_bytes() for file in files))
    if as_json:
        told = [{"file": str(file), **answer.as_json()} for file, answer in zip(files, answers, strict=True)]
        print_json({"answers": told})
    else:
        _show(files, answers)
    return 1 if any(isinstance(answer, NoImage) for answer in answers) else 0


def _show(files: Iterable[Path], answers: Iterable[Answer]) -> None:
    from image_assets.predict.answer import NoImage

    table = plain_table("file", "category", "probability", "familiarity", "model", folded=True)
    for file, answer in zip(files, answers, strict=True):
        name = escape(printable_text(str(file)))
        if isinstance(answer, NoImage):
            table.add_row(name, escape(f"{answer.reason}: {answer.detail}"), "–", "–", "–")
        else:
            category = f"{answer.category} (unknown)" if answer.unknown else answer.category
            familiarity = "–" if answer.familiarity is None else f"{answer.familiarity:.4f}"
            shown = (escape(category), f"{answer.probability:.4f}", familiarity, f"{answer.asset} {answer.model[:12]}")
            table.add_row(name, *shown)
    show_table(terminal(), table)
