"""What goes wrong between the platform and a bucket, at a mutation that is chosen by its number.

A mutation is a request that changes something: PUT, POST or DELETE. They are counted from 1, from when a fault is set.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from image_assets.store.s3 import s3_client
from tests.s3_proxy.proxy import Answer, Exchange, Passing

MUTATIONS = ("PUT", "POST", "DELETE")
SILENT_SECONDS = 60
SLOW_BYTES_PER_SECOND = 100
_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_CONFLICT = (
    b"<?xml version='1.0'?><Error><Code>ConditionalRequestConflict</Code>"
    b"<Message>The conditional request cannot succeed due to a conflicting operation.</Message></Error>"
)


class Kind(StrEnum):
    """What happens to a mutation."""

    BUSY_BEFORE = "503 before"
    BUSY_AFTER = "503 after it was done"
    TIMED_OUT = "no answer"
    RESET_BEFORE = "reset before the body"
    RESET_AFTER_BODY = "reset after the body"
    ANSWER_LOST = "answer lost after it was done"
    SLOW = "answer at 100 bytes a second"
    BODY_CUT = "body cut short"
    CONFLICT = "409 on create"
    FORGOTTEN = "said to be done, and not done"


@dataclass(frozen=True)
class Fault:
    """A fault at mutations.

    Attributes:
        kind: What happens.
        at: To the mutation of this number, the first being 1.
        lasts: And to every one after it.
        key: Only those whose key has this in it count.
    """

    kind: Kind
    at: int
    lasts: bool = False
    key: str = ""


@dataclass(frozen=True)
class Done:
    """What has passed since a fault was set: the mutations, and how often the fault was played."""

    mutations: tuple[str, ...]
    played: int


class Faulty(Passing):
    """Plays one fault at a time. It is told a `Fault`, or None for none, and `"done"` asks for what has passed."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._mutations: list[str] = []
        self._played = 0

    def told(self, message: Any) -> Any:
        if message == "done":
            return Done(tuple(self._mutations), self._played)
        self._fault, self._mutations, self._played = message, [], 0
        return None

    async def handle(self, exchange: Exchange) -> None:
        fault = self._fault
        if not self._counts(exchange, fault):
            return await super().handle(exchange)
        self._mutations.append(f"{exchange.request.method} {exchange.request.key}")
        number = len(self._mutations)
        if fault is None or number < fault.at or (number > fault.at and not fault.lasts):
            return await super().handle(exchange)
        if fault.kind is Kind.CONFLICT and not exchange.request.header("if-none-match"):
            return await super().handle(exchange)
        self._played += 1
        return await _play(fault.kind, exchange)

    def _counts(self, exchange: Exchange, fault: Fault | None) -> bool:
        return exchange.request.method in MUTATIONS and (fault is None or fault.key in exchange.request.key)


async def _play(kind: Kind, exchange: Exchange) -> None:
    match kind:
        case Kind.BUSY_BEFORE:
            await exchange.answer(Answer(503, [], _BUSY))
        case Kind.BUSY_AFTER:
            await exchange.forward()
            await exchange.answer(Answer(503, [], _BUSY))
        case Kind.TIMED_OUT:
            await exchange.silence(SILENT_SECONDS)
        case Kind.RESET_BEFORE:
            exchange.reset()
        case Kind.RESET_AFTER_BODY:
            await exchange.body()
            exchange.reset()
        case Kind.ANSWER_LOST:
            await exchange.forward()
            exchange.reset()
        case Kind.SLOW:
            await exchange.answer(await exchange.forward(), bytes_per_second=SLOW_BYTES_PER_SECOND)
        case Kind.BODY_CUT:
            await exchange.forward_half()
            exchange.reset()
        case Kind.CONFLICT:
            await exchange.answer(Answer(409, [], _CONFLICT))
        case Kind.FORGOTTEN:
            await exchange.answer(Answer(200, [("ETag", '"d41d8cd98f00b204e9800998ecf8427e"')], b""))
        case _:
            assert_never(kind)


class IgnoresConditions(Passing):
    """A server that takes no notice of If-None-Match, as some do: what is there is overwritten.

    Args:
        options: With which the real server is reached. The header is signed and cannot be left out: what the request
            must not find is removed before it is handed on.
    """

    def __init__(self, options: dict[str, str]) -> None:
        self._client = s3_client(options)

    async def handle(self, exchange: Exchange) -> None:
        if exchange.request.header("if-none-match"):
            bucket = exchange.request.path.strip("/").partition("/")[0]
            await asyncio.to_thread(self._client.delete_object, Bucket=bucket, Key=exchange.request.key)
        await super().handle(exchange)
