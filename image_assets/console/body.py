"""What a request may bring: its bytes are counted as they come, before anything looks into them.

Bytes, time and what is held of all requests together are bounded here, whatever a header says of the length.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from image_assets.console.refusals import Refused

_CLOSED = {"connection": "close"}
_DRAINED_SECONDS = 2.0


@dataclass(frozen=True)
class Bounds:
    """How much may come.

    Attributes:
        body_bytes: In one request.
        images: In one request.
        seconds: That a request's body may take to arrive.
        requests: That have brought something and are worked on, at a time; one more is told to come again.
        arriving: Whose bodies come at a time; one more is told the same. Who sends slowly holds up nobody else.
        held_bytes: Of all these together; beyond it, whoever holds more than an equal share is told to come again.
        retry_seconds: After so many seconds.
    """

    body_bytes: int = 64 * 1024 * 1024
    images: int = 256
    seconds: float = 30
    requests: int = 64
    arriving: int = 256
    held_bytes: int = 512 * 1024 * 1024
    retry_seconds: int = 1


class Capacity:
    """What is being worked on. Used from the event loop alone."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.requests = self.arriving = self.held_bytes = self.refused = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a request while it is worked on. Raises `Refused` where there are too many."""
        self._check_requests()
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @contextmanager
    def one_arriving(self) -> Iterator[None]:
        """Count a request while its body comes. Raises `Refused` where there are too many of these or in work."""
        self._check_requests()
        if self.arriving >= self.bounds.arriving:
            raise self.overloaded(f"the bodies of {self.arriving} requests are on their way")
        self.arriving += 1
        try:
            yield
        finally:
            self.arriving -= 1

    def check_held(self, taken: int) -> None:
        """Refuse a request that has brought so many bytes, where all hold too many and it more than an equal share."""
        limit = self.bounds.held_bytes
        if self.held_bytes > limit and taken > limit // max(self.requests + self.arriving, 1):
            raise self.overloaded(f"requests hold {self.held_bytes:,} bytes")

    def _check_requests(self) -> None:
        if self.requests >= self.bounds.requests:
            raise self.overloaded(f"{self.requests} requests are being worked on")

    def overloaded(self, why: str) -> Refused:
        """What is told whoever comes too many."""
        self.refused += 1
        headers = {"retry-after": str(self.bounds.retry_seconds), **_CLOSED}
        return Refused(503, "overloaded", f"{why}, as many as may be; try again in a moment", headers)


@asynccontextmanager
async def body_of(request: Request, capacity: Capacity) -> AsyncIterator[bytes]:
    """The body of a request, which counts as held for as long as it is worked on.

    Raises:
        Refused: 408, 413, 415 or 503.
    """
    _check_announced(request, capacity.bounds)
    parts: list[bytes] = []
    try:
        with capacity.one_arriving():
            await _read(request, capacity, parts)
        with capacity.one_more():
            yield b"".join(parts)
    finally:
        capacity.held_bytes -= sum(map(len, parts))


async def _read(request: Request, capacity: Capacity, parts: list[bytes]) -> None:
    bounds, taken = capacity.bounds, 0
    try:
        async with asyncio.timeout(bounds.seconds):
            async for chunk in request.stream():
                taken += len(chunk)
                capacity.held_bytes += len(chunk)
                parts.append(chunk)
                if taken > bounds.body_bytes:
                    raise _too_large(f"more than {bounds.body_bytes:,} bytes", bounds)
                capacity.check_held(taken)
    except TimeoutError:
        said = f"the body was not whole after {bounds.seconds:g} seconds; {taken:,} bytes of it had come"
        raise Refused(408, "too_slow", said, _CLOSED) from None


def _check_announced(request: Request, bounds: Bounds) -> None:
    """What the headers alone tell."""
    if encoding := request.headers.get("content-encoding"):
        raise Refused(415, "encoded", f"a body in {encoding} is not unpacked here; send it as it is", _CLOSED)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > bounds.body_bytes:
        raise _too_large(f"{int(length):,} bytes", bounds)


def _too_large(found: str, bounds: Bounds) -> Refused:
    said = f"the body has {found}; at most {bounds.body_bytes:,} are taken: send fewer images at a time"
    return Refused(413, "body_too_large", said, _CLOSED)


async def discard_rest(request: Request, bounds: Bounds) -> None:
    """Read what still comes of a refused request, within bounds: who is cut off while sending sees no answer."""
    left = bounds.body_bytes
    try:
        async with asyncio.timeout(_DRAINED_SECONDS):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except (TimeoutError, ClientDisconnect):
        return
