"""The command `image-assets alerts`: the channels are tried; what was told, and what still waits."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from image_assets.cli.options import dataset_option, json_option
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import CommandGroup
from image_assets.environment import ALERT_LEDGER
from image_assets.reports.tables import plain_table, show_table
from image_assets.terminal import terminal
from image_assets.wording import printable_text

if TYPE_CHECKING:
    from image_assets.alerts.ledger import Ledger, Message


@click.group(cls=CommandGroup)
def alerts() -> None:
    """Who is told of failed checks and runs, and what was told."""


@alerts.command(examples=["image-assets alerts test"], failed="a channel did not take the message")
@dataset_option
@json_option
def test(dataset: str, *, as_json: bool) -> int:
    """Send a test message to every channel of a dataset."""
    from image_assets.alerts.delivery import ChannelError
    from image_assets.alerts.text import Text
    from image_assets.dataset import load_dataset
    from image_assets.errors import UsageError
    from image_assets.resources.notifier import notifier_of_environment

    spec, console = load_dataset(dataset), terminal()
    channels = spec.alerts.channels
    if not channels:
        raise UsageError(f"dataset {spec.name} has no alert channels: add some to its file, under alerts.channels")
    notifier = notifier_of_environment()
    where = f"\n\nUI: <{notifier.ui_url}>" if notifier.ui_url else ""
    text = Text(f"[{spec.name}] test message", f"Alerts of the dataset {spec.name} arrive here.{where}")
    tried: list[dict[str, str | None]] = []
    for channel in channels:
        problem = None
        try:
            notifier.send(channel, text, "recovered")
        except ChannelError as error:
            problem = str(error)
        tried.append({"channel": channel.label, "error": problem})
        if not as_json:
            said = (
                f"[red]failed[/]    {escape(problem)}"
                if problem
                else f"[green]accepted[/]  channel {escape(channel.label)}"
            )
            console.print(said, highlight=False, soft_wrap=True)
    if as_json:
        print_json({"dataset": spec.name, "channels": tried})
    return 1 if any(one["error"] for one in tried) else 0


@alerts.command("list", examples=["image-assets alerts list --pending"])
@click.option("--pending", is_flag=True, help="only what waits")
@json_option
def show(*, pending: bool, as_json: bool) -> int:
    """The delivery ledger: what was told, and what still waits."""
    from sqlalchemy.exc import DBAPIError

    from image_assets.errors import UsageError

    ledger = _ledger()
    try:
        messages = ledger.messages() if ledger.path.exists() else []
    except DBAPIError as error:
        raise UsageError(f"{ledger.path}: the ledger cannot be read: {error.orig}") from None
    shown = [message for message in messages if message.delivered_at is None or not pending]
    if as_json:
        print_json({"ledger": str(ledger.path), "alerts": [_as_json(message) for message in shown]})
    elif shown:
        show_table(terminal(), _table(shown))
    else:
        say(f"no alerts {'wait' if pending else 'yet'} in {ledger.path}")
    return 0


def _ledger() -> Ledger:
    import dagster as dg

    from image_assets.alerts.ledger import Ledger
    from image_assets.errors import UsageError
    from image_assets.places import folder_of
    from image_assets.resources.notifier import notifier_of_environment

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
    table = plain_table("at, UTC", "channel", "message", "delivered", "tries", folded=True)
    for message in messages:
        delivered = f"after {message.delivered_at - message.recorded_at:,.0f} s" if message.delivered_at else "waits"
        title = "\n".join(printable_text(one) for one in (message.text.title, message.error) if one)
        cells = (_time(message.at), message.channel, title, delivered, str(message.tries))
        table.add_row(*(escape(str(cell)) for cell in cells))
    return table


def _time(moment: float | None) -> str | None:
    if moment is None:
        return None
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(" ", "seconds").removesuffix("+00:00")
