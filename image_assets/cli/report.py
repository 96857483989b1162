"""The command `image-assets report`: a page with plots, of the images or of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import (
    FILE,
    dataset_option,
    json_option,
    model_option,
    refuse_nothing,
    store_option,
    to_read,
)
from image_assets.cli.printing import check_writable, tell, write
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec
    from image_assets.model_assets import ModelAsset
    from image_assets.store.store import Store

_OUT = "one HTML file; of the classifier also its card as .md, its mistakes as .json; default: as --of, as model.html"


@click.command(
    cls=Command,
    examples=[
        "image-assets report",
        "image-assets report --of model --out card.md",
        "image-assets report --of model --model cnn_classifier",
    ],
)
@dataset_option
@store_option
@click.option(
    "--of",
    metavar="WHAT",
    type=click.Choice(("images", "model", "denoising")),
    default="images",
    help="images, which is the default; model or denoising: as the training left it",
)
@model_option
@json_option
@click.option("--out", metavar="FILE", type=FILE, help=_OUT)
def report(dataset: str, store: str, of: str, asset: ModelAsset | None, out: Path | None, *, as_json: bool) -> int:
    """What the images look like, or how good a model is: a page with plots."""
    if asset and of != "model":
        raise click.UsageError("--model says of which model: it goes with --of model", click.get_current_context())
    page = out or Path(f"{of}.html")
    if of != "model" and page.suffix in (".md", ".json"):
        raise click.UsageError(f"--of {of} is a page, and no {page.suffix}", click.get_current_context())
    check_writable(page)
    places = to_read(dataset, store)
    match of:
        case "model":
            content, what = _of_model(*places, asset or places[0].predictions.model, page)
        case "denoising":
            content, what = _of_denoising(*places)
        case _:
            content, what = _of_images(*places)
    write(page, content)
    tell({"of": of, "file": str(page)}, f"{what}: {page}", as_json=as_json)
    return 0


def _of_images(dataset: DatasetSpec, store: Store) -> tuple[str, str]:
    from image_assets.exploration.annotations import annotations_of
    from image_assets.exploration.report import make_report

    refuse_nothing(dataset, store)
    made = make_report(dataset, store, annotations_of(dataset, store))
    return made.html, f"{made.figures['images']:,} images"


def _of_model(dataset: DatasetSpec, store: Store, asset: ModelAsset, page: Path) -> tuple[str | bytes, str]:
    from image_assets.classifier.report.places import newest_name, read_report
    from image_assets.predictions.asked import check_trained

    check_trained(dataset, asset)
    if asset == "cnn_classifier":
        if page.suffix in (".md", ".json"):
            raise click.UsageError(f"a network has a page, and no {page.suffix}", click.get_current_context())
        return read_report(store.objects(), dataset.name, newest_name("html", asset), asset), "the newest network"
    if page.suffix == ".json":
        from image_assets.answers.mistakes import mistakes_in_report

        return json.dumps(mistakes_in_report(dataset, store).as_json(), indent=1) + "\n", "the newest model"
    name = newest_name("md" if page.suffix == ".md" else "html")
    return read_report(store.objects(), dataset.name, name), "the newest model"


def _of_denoising(dataset: DatasetSpec, store: Store) -> tuple[bytes, str]:
    from image_assets.classifier.report.places import newest_name, read_report
    from image_assets.networks.denoising.record import DENOISING

    name = newest_name("html", DENOISING)
    return read_report(store.objects(), dataset.name, name, DENOISING), "the newest denoising network"
