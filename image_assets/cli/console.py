"""The command `image-assets console`: pages and an API, in the browser and for programs."""

from __future__ import annotations

import click

from image_assets.cli.options import (
    WholeNumber,
    dataset_option,
    json_option,
    landing_if_known_option,
    store_option,
    to_read,
)
from image_assets.cli.printing import say, tell
from image_assets.cli.words import Command

_PORT = 9797


@click.command(cls=Command, examples=["image-assets console", "image-assets console --port 0 --json"])
@dataset_option
@store_option
@landing_if_known_option
@click.option(
    "--port", type=WholeNumber(0, "a port"), default=_PORT, metavar="N", help=f"0: one that is free; default {_PORT}"
)
@json_option
def console(dataset: str, store: str, landing: str | None, port: int, *, as_json: bool) -> int:
    """Show the platform in the browser, and classify.

    It answers this machine alone, until it is stopped.
    """
    from image_assets.console.app import ConsoleSettings, console_app
    from image_assets.console.guard import token_of
    from image_assets.console.health import Now
    from image_assets.console.server import listening_socket, serve
    from image_assets.environment import CONSOLE_TOKEN
    from image_assets.orchestration.current_status import current_status

    token = token_of(CONSOLE_TOKEN.said)
    spec, opened = to_read(dataset, store)

    def ask() -> Now:
        now = current_status(spec, opened, landing)
        return Now(now.status, now.unknown, now.running)

    app = console_app(ConsoleSettings(spec, opened, ask, token))
    with listening_socket(port) as listening:
        url = "http://{}:{}".format(*listening.getsockname())
        report = {"dataset": spec.name, "url": url, "link": f"{url}/enter?token={token}", "token": token}

        def started() -> None:
            tell(report, f"{spec.name}: {report['link']}", as_json=as_json)
            if not as_json:
                say("stop with Ctrl-C", to_stderr=True)

        serve(app, listening, started)
    return 0
