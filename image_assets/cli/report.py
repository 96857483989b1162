"""The command `image-assets report`: a page with plots, of the images or of the model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from image_assets.cli.options import FILE, dataset_option, store_option, to_read
from image_assets.cli.printing import say, write
from image_assets.cli.words import Command

_OUT = "the page: one HTML file; of a model, .md is its card, .json its mistakes"


@click.command(
    cls=Command, examples=["image-assets report --out images.html", "image-assets report --of model --out model.html"]
)
@dataset_option
@store_option
@click.option(
    "--of",
    type=click.Choice(("images", "model")),
    default="images",
    help="default images; model: as its training left it",
)
@click.option("--out", required=True, metavar="FILE", type=FILE, help=_OUT)
def report(dataset: str, store: str, of: str, out: Path) -> int:
    """What the images look like, or how good the model is: a page with plots."""
    return _of_model(dataset, store, out) if of == "model" else _of_images(dataset, store, out)


def _of_images(dataset: str, store: str, out: Path) -> int:
    from image_assets.exploration.annotations import annotations_of
    from image_assets.exploration.report import make_report

    spec, opened = to_read(dataset, store)
    made = make_report(spec, opened, annotations_of(spec, opened))
    write(out, made.html)
    say(f"{made.figures['images']:,} images: {out}")
    return 0


def _of_model(dataset: str, store: str, out: Path) -> int:
    from image_assets.classifier.report.places import newest_name, read_report

    spec, opened = to_read(dataset, store)
    if out.suffix == ".json":
        from image_assets.answers.mistakes import mistakes_in_report

        write(out, json.dumps(mistakes_in_report(spec, opened).as_json(), indent=1) + "\n")
    else:
        write(out, read_report(opened.objects(), spec.name, newest_name("md" if out.suffix == ".md" else "html")))
    say(f"the newest model: {out}")
    return 0
