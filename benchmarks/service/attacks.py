"""Uploads that are meant to do harm: too large, too slow, of too many parts; while others ask as ever."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.service.questions import Question, bad

# Chunks are too many, too much beside others', or, of a client that comes to send few, too slow: what is met first.
_REFUSED = {"announced": {413}, "in chunks": {408, 413, 503}, "slow": {408}, "many parts": {413}}
_CHUNK = bytes(256 * 1024)


@dataclass(frozen=True)
class Attack:
    """How one went.

    Attributes:
        kind: What was tried.
        status: That it was answered with; 0: the connection was closed without an answer.
    """

    kind: str
    status: int

    @property
    def is_refused(self) -> bool:
        """Whether it was refused as it should be; who is cut off while sending may see no answer."""
        return self.status in _REFUSED[self.kind] or (self.status == 0 and self.kind == "in chunks")


@dataclass(frozen=True)
class Target:
    """What is attacked.

    Attributes:
        url: Of what classifies.
        body_bytes: That it takes at most.
        drip_seconds: Between two bytes of a slow body.
    """

    url: str
    body_bytes: int
    drip_seconds: float


async def attacks(target: Target, number: int, at_a_time: int, seed: int) -> list[Attack]:
    """So many attacks, one kind after another, so many at a time."""
    kinds: list[tuple[str, Callable[[Target, int], Coroutine[None, None, int]]]] = [
        ("announced", _announced),
        ("in chunks", _in_chunks),
        ("slow", _slow),
        ("many parts", _many_parts),
    ]
    free = asyncio.Semaphore(at_a_time)

    async def one(number: int) -> Attack:
        kind, attack = kinds[number % len(kinds)]
        async with free:
            return Attack(kind, await attack(target, seed + number))

    return list(await asyncio.gather(*map(one, range(number))))


def attacked(target: Target, number: int, at_a_time: int, seed: int) -> list[Attack]:
    """The same, in a loop of its own."""
    return asyncio.run(attacks(target, number, at_a_time, seed))


def told(found: list[Attack]) -> Counter[tuple[str, int]]:
    """How often each kind was answered with what."""
    return Counter((one.kind, one.status) for one in found)


async def _announced(target: Target, seed: int) -> int:
    del seed
    return await _send(target, {"content-length": str(target.body_bytes + 1)}, [b"x"] * 3, 0)


async def _in_chunks(target: Target, seed: int) -> int:
    del seed
    chunks = [b"%x\r\n%b\r\n" % (len(_CHUNK), _CHUNK)] * (target.body_bytes // len(_CHUNK) + 8)
    return await _send(target, {"transfer-encoding": "chunked"}, chunks, 0)


async def _slow(target: Target, seed: int) -> int:
    del seed
    return await _send(target, {"content-length": "100000"}, [b"x"] * 100_000, target.drip_seconds)


async def _many_parts(target: Target, seed: int) -> int:
    draw = random.Random(seed)
    question: Question = bad(draw, b"x" * 1_000)
    while question.kind != "many parts":
        question = bad(draw, b"x" * 1_000)
    headers = {**question.headers, "content-length": str(len(question.body))}
    return await _send(target, headers, [question.body], 0)


async def _send(target: Target, headers: dict[str, str], parts: list[bytes], pause: float) -> int:
    """Send a request bit by bit until it is answered; the status, or 0 where the connection just ends."""
    address = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    said = {"host": address.netloc, "content-type": "image/jpeg", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    writer.write(f"POST {address.path} HTTP/1.1\r\n{lines}\r\n".encode())
    answer = asyncio.create_task(reader.readline())
    try:
        for part in parts:
            if answer.done():
                break
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        line = await answer
    except ConnectionError:
        line = await _left(answer)
    finally:
        answer.cancel()
        writer.close()
    return int(line.split()[1]) if line.startswith(b"HTTP/1.1 ") else 0


async def _left(answer: asyncio.Task[bytes]) -> bytes:
    """What had come before a connection was closed."""
    try:
        return await answer
    except ConnectionError:
        return b""
