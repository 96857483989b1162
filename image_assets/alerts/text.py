"""What a message says: a title of one line and a body in Markdown, with figures and links into the UI."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import quote

from image_assets.alerts.run_report import CheckOutcome, RunFailure
from image_assets.markdown import plain
from image_assets.wording import printable_text

_FIGURES = 20
_CHARACTERS = 400
_ERROR_CHARACTERS = 1_500


@dataclass(frozen=True)
class Text:
    """Title and body of a message."""

    title: str
    body: str


@dataclass(frozen=True)
class Links:
    """Addresses in the Dagster UI.

    Attributes:
        base: Where the UI is, such as `https://dagster.example.org`; without it messages have no links.
    """

    base: str | None

    def run(self, run_id: str) -> str | None:
        """A run, with its log."""
        return self._address(f"/runs/{quote(run_id, safe='')}")

    def check(self, run_id: str, dataset: str, asset: str, check: str) -> str | None:
        """An evaluation of a check in the log of its run; the check's own page would open on another partition's."""
        said = f"asset check '{check}' on '{dataset}/{asset}'"
        return self._address(f"/runs/{quote(run_id, safe='')}?logs={quote(said, safe='')}")

    def _address(self, path: str) -> str | None:
        return f"{self.base.rstrip('/')}{path}" if self.base else None


def text_of_check(outcome: CheckOutcome, links: Links) -> Text:
    """What is said when the check failed or, where it passed, when it had failed before."""
    name = f"{outcome.asset}/{outcome.check}"
    where = f", {outcome.partition}" if outcome.partition else ""
    if outcome.passed:
        title = f"[{outcome.dataset}] recovered: {name} passes again{where}"
    else:
        title = f"[{outcome.dataset}] {outcome.severity}: {name} failed{where}"
    figures = [f"- {key}: {_plain(value)}" for key, value in list(outcome.figures.items())[:_FIGURES]]
    parts = [
        "" if outcome.passed else _plain(outcome.advice),
        "\n".join(figures),
        f"Evaluated {_moment(outcome.at)} in run {outcome.run_id}.",
        _link("Check", links.check(outcome.run_id, outcome.dataset, outcome.asset, outcome.check)),
        _link("Run", links.run(outcome.run_id)),
    ]
    return Text(title, "\n\n".join(part for part in parts if part))


def text_of_failure(failure: RunFailure, links: Links) -> Text:
    """What is said of a run that failed."""
    where = f", {failure.partition}" if failure.partition else ""
    what = ", ".join(step.step for step in failure.steps) or failure.job
    parts = [
        f"Job {failure.job} failed {_moment(failure.at)}, run {failure.run_id}.",
        *(f"Step {one.step}:\n\n{_block(one.error)}" for one in failure.steps),
        "" if failure.steps else _block(failure.error),
        _link("Run", links.run(failure.run_id)),
    ]
    title = f"[{failure.dataset}] run failed: {what}{where}"
    return Text(title, "\n\n".join(part for part in parts if part))


def _link(name: str, address: str | None) -> str:
    # The address itself, not behind a word: a mail's plain text keeps it, and a chat makes it a link.
    return f"{name}: <{address}>" if address else ""


def _moment(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(text: str) -> str:
    """Text by a check, which may hold names of files, as `plain` and not too long."""
    shown = plain(text)
    return f"{shown[:_CHARACTERS]}{'…' if len(shown) > _CHARACTERS else ''}"


def _block(text: str) -> str:
    shown = printable_text(text.replace("```", "'''").strip(), kept="\n\t")
    return f"```\n{shown[:_ERROR_CHARACTERS]}{'…' if len(shown) > _ERROR_CHARACTERS else ''}\n```"
