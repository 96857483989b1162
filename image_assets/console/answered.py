"""What was answered already is answered again, as long as nothing else is known of the dataset."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from image_assets.answers.now import Now

Asking = Callable[[], Now]
"""Gathers what is known, the same object as long as it is the same; takes its time, from any thread."""
_MOST = 32


class Answered:
    """Answers that rest on what is known of the dataset and on the address alone.

    Args:
        ask: Gathers what is known.
    """

    def __init__(self, ask: Asking) -> None:
        self.ask, self._lock = ask, Lock()
        self._now: Now | None = None
        self._kept: dict[str, Response] = {}

    async def response(self, request: Request, answer: Callable[[Now], Response]) -> Response:
        """The answer to a request: the one that was given to the same address, if nothing else is known since.

        Args:
            request: Who asks; nothing but the address may make a difference to the answer.
            answer: Works it out of what is known, in a thread.
        """
        return await run_in_threadpool(self._find, f"{request.url.path}?{request.url.query}", answer)

    def _find(self, address: str, answer: Callable[[Now], Response]) -> Response:
        now = self.ask()
        with self._lock:
            if now is not self._now:
                self._now, self._kept = now, {}
            kept = self._kept
            if address in kept:
                return kept[address]
        made = answer(now)
        with self._lock:
            if len(kept) >= _MOST:
                kept.clear()
            kept[address] = made
        return made
