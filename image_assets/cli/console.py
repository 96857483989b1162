"""The command `image-assets console`: pages and an API, in the browser and for programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
from image_assets.cli.share import address_of
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.answers.now import Now

_PORT = 9797
_LANDING_SECONDS = 20
"""Pages are asked for one after the other; what arrives is told soon enough."""
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


@click.command(cls=Command, examples=["image-assets console", "image-assets console --port 0 --json"])
@dataset_option
@store_option
@landing_if_known_option
@click.option(
    "--port", type=WholeNumber(0, "a port"), default=_PORT, metavar="N", help=f"0: one that is free; default {_PORT}"
)
@click.option(
    "--name", "names", multiple=True, metavar="HOST", help="a name that a proxy has for all of it; may be repeated"
)
@json_option
def console(dataset: str, store: str, landing: str | None, port: int, names: tuple[str, ...], *, as_json: bool) -> int:
    """Show the platform in the browser, and classify.

    It answers this machine alone, until it is stopped.
    """
    from image_assets.console.app import ConsoleSettings, console_app
    from image_assets.console.guard import LOOPBACK, token_of
    from image_assets.console.server import listening_socket, serve
    from image_assets.console.shares import log_downloads
    from image_assets.environment import CONSOLE_TOKEN, SHARE_URL
    from image_assets.orchestration.current_status import current_status

    token = token_of(CONSOLE_TOKEN.said)
    spec, opened = to_read(dataset, store)

    def ask() -> Now:
        return current_status(spec, opened, landing, _LANDING_SECONDS)

    hosts = (*LOOPBACK, *(host_of(one) for one in names))
    links_under = urlsplit(address_of(SHARE_URL.value)).hostname or ""
    app = console_app(ConsoleSettings(spec, opened, ask, token, hosts=hosts, share_hosts=[links_under]))
    log_downloads()
    with listening_socket(port) as listening:
        url = "http://{}:{}".format(*listening.getsockname())
        # One that somebody chose is known to them, and what a service prints is kept by others.
        new = None if CONSOLE_TOKEN.said else token
        link = f"{url}/enter?token={new}" if new else f"{url}/"
        report = {"dataset": spec.name, "url": url, "link": link, "token": new}

        def started() -> None:
            tell(report, f"{spec.name}: {link}", as_json=as_json)
            if not as_json:
                say("stop with Ctrl-C", to_stderr=True)

        serve(app, listening, started)
    return 0


def host_of(said: str) -> str:
    """A host's name as requests have it, in lower case. Raises `click.UsageError` where it is none."""
    if not _HOST.fullmatch(said.lower()):
        told = f"--name {said!r}: expected a host's name alone, as console.example.org"
        raise click.UsageError(told, click.get_current_context())
    return said.lower()
