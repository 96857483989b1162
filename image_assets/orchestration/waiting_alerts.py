"""Alerts that nobody has been told yet, though somebody should have been: for the status."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from image_assets.dataset import DatasetSpec
from image_assets.environment import ALERT_LEDGER
from image_assets.orchestration.home_files import SETTINGS_FILE
from image_assets.places import folder_of, home_of

# Alerts of one cause follow within ten minutes, in one message; who has waited for longer is forgotten.
_IN_TIME_SECONDS = 15 * 60
LEDGER = "alerts.sqlite"
"""The ledger's name in the storage of Dagster's home."""


@dataclass(frozen=True)
class WaitingAlerts:
    """What a channel has not accepted, or was not asked to for too long.

    Attributes:
        channel: What it is called.
        alerts: How many wait.
        since: When the first of them was recorded, POSIX seconds.
        error: Why the channel did not take it; empty where it was not asked.
    """

    channel: str
    alerts: int
    since: float
    error: str

    def __str__(self) -> str:
        """In one line, with what to do."""
        at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.since))
        why = self.error or "nobody has tried to send them: is the daemon up?"
        return (
            f"alerts not delivered: {self.alerts:,} of channel {self.channel}, the first of {at}; {why} "
            "(`image-assets alerts list --pending`)"
        )

    def as_json(self) -> dict[str, Any]:
        """Its entry in `image-assets status --json`."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(self.since))
        return {"channel": self.channel, "alerts": self.alerts, "since": at, "error": self.error}


def waiting_alerts(dataset: DatasetSpec, store_url: str) -> tuple[WaitingAlerts, ...]:
    """Those of a dataset's channels, by channel. What is recorded and will be sent within minutes is none of them.

    Raises:
        LedgerUnreadable: there is a ledger, and it cannot be read.
    """
    if not dataset.alerts.channels:
        return ()
    path = _ledger_file(store_url)
    if path is None or not path.exists():
        return ()

    from sqlalchemy.exc import DBAPIError

    from image_assets.alerts.ledger import Ledger

    ledger, found = Ledger(path), []
    try:
        for channel in dataset.alerts.channels:
            pending = ledger.pending(dataset.name, channel.label)
            late = time.time() - _IN_TIME_SECONDS
            if any(one.tries or one.recorded_at < late for one in pending):
                first = min(one.recorded_at for one in pending)
                error = next((one.error for one in pending if one.error), "")
                found.append(WaitingAlerts(channel.label, len(pending), first, error))
    except DBAPIError as error:
        raise LedgerUnreadable(f"{path}: the ledger of alerts cannot be read: {error.orig}") from None
    return tuple(found)


class LedgerUnreadable(RuntimeError):
    """Whether alerts wait is not known."""


def _ledger_file(store_url: str) -> Path | None:
    """The ledger's file, without Dagster where it lies where it does by default; None where nothing says where."""
    if ALERT_LEDGER.value:
        return folder_of(ALERT_LEDGER.value, ALERT_LEDGER.name)
    home = home_of(store_url)
    if home is None or not home.is_dir():
        return None
    try:
        settings = yaml.safe_load((home / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError):
        settings = None
    if not (isinstance(settings, dict) and "local_artifact_storage" in settings):
        return home / "storage" / LEDGER

    from image_assets.orchestration.dagster_home import existing_instance

    instance = existing_instance(store_url)
    if instance is None:
        return None
    try:
        return Path(instance.storage_directory()) / LEDGER
    finally:
        instance.dispose()
