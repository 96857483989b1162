"""Sends messages by apprise: mail, Slack, Teams, a webhook and whatever else it has URLs for."""

from __future__ import annotations

import io
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import dagster as dg
from pydantic import Field

from image_assets.alerts.delivery import ChannelError
from image_assets.alerts.ledger import Ledger, State
from image_assets.alerts.text import Links, Text
from image_assets.environment import ALERT_LEDGER, UI_URL
from image_assets.places import folder_of
from image_assets.settings.alerts import AlertChannel

if TYPE_CHECKING:
    from apprise import NotifyBase

_LEDGER = "alerts.sqlite"
_SHORTEST_SECRET = 3
_USER = re.compile(r"^(\w+://)[^/?#]*@")
_KINDS = {"failed": "failure", "run failed": "failure", "recovered": "success"}


class NotifierResource(dg.ConfigurableResource):
    """Hands messages to channels, and keeps the ledger of them.

    A channel's URL is read when it is needed, from the channel's environment variable; no part of it is ever in a
    log, an error or the ledger.
    """

    ui_url: str | None = Field(default=None, description="Where the Dagster UI is, for links in messages.")
    ledger_file: str | None = Field(
        default=None, description="File of the ledger; default: `alerts.sqlite` in the storage of the Dagster instance."
    )
    timeout_seconds: float = Field(default=15, gt=0, description="How long a channel may take to accept a message.")

    def ledger(self, instance: dg.DagsterInstance) -> Ledger:
        """The delivery ledger."""
        named = self.ledger_file
        return Ledger(folder_of(named, ALERT_LEDGER.name) if named else Path(instance.storage_directory()) / _LEDGER)

    def links(self) -> Links:
        """Addresses in the UI."""
        return Links(self.ui_url)

    def send(self, channel: AlertChannel, text: Text, state: State) -> None:
        """Send a message and return once the channel has accepted it.

        Raises:
            ChannelError: it has not, or there is no such channel.
        """
        import apprise  # takes a second, and most processes send nothing

        url = _url_of(channel)
        _BLOTTER.watch(url)
        service = self._service(channel, url)
        sender = apprise.Apprise(asset=service.asset)
        sender.add(service)
        result = sender.notify(
            title=text.title,
            body=text.body,
            body_format=apprise.NotifyFormat.MARKDOWN,
            notify_type=_KINDS[state],
            timeout=self.timeout_seconds,
        )
        if not result:
            said = " ".join(entry.message for entry in result.logs()) or result.status.name.lower()
            raise ChannelError(f"channel {channel.label} did not accept the message: {_without_secrets(said, url)}")

    def _service(self, channel: AlertChannel, url: str) -> NotifyBase:
        import apprise

        asset = apprise.AppriseAsset(
            app_id="image-assets", app_desc="image-assets alerts", app_url="", async_mode=False, secure_logging=True
        )
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            # One service: a list of URLs could be accepted in part, and the other part would get it again.
            service = apprise.Apprise.instantiate(url, asset=asset)
            complaint = said.getvalue() if isinstance(said, io.StringIO) else ""
        if service is None:
            raise ChannelError(
                f"channel {channel.label}: its URL is none that apprise can use: {_without_secrets(complaint, url)}"
            )
        # Both are waited for in turn.
        service.socket_connect_timeout = min(service.socket_connect_timeout, self.timeout_seconds / 2)
        service.socket_read_timeout = min(service.socket_read_timeout, self.timeout_seconds / 2)
        return service


def notifier_of_environment() -> NotifierResource:
    """The notifier that `IMAGE_ASSETS_UI_URL` and `IMAGE_ASSETS_ALERT_LEDGER` describe."""
    # Messages have it in their links: whoever reads them is asked for a password of their own.
    return NotifierResource(ui_url=_USER.sub(r"\1", UI_URL.value) or None, ledger_file=ALERT_LEDGER.value or None)


def _url_of(channel: AlertChannel) -> str:
    if channel.url is not None:
        return channel.url
    if url := os.environ.get(str(channel.url_env), "").strip():
        return url
    raise ChannelError(
        f"channel {channel.label}: the environment variable {channel.url_env} is not set where Dagster's code runs; "
        "set it to the channel's apprise URL"
    )


class _Blotter(logging.Filter):
    """Keeps channels' URLs out of what apprise and its HTTP client log by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._urls: set[str] = set()

    def watch(self, url: str) -> None:
        """From now on, and for good: a call that was given up may still log."""
        self._urls.add(url)
        for name in ("apprise", "urllib3.connectionpool"):
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        for url in self._urls:
            message = _without_secrets(message, url)
        record.msg, record.args, record.exc_info = message, (), None
        return True


_BLOTTER = _Blotter()


def _without_secrets(said: str, url: str) -> str:
    """What apprise said, with every part of the URL but its scheme blotted out."""
    rest = url.split("://", 1)[-1]
    parts = {part for text in (rest, unquote(rest)) for part in re.split(r"[/:@?&=,;#+\s]+", text)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            said = re.sub(re.escape(part), "***", said, flags=re.IGNORECASE)
    return " ".join(said.split())
