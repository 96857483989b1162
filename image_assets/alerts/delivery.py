"""Recording what a run says for every channel, and handing what waits in the ledger to the channels."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from image_assets.alerts.ledger import Entry, Ledger, Message, State
from image_assets.alerts.run_report import RunReport, hears_of_check, hears_of_failure
from image_assets.alerts.text import Links, Text, text_of_check, text_of_failure
from image_assets.alerts.together import HOLD_SECONDS, grouped, text_of
from image_assets.dataset import DatasetSpec
from image_assets.settings.alerts import AlertChannel, Alerts

# Dagster gives a sensor a minute. A channel that is down keeps a tick for at most one of the sender's timeouts.
_TICK_SECONDS = 30


class ChannelError(Exception):
    """A channel that cannot be used or did not accept a message: which and why, without its URL."""


class Sender(Protocol):
    """Hands messages to channels."""

    def send(self, channel: AlertChannel, text: Text, state: State) -> None:
        """Return once the channel has accepted the message; raise `ChannelError` where it has not."""
        ...


@dataclass(frozen=True)
class Delivery:
    """What a delivery did: alerts accepted, what is wrong with which channel, alerts held back for now."""

    delivered: int = 0
    problems: tuple[str, ...] = ()
    held: int = 0


def record(report: RunReport, alerts: Alerts, ledger: Ledger, links: Links) -> None:
    """Have every channel take note of what it hears of a run. Recording a run again changes nothing."""
    checks = [(outcome, text_of_check(outcome, links)) for outcome in report.outcomes]
    entries = [
        Entry(channel.label, outcome, text)
        for channel in alerts.channels
        for outcome, text in checks
        if hears_of_check(channel, alerts, outcome)
    ]
    if (failure := report.failure) is not None:
        text = text_of_failure(failure, links)
        entries += [Entry(c.label, failure, text) for c in alerts.channels if hears_of_failure(c, failure)]
    if entries:
        ledger.record(entries)


def deliver(dataset: DatasetSpec, ledger: Ledger, sender: Sender, *, only_new: bool = False) -> Delivery:
    """Hand what waits to its channel, in the order of what it tells; what has one cause in one message.

    What is accepted is marked at once. After a message that is not, the channel is left alone until the next call.
    Channels that answered last come first, then those that were not asked for longest: several that hang take the
    whole of a call, and must not keep it from the others.

    Args:
        only_new: Leave alone a channel that has not accepted a message before.
    """
    until = time.monotonic() + _TICK_SECONDS
    delivered = held = 0
    problems: list[str] = []
    with ledger.delivering() as mine:
        pending = [(one, ledger.pending(dataset.name, one.label)) for one in dataset.alerts.channels if mine]
        for channel, waiting in sorted(pending, key=lambda one: _last_refused(one[1])):
            if only_new and any(message.tries for message in waiting):
                continue
            groups, held_back = grouped(waiting, _told_lately(ledger, dataset.name, channel.label))
            held, left = held + held_back, len(waiting) - held_back
            for group in groups:
                if time.monotonic() > until:
                    break
                try:
                    sender.send(channel, text_of(group), group[0].state)
                except ChannelError as error:
                    ledger.mark_refused(group[0], str(error))
                    problems.append(f"{error}; {left} alerts wait, to be sent again")
                    break
                for message in group:
                    ledger.mark_delivered(message)
                delivered, left = delivered + len(group), left - len(group)
    return Delivery(delivered, tuple(problems), held)


def _last_refused(waiting: Sequence[Message]) -> float:
    """When a channel last refused one of the messages that wait for it; 0 where it refused none."""
    return max((message.tried_at or 0 for message in waiting), default=0)


def _told_lately(ledger: Ledger, dataset: str, channel: str) -> dict[str, set[str]]:
    """The partitions of every cause that the channel was told of a short while ago."""
    lately: dict[str, set[str]] = {}
    for message in ledger.delivered_since(dataset, channel, time.time() - HOLD_SECONDS):
        lately.setdefault(message.cause, set()).add(message.partition)
    return lately
