"""Politeness: how many downloads a host bears at a time, how fast they follow each other, and what robots.txt says."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from protego import Protego
from yarl import URL

from image_assets.images.reasons import Reason
from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.ingest.urls.transfer import Transfer
from image_assets.settings.sources import UrlListSource

_MOST_HOSTS = 4_096
# A host is left alone until the next run after so many tries in a row that it did not answer, or did not answer well:
# with an error that can pass, or with one to robots.txt.
_UNANSWERED_TRIES = 20
_FAILED_TRIES = 300
_ROBOTS_BYTES = 512_000  # RFC 9309, 2.5: at least 500 KiB are to be read
_LONGEST_CRAWL_DELAY = 10.0
_UNANSWERED = (Reason.CONNECTION_FAILED, Reason.TIMED_OUT, Reason.HOST_NOT_FOUND)


class Host:
    """A host's turn-taking, within one run.

    Args:
        at_a_time: Downloads.
        delay: Seconds from the start of one to the start of the next.
    """

    def __init__(self, at_a_time: int, delay: float) -> None:
        self.slots = asyncio.Semaphore(at_a_time)
        self.delay = delay
        self.waiting = 0
        self._free_at = 0.0
        self._unanswered = 0
        self._failed = 0
        self._last: DownloadFailed | None = None

    async def turn(self) -> None:
        """Wait until the host may be asked again. Raises `DownloadFailed` once it has failed too often in a row."""
        tired = self._unanswered >= _UNANSWERED_TRIES or self._failed >= _FAILED_TRIES
        if tired and self._last is not None:
            detail = f"left alone after {self._failed} failures in a row, the last: {self._last.detail}"
            raise DownloadFailed(self._last.reason, detail, can_pass=True, wait=math.inf)
        now = asyncio.get_running_loop().time()
        start = max(now, self._free_at)
        self._free_at = start + self.delay
        if start > now:
            await asyncio.sleep(start - now)

    def pause(self, seconds: float) -> None:
        """Ask nothing of the host for so long."""
        self._free_at = max(self._free_at, asyncio.get_running_loop().time() + seconds)

    def answered(self, failed: DownloadFailed | None) -> None:
        """Count what came of a try."""
        failing = failed is not None and failed.can_pass
        silent = failed is not None and failed.reason in _UNANSWERED
        self._failed = self._failed + 1 if failing else 0
        self._unanswered = self._unanswered + 1 if silent else 0
        self._last = failed if failing else None


class Hosts:
    """The hosts of a run; those idle for longest are forgotten when there are too many."""

    def __init__(self, settings: UrlListSource) -> None:
        self._settings = settings
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    @asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[Host]:
        """One of the downloads that a host bears at a time."""
        host = self.host(name)
        host.waiting += 1
        try:
            async with host.slots:
                yield host
        finally:
            host.waiting -= 1

    def host(self, name: str) -> Host:
        """A host's turn-taking."""
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(self._settings.per_host, self._settings.delay_seconds)
            idle = (other for other, one in self._hosts.items() if not one.waiting and other != name)
            for other in [next(idle, None)] if len(self._hosts) > _MOST_HOSTS else []:
                self._hosts.pop(other or "", None)
        self._hosts.move_to_end(name)
        return host


class Robots:
    """What each server's robots.txt says (RFC 9309): asked once in a run.

    Args:
        transfer: What asks.
        hosts: Learn of a `Crawl-delay`, up to ten seconds.
        settings: Of the source.
    """

    def __init__(self, transfer: Transfer, hosts: Hosts, settings: UrlListSource) -> None:
        self._transfer = transfer
        self._hosts = hosts
        self._settings = settings
        self._rules: OrderedDict[URL, tuple[asyncio.Lock, list[Protego]]] = OrderedDict()

    async def check(self, url: URL) -> None:
        """Raises `DownloadFailed` where a URL is disallowed, or where the server cannot say now."""
        if not self._settings.robots:
            return
        rules = await self._rules_of(url.origin())
        if not rules.can_fetch(str(url), self._settings.user_agent):
            raise DownloadFailed(Reason.DISALLOWED_BY_ROBOTS, f"{url.origin()}/robots.txt disallows this URL")

    async def _rules_of(self, origin: URL) -> Protego:
        lock, known = self._rules.setdefault(origin, (asyncio.Lock(), []))
        self._rules.move_to_end(origin)
        if len(self._rules) > _MOST_HOSTS:
            self._rules.popitem(last=False)
        async with lock:
            if not known:
                known.append(await self._ask(origin))
        return known[0]

    async def _ask(self, origin: URL) -> Protego:
        try:
            content = await self._transfer.text(origin / "robots.txt", _ROBOTS_BYTES)
        except DownloadFailed as failed:
            # A server that has none allows everything; one that is not there or not well is asked later (2.3.1).
            if failed.can_pass:
                detail = f"robots.txt cannot be had: {failed.detail}"
                raise DownloadFailed(failed.reason, detail, can_pass=True, wait=failed.wait) from None
            content = b""
        rules = Protego.parse(content.decode("utf-8", "replace"))
        delay = rules.crawl_delay(self._settings.user_agent)
        if delay and origin.raw_host:
            host = self._hosts.host(origin.raw_host)
            host.delay = max(host.delay, min(float(delay), _LONGEST_CRAWL_DELAY))
        return rules
