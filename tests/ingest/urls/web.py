"""A small web server for the tests, on loopback, that answers byte by byte as a test wants it to."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A running server: what it answers per path, and what it was asked.

    Attributes:
        pages: Path (with query) → what is written; anything else gets a 404.
        fallback: Asked for what is in no page.
        requests: How often each path was asked for.
        connections: How many were made.
        headers: The header lines of the last request per path.
        at_a_time: Requests that were being answered side by side, at most.
    """

    port: int = 0
    pages: dict[str, Answer] = field(default_factory=dict)
    fallback: Callable[[str], Answer | None] = lambda _: None
    requests: Counter[str] = field(default_factory=Counter)
    headers: dict[str, list[str]] = field(default_factory=dict)
    connections: int = 0
    at_a_time: int = 0
    _now: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            self.requests[path] += 1
            self.headers[path] = head[1:-2]
            self._now += 1
            self.at_a_time = max(self.at_a_time, self._now)
            try:
                answer = self.pages.get(path) or self.fallback(path) or status(404)
                await answer(writer)
                await writer.drain()
            finally:
                self._now -= 1
        writer.close()


@contextmanager
def running(site: Site, host: str = "127.0.0.1") -> Iterator[Site]:
    """Serve a site from a thread until the block ends."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(site.serve, host, site.port))
    site.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def content(body: bytes, code: str = "200 OK", **headers: str) -> Answer:
    """A whole answer; headers' `_` become `-`."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = {"Content-Length": str(len(body)), "Connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {code}\r\n{head}\r\n".encode("latin-1") + body)

    return answer


def status(code: int, **headers: str) -> Answer:
    """An error of this status."""
    return content(b"<html>an error page</html>", f"{code} So", **headers)


def redirect(target: str, code: int = 302) -> Answer:
    return content(b"", f"{code} Found", Location=target)


def in_turn(*answers: Answer) -> Answer:
    """A different answer every time; the last one for ever."""
    left = list(answers)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(writer)

    return answer


def endless(piece: bytes, seconds: float, head: bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n") -> Answer:
    """A body that never ends: a piece, a pause, a piece …"""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return answer


def cut_off(promised: int, body: bytes) -> Answer:
    """Fewer bytes than promised, then the connection ends."""
    return content(body, Content_Length=str(promised))


def slow(inner: Answer, seconds: float) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await inner(writer)

    return answer
