"""A dataset with two channels, what its runs say of a check, and channels that keep what they are sent."""

from __future__ import annotations

from image_assets.alerts.delivery import ChannelError, record
from image_assets.alerts.ledger import Ledger, State
from image_assets.alerts.run_report import CheckOutcome, RunReport
from image_assets.alerts.text import Links, Text
from image_assets.settings.alerts import AlertChannel, Severity
from tests.platform import small_dataset

DATASET = small_dataset(alerts={"channels": [{"url_env": "TEAM"}, {"url_env": "BOSS", "severity": "ERROR"}]})
LINKS = Links(None)


class Channels:
    """Where messages go in these tests: lists, and a switch."""

    def __init__(self) -> None:
        self.sent: dict[str, list[tuple[str, State]]] = {"TEAM": [], "BOSS": []}
        self.down: set[str] = set()

    def send(self, channel: AlertChannel, text: Text, state: State) -> None:
        if channel.label in self.down:
            raise ChannelError(f"channel {channel.label} is down")
        self.sent[channel.label].append((text.title, state))

    def states(self, channel: str, check: str) -> list[State]:
        return [state for title, state in self.sent[channel] if f"/{check} " in title]


def outcome(
    run: int, *, passed: bool, check: str = "a", severity: Severity = "ERROR", at: float | None = None
) -> CheckOutcome:
    when = float(run) if at is None else at
    return CheckOutcome("drawn", "raw_images", check, "2026-11-03 plant", f"run-{run}", when, passed, severity)


def told(ledger: Ledger, *outcomes: CheckOutcome) -> None:
    record(RunReport(outcomes), DATASET.alerts, ledger, LINKS)
