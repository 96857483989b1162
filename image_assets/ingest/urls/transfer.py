"""One request and its answer, within its limits: redirects, time, bytes."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from image_assets.images.reasons import Reason
from image_assets.ingest.staging import staging_errors
from image_assets.ingest.urls.body import ACCEPT, decompressed, is_whole_picture
from image_assets.ingest.urls.failures import DownloadFailed
from image_assets.ingest.urls.guard import Network, checked_url, guarded_connector, networks
from image_assets.ingest.urls.written import redirected
from image_assets.settings.sources import UrlListSource
from image_assets.wording import in_brief

Permission = Callable[[URL], Awaitable[None]]
"""Raises `DownloadFailed` where a URL may not be asked."""

_CHUNK = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (408, 425, 429)


class Transfer:
    """Downloads, one at a time and many side by side; an asynchronous context manager.

    Args:
        settings: Of the source.
        resolver: What resolves names, before the guard; default: the system's resolver.
    """

    def __init__(self, settings: UrlListSource, resolver: AbstractResolver | None = None) -> None:
        self._settings = settings
        self._resolver = resolver
        self.allowed: Sequence[Network] = networks(settings.allow_addresses)

    async def __aenter__(self) -> Transfer:
        self._session = aiohttp.ClientSession(
            connector=guarded_connector(self.allowed, 2 * self._settings.concurrency, self._resolver),
            headers={"User-Agent": self._settings.user_agent, "Accept-Encoding": "identity", "Accept": ACCEPT},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,  # neither proxies, which would resolve names anew, nor passwords from ~/.netrc
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def checked(self, text: str) -> URL:
        """The URL that a text means. Raises `DownloadFailed` where it may not be asked."""
        return checked_url(text, self._settings.ports, self.allowed)

    async def save(self, url: URL, path: Path, max_bytes: int, permission: Permission) -> None:
        """Write what a URL serves to a file.

        Raises:
            DownloadFailed: it serves nothing, or not within the limits.
            SourceError: the file cannot be written.
        """
        try:
            await self._save(url, path, max_bytes, permission)
        except DownloadFailed as failed:
            # A server that promises more bytes than it has would be asked for ever.
            if not (failed.can_pass and path.exists() and await asyncio.to_thread(is_whole_picture, path, max_bytes)):
                raise

    async def _save(self, url: URL, path: Path, max_bytes: int, permission: Permission) -> None:
        async with self._answer(url, permission) as response:
            with staging_errors(path):
                file = path.open("wb")
            with file:
                async for piece in decompressed(response, max_bytes):
                    with staging_errors(path):
                        file.write(piece)
                with staging_errors(path):
                    file.flush()

    async def text(self, url: URL, max_bytes: int) -> bytes:
        """The beginning of what a URL serves, at most `max_bytes`. Raises `DownloadFailed`."""
        content = bytearray()
        async with self._answer(url, _anything) as response:
            async for piece in response.content.iter_chunked(_CHUNK):
                content += piece
                if len(content) >= max_bytes:
                    break
        return bytes(content[:max_bytes])

    @asynccontextmanager
    async def _answer(self, url: URL, permission: Permission) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with asyncio.timeout(self._settings.download_seconds):
                for _ in range(self._settings.max_redirects + 1):
                    await permission(url)
                    async with self._session.get(url, allow_redirects=False) as response:
                        target = response.headers.get("Location")
                        if response.status not in _REDIRECTS or target is None:
                            _raise_for_status(response)
                            yield response
                            return
                    url = self._redirected(url, target)
                detail = f"more than the {self._settings.max_redirects} redirects that source.max_redirects allows"
                raise DownloadFailed(Reason.TOO_MANY_REDIRECTS, detail)
        except TimeoutError as error:
            limits = f"source.connect_seconds and source.download_seconds allow {self._settings.connect_seconds:g} "
            limits += f"and {self._settings.download_seconds:g}"
            what = "no connection in time" if isinstance(error, aiohttp.ServerTimeoutError) else "not whole in time"
            raise DownloadFailed(Reason.TIMED_OUT, f"{what}; {limits}", can_pass=True) from None
        except aiohttp.InvalidURL as error:
            raise DownloadFailed(Reason.URL_NOT_ALLOWED, f"no URL: {error}") from None
        except aiohttp.ClientConnectorDNSError as error:
            detail = f"{error.host} has no address: {error.os_error.strerror or error.os_error}"
            raise DownloadFailed(Reason.HOST_NOT_FOUND, detail, can_pass=True) from None
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError, zlib.error) as error:
            detail = in_brief(error) or type(error).__name__
            raise DownloadFailed(Reason.CONNECTION_FAILED, detail, can_pass=True) from None

    def _redirected(self, url: URL, target: str) -> URL:
        try:
            return self.checked(redirected(url, target))
        except DownloadFailed as failed:
            raise DownloadFailed(failed.reason, f"redirects to what may not be asked: {failed.detail}") from None


async def _anything(url: URL) -> None:
    del url


def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status < 300:
        return
    busy = response.status in _BUSY or response.status >= 500
    detail = f"status {response.status} {(response.reason or '')[:100]}".rstrip()
    raise DownloadFailed(Reason.HTTP_ERROR, detail, can_pass=busy, wait=_retry_after(response) if busy else None)


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3), or None."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())
