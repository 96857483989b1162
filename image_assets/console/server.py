"""Serves the application on this machine until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from threading import Event, Thread

import uvicorn
from starlette.types import ASGIApp

from image_assets.errors import UsageError

HOST = "127.0.0.1"
"""No other machine reaches it; where others are to, a proxy says who may."""
_WAITING = 128
_KEEP_ALIVE_SECONDS, _LAST_SECONDS = 10, 10
_CONNECTIONS = 512


def listening_socket(port: int) -> socket.socket:
    """A socket of this machine.

    Args:
        port: 0 for one that is free.

    Raises:
        UsageError: it is taken, or may not be used.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(_WAITING)
    except OSError as error:
        found.close()
        raise UsageError(f"{HOST}:{port} cannot be listened on: {error.strerror}; choose another with --port") from None
    return found


def serve(app: ASGIApp, listening: socket.socket, started: Callable[[], None] = lambda: None) -> None:
    """Answer until the main thread is interrupted; what is being answered then is answered.

    Args:
        app: The application.
        listening: Where requests come.
        started: Called once they are answered.
    """
    server, ended = server_of(app, started), Event()

    def run() -> None:
        try:
            server.run(sockets=[listening])
        finally:
            ended.set()

    # In a thread of its own: the library takes signals for itself in the main one, and which came is then not known.
    Thread(target=run, name="console").start()
    try:
        ended.wait()  # a join that a signal has ended takes the thread for ended too (Python 3.11)
    finally:
        server.should_exit = True
        ended.wait()


def server_of(app: ASGIApp, started: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """The server, as `serve` runs it."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    return _Server(config, started)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the library's, and then it is told."""
        await super().startup(sockets)
        if not self.should_exit:
            self._started()
