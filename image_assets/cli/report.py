"""The command `image-assets report`: a page with plots, of the images or of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import FILE, dataset_option, json_option, store_option, to_read
from image_assets.cli.printing import tell, write
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec
    from image_assets.store.store import Store

_OUT = "the page, one HTML file; of a model, .md is its card, .json its mistakes; default images.html or model.html"


@click.command(cls=Command, examples=["image-assets report", "image-assets report --of model --out card.md"])
@dataset_option
@store_option
@click.option(
    "--of",
    type=click.Choice(("images", "model")),
    default="images",
    help="default images; model: as its training left it",
)
@json_option
@click.option("--out", metavar="FILE", type=FILE, help=_OUT)
def report(dataset: str, store: str, of: str, out: Path | None, *, as_json: bool) -> int:
    """What the images look like, or how good the model is: a page with plots."""
    page = out or Path(f"{of}.html")
    page_of = _of_model if of == "model" else _of_images
    content, what = page_of(*to_read(dataset, store), page)
    write(page, content)
    tell({"of": of, "file": str(page)}, f"{what}: {page}", as_json=as_json)
    return 0


def _of_images(dataset: DatasetSpec, store: Store, page: Path) -> tuple[str, str]:
    from image_assets.exploration.annotations import annotations_of
    from image_assets.exploration.report import make_report

    del page
    made = make_report(dataset, store, annotations_of(dataset, store))
    return made.html, f"{made.figures['images']:,} images"


def _of_model(dataset: DatasetSpec, store: Store, page: Path) -> tuple[str | bytes, str]:
    from image_assets.classifier.report.places import newest_name, read_report

    if page.suffix == ".json":
        from image_assets.answers.mistakes import mistakes_in_report

        return json.dumps(mistakes_in_report(dataset, store).as_json(), indent=1) + "\n", "the newest model"
    name = newest_name("md" if page.suffix == ".md" else "html")
    return read_report(store.objects(), dataset.name, name), "the newest model"
