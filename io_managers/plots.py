"""Where plots are kept: `<store>/<dataset>/plots`, and how the Dagster UI shows them."""

import base64

import dagster as dg

from io_managers.store import Store


def save_plot(store: Store, dataset: str, name: str, png: bytes) -> dg.MarkdownMetadataValue:
    """Keep a PNG as `plots/<name>.png`; what is returned shows it in the UI."""
    store.objects(dataset, "plots").put(f"{name}.png", png)
    return dg.MetadataValue.md(f"![{name}](data:image/png;base64,{base64.b64encode(png).decode()})")
