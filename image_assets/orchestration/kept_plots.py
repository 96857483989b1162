"""Where plots are kept: `<store>/<dataset>/plots`, and how the Dagster UI shows them."""

import io

import dagster as dg
from PIL import Image

from image_assets.markdown import markdown_image
from image_assets.pages.places import PLOTS
from image_assets.store.store import Store

_COLOURS = 64


def save_plot(store: Store, dataset: str, name: str, png: bytes) -> dg.MarkdownMetadataValue:
    """Keep a PNG as `plots/<name>.png`; what is returned shows it in the UI."""
    store.objects(dataset, PLOTS).put(f"{name}.png", png)
    return dg.MetadataValue.md(markdown_image(_small(png), name, "webp"))


def _small(png: bytes) -> bytes:
    """The picture for the UI, a third as large: it is kept anew with every materialisation."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few_colours = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        few_colours.convert("RGB").save(small, "WEBP", lossless=True, quality=100)
    return small.getvalue()
