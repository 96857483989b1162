"""How long work tells where it is: lines in the run's log, or bars in a terminal."""

from __future__ import annotations

import io
import logging
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.progress import Task as BarTask
from rich.text import Text

from image_assets.terminal import terminal
from image_assets.workers import Progress

if TYPE_CHECKING:
    from dagster import DagsterLogManager

_LOG = logging.getLogger(__name__)
Log: TypeAlias = "logging.Logger | DagsterLogManager"


class ProgressReporter(Protocol):
    """Shows the progress of one piece of work at a time."""

    def track(self, title: str, unit: str, log: Log | None = None) -> AbstractContextManager[Progress]:
        """A progress function for a piece of work named `title` that counts `unit`s."""
        ...


class LogProgress:
    """Writes progress to the log of the run: how much, how fast, how long still.

    Args:
        seconds: Time between two lines.
    """

    def __init__(self, seconds: float = 10) -> None:
        self._seconds = seconds

    @contextmanager
    def track(self, title: str, unit: str, log: Log | None = None) -> Iterator[Progress]:
        """Log a line every few seconds."""
        began = said = time.monotonic()
        there: int | None = None

        def progress(done: int, total: int) -> None:
            nonlocal said, there
            there = done if there is None else there
            now = time.monotonic()
            if now - said >= self._seconds and done:
                said = now
                (log or _LOG).info(describe(title, unit, done, total, now - began, there))

        yield progress


class TerminalProgress:
    """Draws a bar; where the output is no terminal, nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def track(self, title: str, unit: str, log: Log | None = None) -> Iterator[Progress]:  # noqa: ARG002  # no log here
        """Draw a bar until the work is done, and leave it standing."""
        bars = Bars(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            MofNCompleteColumn(),
            _Rate(unit),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        with bars:
            task = bars.add_task(title, total=None, visible=False)  # until there is some work
            yield lambda done, total: bars.update(task, completed=done, total=total, visible=True)
            total = bars.tasks[0].total
            bars.update(task, completed=total or 0, total=total or 0)


def terminal_console(stream: TextIO) -> Console:
    """A console on `stream` that stays there while Dagster, during a run, redirects the output to its logs."""
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, io.UnsupportedOperation):  # a stream that is no file: nothing redirects it
        return terminal(stream)
    return terminal(os.fdopen(descriptor, "w", encoding="utf-8", buffering=1))


class _Rate(TaskProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: BarTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self._unit}/s" if speed else "")


def describe(title: str, unit: str, done: int, total: int, seconds: float, there: int = 0) -> str:
    """One line of progress; `seconds` since the beginning, when `there` were found done by an earlier run."""
    rate = (done - there) / seconds if seconds > 0 else 0.0
    left = f", {(total - done) / rate:,.0f} s left" if rate and done < total else ""
    return f"{title}: {done:,} of {total:,} {unit}, {rate:,.0f} {unit}/s{left}"
