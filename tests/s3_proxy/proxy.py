"""A proxy before a real S3 server. What it does with a request is the matter of its `Passing`.

Requests are handed on as they came, with the name of the host that they were signed for, so that signatures hold. It is
a process of its own: a library that waits for it while it holds the interpreter lock would wait for ever.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.s3_server import S3Server

Headers = list[tuple[str, str]]
_OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}
_NOT_HANDED_ON = {"connection", "expect"}
_GONE = ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
_LIMIT = 1 << 20


@dataclass(frozen=True)
class Request:
    """A request: its method, what is asked for, and its headers."""

    method: str
    target: str
    headers: Headers

    @property
    def path(self) -> str:
        """The bucket and the key, as they are called."""
        return unquote(urlsplit(self.target).path)

    @property
    def key(self) -> str:
        """The key within the bucket."""
        return self.path.strip("/").partition("/")[2]

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def header(self, name: str) -> str:
        """A header's value; empty where there is none."""
        return next((value for one, value in self.headers if one.lower() == name), "")


@dataclass(frozen=True)
class Answer:
    """What the server, or the proxy in its place, answers."""

    status: int
    headers: Headers
    body: bytes
    length: str = ""

    def sent(self) -> bytes:
        """As it goes over the line."""
        kept = [(name, value) for name, value in self.headers if name.lower() not in _OF_A_HOP]
        lines = [f"HTTP/1.1 {self.status} Answer", *(f"{name}: {value}" for name, value in kept)]
        return _head([*lines, f"Content-Length: {self.length or len(self.body)}"]) + self.body


class Exchange:
    """One request that is being answered: its body is read when it is asked for."""

    def __init__(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: tuple[str, int]
    ) -> None:
        self.request = request
        self.is_over = False
        self._reader, self._writer, self._server = reader, writer, server
        self._body: bytes | None = None

    @property
    def caller(self) -> object:
        """Where the connection comes from: another one has another port."""
        return self._writer.get_extra_info("peername")

    async def body(self) -> bytes:
        """What was sent along."""
        if self._body is None:
            if self.request.header("expect"):
                self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._body = await self._reader.readexactly(int(self.request.header("content-length") or 0))
        return self._body

    async def forward(self) -> Answer:
        """Hand it on and read the answer."""
        reader, writer = await self._sent(await self.body())
        try:
            return await _answer(reader, self.request.method)
        finally:
            writer.close()

    async def forward_half(self) -> None:
        """Hand on half of the body, and close the line to the server."""
        body = await self.body()
        _, writer = await self._sent(body[: len(body) // 2])
        writer.close()

    async def _sent(self, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kept = [f"{name}: {value}" for name, value in self.request.headers if name.lower() not in _NOT_HANDED_ON]
        head = _head([f"{self.request.method} {self.request.target} HTTP/1.1", *kept, "Connection: close"])
        reader, writer = await asyncio.open_connection(*self._server, limit=_LIMIT)
        writer.write(head + body)
        await writer.drain()
        return reader, writer

    async def answer(self, answer: Answer, *, bytes_per_second: int = 0) -> None:
        """Answer, all at once or little by little."""
        await self.body()
        sent = answer.sent()
        step = bytes_per_second // 10 or len(sent)
        for begin in range(0, len(sent), step):
            self._writer.write(sent[begin : begin + step])
            await self._writer.drain()
            await asyncio.sleep(0.1 if bytes_per_second else 0)

    def reset(self) -> None:
        """Break the line, as a machine that goes down does."""
        self.is_over = True
        line: socket.socket = self._writer.get_extra_info("socket")
        with suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def silence(self, longest_seconds: float) -> None:
        """Say nothing until whoever asked goes away, and break the line if they do not."""
        await self.body()
        with suppress(asyncio.TimeoutError, *_GONE):
            await asyncio.wait_for(self._reader.read(1), longest_seconds)
        self.reset()


class Passing:
    """What is done with requests: here, nothing but handing them on."""

    async def handle(self, exchange: Exchange) -> None:
        """Answer a request."""
        await exchange.answer(await exchange.forward())

    def told(self, message: Any) -> Any:
        """Be told something by the test; what comes back to it. It comes from another thread."""
        raise ValueError(f"this proxy can be told nothing, and was told {message!r}")


class Proxy:
    """A proxy that runs: where it is, and a line to its `Passing`."""

    def __init__(self, server: S3Server, port: int, line: Connection) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.storage_options = {**server.storage_options, "aws_endpoint": self.endpoint}
        self._line = line

    def tell(self, message: Any) -> Any:
        """Tell its `Passing` something; what that gives back."""
        self._line.send(message)
        return self._line.recv()


@contextmanager
def proxied(server: S3Server, passing: Callable[[], Passing]) -> Iterator[Proxy]:
    """A proxy before a server until the block ends; `passing` is a class, or whatever makes one that can be pickled."""
    here, there = multiprocessing.Pipe()
    arguments = (urlsplit(server.endpoint).port, passing, there)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
    process.start()
    try:
        yield Proxy(server, here.recv(), here)
    finally:
        process.terminate()
        process.join()


def _serve(port: int, make: Callable[[], Passing], line: Connection) -> None:
    passing = make()

    async def serve() -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(*_GONE):
                await _answer_all(reader, writer, passing, ("127.0.0.1", port))
            writer.close()

        async with await asyncio.start_server(connected, "127.0.0.1", 0, limit=_LIMIT) as proxy:
            line.send(proxy.sockets[0].getsockname()[1])
            threading.Thread(target=_listen, args=(passing, line), daemon=True).start()
            await proxy.serve_forever()

    asyncio.run(serve())


def _listen(passing: Passing, line: Connection) -> None:
    with suppress(EOFError):
        while True:
            line.send(passing.told(line.recv()))


async def _answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: Passing, server: tuple[str, int]
) -> None:
    while True:
        first, *lines = await _read_head(reader)
        method, target, _ = first.split(" ", 2)
        exchange = Exchange(Request(method, target, _headers(lines)), reader, writer, server)
        await passing.handle(exchange)
        if exchange.is_over:
            return


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    first, *lines = await _read_head(reader)
    headers = _headers(lines)
    named = {name.lower(): value for name, value in headers}
    length, status = named.get("content-length", ""), int(first.split(" ")[1])
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"", length)
    if named.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _chunks(reader))
    return Answer(status, headers, await (reader.readexactly(int(length)) if length else reader.read()))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        content += await reader.readexactly(size)
        await reader.readline()
    return content


async def _read_head(reader: asyncio.StreamReader) -> list[str]:
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]


def _head(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _headers(lines: list[str]) -> Headers:
    pairs = (line.partition(":") for line in lines)
    return [(name.strip(), value.strip()) for name, _, value in pairs]
