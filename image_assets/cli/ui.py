"""The command `image-assets ui`: the Dagster UI of a project."""

from __future__ import annotations

import click

from image_assets.cli.options import WholeNumber, datasets_option, json_option, landing_option, store_option
from image_assets.cli.printing import say, tell
from image_assets.cli.words import Command

_PORT = "of 127.0.0.1; default: 3000, or any where that is taken"


@click.command(
    cls=Command, examples=["image-assets ui", "image-assets ui --port 3100"], failed="Dagster ended by itself"
)
@datasets_option
@landing_option
@store_option
@click.option("--port", type=WholeNumber(1, "ports"), metavar="PORT", help=_PORT)
@json_option
def ui(dataset: tuple[str, ...], landing: str, store: str, port: int | None, *, as_json: bool) -> int:
    """Show lineage, runs, checks and plots in a browser, until Ctrl-C.

    What runs by itself, as at 07:00, does so for as long as it is up.
    """
    from image_assets.orchestration.ui import UiEnded, dagster_ui

    say("starting the UI, which takes some seconds", to_stderr=True)
    try:
        with dagster_ui(dataset, landing, store, port) as shown:
            told = {"address": shown.address, "datasets": [*dataset]}
            tell(told, f"the UI is up: {shown.address} (Ctrl-C ends it)", as_json=as_json)
            shown.wait()
    except UiEnded as ended:
        say(f"error: {ended}", to_stderr=True)
    return 1
