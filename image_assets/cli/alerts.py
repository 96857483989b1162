"""What `image-assets alerts` does: try the channels, and show what was told and what still waits."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3

import dagster as dg
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from image_assets.alerts.delivery import ChannelError
from image_assets.alerts.ledger import Ledger, Message
from image_assets.alerts.text import Text
from image_assets.dataset import DatasetSpec
from image_assets.environment import ALERT_LEDGER
from image_assets.orchestration.runner import UsageError
from image_assets.places import folder_of
from image_assets.resources.notifier import notifier_of_environment


def try_channels(dataset: DatasetSpec, console: Console) -> int:
    """Send a test message to every channel, and say what each answered.

    Returns:
        0 where all accepted it, 1 otherwise.

    Raises:
        UsageError: the dataset has no channels.
    """
    channels = dataset.alerts.channels
    if not channels:
        raise UsageError(f"dataset {dataset.name} has no alert channels: add some to its file, under alerts.channels")
    notifier = notifier_of_environment()
    where = f"\n\nUI: <{notifier.ui_url}>" if notifier.ui_url else ""
    text = Text(f"[{dataset.name}] test message", f"Alerts of the dataset {dataset.name} arrive here.{where}")
    refused = 0
    for channel in channels:
        try:
            notifier.send(channel, text, "recovered")
        except ChannelError as error:
            refused += 1
            console.print(f"[red]failed[/]    {escape(str(error))}", highlight=False, soft_wrap=True)
        else:
            console.print(f"[green]accepted[/]  channel {escape(channel.label)}", highlight=False, soft_wrap=True)
    return 1 if refused else 0


def list_alerts(console: Console, *, pending: bool, as_json: bool) -> int:
    """Show the ledger's messages, the latest last.

    Raises:
        UsageError: nothing says where the ledger is, or it cannot be read.
    """
    ledger = _ledger()
    try:
        messages = ledger.messages() if ledger.path.exists() else []
    except sqlite3.Error as error:
        raise UsageError(f"{ledger.path}: the ledger cannot be read: {error}") from None
    shown = [message for message in messages if message.delivered_at is None or not pending]
    if as_json:
        found = {"ledger": str(ledger.path), "alerts": [_as_json(message) for message in shown]}
        print(json.dumps(found, ensure_ascii=False))  # noqa: T201  # the product of the command
    elif shown:
        console.print(_table(shown))
    else:
        console.print(f"no alerts {'wait' if pending else 'yet'} in {escape(str(ledger.path))}", highlight=False)
    return 0


def _ledger() -> Ledger:
    notifier = notifier_of_environment()
    if notifier.ledger_file:
        return Ledger(folder_of(notifier.ledger_file, ALERT_LEDGER.name))
    if not (home := os.environ.get("DAGSTER_HOME")):
        raise UsageError(f"set DAGSTER_HOME, or {ALERT_LEDGER.name}, to say where the ledger of alerts is")
    try:
        with dg.DagsterInstance.from_config(str(folder_of(home, "DAGSTER_HOME"))) as instance:
            return notifier.ledger(instance)
    except dg.DagsterError as error:
        raise UsageError(f"DAGSTER_HOME={home}: {error}") from None


def _as_json(message: Message) -> dict[str, object]:
    return {
        "at": _time(message.at),
        "dataset": message.dataset,
        "channel": message.channel,
        "state": message.state,
        "severity": message.severity,
        "title": message.text.title,
        "recorded": _time(message.recorded_at),
        "delivered": _time(message.delivered_at),
        "tries": message.tries,
        "error": message.error,
    }


def _table(messages: list[Message]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in ("at, UTC", "channel", "message", "delivered", "tries"):
        table.add_column(name, overflow="fold")
    for message in messages:
        delivered = f"after {message.delivered_at - message.recorded_at:,.0f} s" if message.delivered_at else "waits"
        title = f"{message.text.title}\n{message.error}" if message.error else message.text.title
        cells = (_time(message.at), message.channel, title, delivered, str(message.tries))
        table.add_row(*(escape(str(cell)) for cell in cells))
    return table


def _time(moment: float | None) -> str | None:
    if moment is None:
        return None
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(" ", "seconds").removesuffix("+00:00")
