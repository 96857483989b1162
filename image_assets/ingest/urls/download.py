"""A day's downloads: many at a time, politely, within bounded memory, each URL once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver

from image_assets.images.reasons import Reason
from image_assets.ingest.source import SourceError
from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.ingest.urls.hosts import Host, Hosts, Robots
from image_assets.ingest.urls.kept import Failure, Kept
from image_assets.ingest.urls.lists import ListedUrl
from image_assets.ingest.urls.transfer import Transfer
from image_assets.settings.sources import UrlListSource
from image_assets.workers import Progress

# URLs looked at ahead, per download at a time: where many of one host follow each other, others go on meanwhile.
_AHEAD = 16
_LONGEST_WAIT = 60.0
_NAME_THREADS = 32
_ROWS_BETWEEN_BREATHS = 64


class Downloads:
    """Downloads what is not here yet.

    Args:
        settings: Of the source.
        kept: Where it goes.
        max_bytes: Largest content, bytes.
        basis: Stands for lists and settings: what failed for good is tried again when it changes.
        run: Differs from run to run: what failed in this run is not tried again in it.
        resolver: What resolves names, before the guard; default: the system's resolver.
    """

    def __init__(
        self,
        settings: UrlListSource,
        kept: Kept,
        max_bytes: int,
        basis: str,
        run: str,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._settings = settings
        self._kept = kept
        self._max_bytes = max_bytes
        self._basis = basis
        self._run = run
        self._resolver = resolver

    def run(self, rows: Iterable[ListedUrl], total: int, progress: Progress) -> None:
        """Download the URLs of `rows`; what cannot be had is remembered with its reason.

        Raises:
            SourceError: a list cannot be read.
            SourceError: what is downloaded cannot be kept.
        """
        self._kept.remove_old_parts(self._settings.download_seconds + 60)
        asyncio.run(self._all(rows, total, progress))

    async def _all(self, rows: Iterable[ListedUrl], total: int, progress: Progress) -> None:
        done, under_way = 0, set[str]()
        ahead = asyncio.Semaphore(_AHEAD * self._settings.concurrency)

        def count() -> None:
            nonlocal done
            done += 1
            progress(done, total)

        async def settle(row: ListedUrl, key: str) -> None:
            try:
                await self._settle(row, key)
            finally:
                under_way.discard(key)
                ahead.release()
            count()

        pool = ThreadPoolExecutor(_NAME_THREADS, thread_name_prefix="names")
        asyncio.get_running_loop().set_default_executor(pool)
        self._at_a_time = asyncio.Semaphore(self._settings.concurrency)
        self._hosts = Hosts(self._settings)
        async with Transfer(self._settings, self._resolver) as self._transfer:
            self._robots = Robots(self._transfer, self._hosts, self._settings)
            try:
                async with asyncio.TaskGroup() as tasks:
                    for number, row in enumerate(rows):
                        key = row.key
                        if number % _ROWS_BETWEEN_BREATHS == 0:
                            await asyncio.sleep(0)  # what is under way goes on while much is skipped
                        if key in under_way or self._kept.is_settled(key, self._basis, self._run):
                            count()
                            continue
                        await ahead.acquire()
                        under_way.add(key)
                        tasks.create_task(settle(row, key))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None  # one reason is enough: all others were cancelled for it

    async def _settle(self, row: ListedUrl, key: str) -> None:
        try:
            url = self._transfer.checked(row.url)
            async with self._hosts.slot(url.raw_host or "") as host:
                await self._tries(row, key, host)
        except SourceError:
            raise
        except DownloadFailed as failed:
            self._fail(key, failed)
        except Exception as error:  # noqa: BLE001  # one server's oddity must not end everybody's day
            detail = f"an answer that cannot be understood: {type(error).__name__}: {error}"[:500]
            self._fail(key, DownloadFailed(Reason.CONNECTION_FAILED, detail, can_pass=True))

    def _fail(self, key: str, failed: DownloadFailed) -> None:
        self._kept.fail(key, Failure(failed.reason, failed.detail, failed.can_pass, self._basis, self._run))

    async def _tries(self, row: ListedUrl, key: str, host: Host) -> None:
        """Try until it is here. Raises `DownloadFailed` when there is no use in trying on."""
        wait = self._settings.backoff_seconds
        for tries_left in range(self._settings.retries, -1, -1):
            await host.turn()
            try:
                async with self._at_a_time:
                    await self._try(row, key)
            except DownloadFailed as failed:
                host.answered(failed)
                asked = failed.wait or 0.0
                if not failed.can_pass or not tries_left or asked > _LONGEST_WAIT:
                    raise
                host.pause(asked)
                await asyncio.sleep(wait * random.uniform(0.75, 1.25))  # so that not all come back at once
                wait = min(2 * wait, _LONGEST_WAIT)
            else:
                host.answered(None)
                return

    async def _try(self, row: ListedUrl, key: str) -> None:
        with self._kept.writing() as part:
            await self._transfer.save(self._transfer.checked(row.url), part, self._max_bytes, self._robots.check)
            self._kept.keep(key, part)
