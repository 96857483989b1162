"""A console that is really served: uvicorn on a free port of this machine, in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx

from image_assets.console.app import ConsoleSettings, console_app
from image_assets.console.body import Bounds
from image_assets.console.server import listening_socket, server_of
from image_assets.orchestration.current_status import current_status
from tests.platform import Platform

TOKEN = "a-token-of-the-tests"
BEARER = {"authorization": f"Bearer {TOKEN}"}


def settings_of(platform: Platform, **changes: object) -> ConsoleSettings:
    settings = ConsoleSettings(
        platform.dataset,
        platform.store,
        lambda: current_status(platform.dataset, platform.store, str(platform.landing)),
        TOKEN,
        search_folder=platform.root / "search index",
    )
    return replace(settings, **changes)  # pyright: ignore[reportArgumentType]


@contextmanager
def served(settings: ConsoleSettings, *, ready: bool = True) -> Iterator[httpx.Client]:
    """A client of a console of its own. It asks by the console's URL alone, so paths are enough."""
    with listening_socket(0) as listening:
        url = "http://{}:{}".format(*listening.getsockname())
        begun = threading.Event()
        server = server_of(console_app(settings), begun.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert begun.wait(60)
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                while ready and client.get("/readyz").status_code != 200:
                    time.sleep(0.05)
                yield client
        finally:
            server.should_exit = True
            thread.join()


def bounds(**changes: float) -> Bounds:
    return replace(Bounds(), **changes)  # pyright: ignore[reportArgumentType]
