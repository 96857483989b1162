"""Alerts that nobody has been told yet, though somebody should have been: for the status."""

from __future__ import annotations

import time
from pathlib import Path

import yaml

from image_assets.alerts.waiting import WaitingAlerts
from image_assets.dataset import DatasetSpec
from image_assets.environment import ALERT_LEDGER
from image_assets.orchestration.home_files import SETTINGS_FILE
from image_assets.places import folder_of, home_of

# Alerts of one cause follow within ten minutes, in one message; who has waited for longer is forgotten.
_IN_TIME_SECONDS = 15 * 60
LEDGER = "alerts.sqlite"
"""The ledger's name in the storage of Dagster's home."""


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

    from image_assets.orchestration.dagster_home import HomeReadOnly, existing_instance

    try:
        instance = existing_instance(store_url)
    except HomeReadOnly as error:
        raise LedgerUnreadable(f"{error}; whether alerts wait is not known") from None
    if instance is None:
        return None
    try:
        return Path(instance.storage_directory()) / LEDGER
    finally:
        instance.dispose()
