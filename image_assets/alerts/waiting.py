"""Alerts that nobody has been told yet, though somebody should have been."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


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
