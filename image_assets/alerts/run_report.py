"""What a run says that somebody may have to be told of: how its checks came out, and why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from image_assets.settings.alerts import AlertChannel, Alerts, Severity


@dataclass(frozen=True)
class CheckOutcome:
    """One evaluation of one check.

    Attributes:
        asset: Name of the asset without its dataset.
        partition: As people read it, `2026-11-20 plant`; empty for assets without partitions.
        at: When it was evaluated, POSIX seconds.
        advice: What the check says of its failure.
        figures: The numbers behind it.
    """

    dataset: str
    asset: str
    check: str
    partition: str
    run_id: str
    at: float
    passed: bool
    severity: Severity
    advice: str = ""
    figures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StepFailure:
    """A step that failed: its name in the run, the assets it would have made or checked, and the error."""

    step: str
    assets: frozenset[str]
    error: str


@dataclass(frozen=True)
class RunFailure:
    """A run that failed for another reason than a check.

    Attributes:
        at: When it ended, POSIX seconds.
        steps: The steps that failed; none where the run failed as a whole, as when its process was killed.
        error: Why the run failed, where no step did.
    """

    dataset: str
    job: str
    partition: str
    run_id: str
    at: float
    steps: tuple[StepFailure, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class RunReport:
    """What is to be told of a run."""

    outcomes: tuple[CheckOutcome, ...] = ()
    failure: RunFailure | None = None


def hears_of_check(channel: AlertChannel, alerts: Alerts, outcome: CheckOutcome) -> bool:
    """Whether a channel takes note of an evaluation.

    It does of every check that passed, since one that failed before may have done so with a severity that the channel
    hears of; whether it is told is up to the ledger.
    """
    if channel.assets and outcome.asset not in channel.assets:
        return False
    return outcome.passed or outcome.severity == "ERROR" or (channel.severity or alerts.severity) == "WARN"


def hears_of_failure(channel: AlertChannel, failure: RunFailure) -> bool:
    """Whether a channel is told of a failed run: always, unless the steps that failed are of other assets only."""
    if not channel.assets or not failure.steps:
        return True
    return any(not step.assets or step.assets & set(channel.assets) for step in failure.steps)
