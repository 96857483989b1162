"""The command `image-assets`: its commands, and how each of them ends."""

from __future__ import annotations

import gc as collector  # `gc` is a command
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import shell_complete
from rich.markup import escape

from image_assets.cli.accounting import accounting
from image_assets.cli.alerts import alerts
from image_assets.cli.bucket import bucket
from image_assets.cli.categories import categories
from image_assets.cli.closed_pipe import NOBODY_READS, left_by_reader
from image_assets.cli.collect import collect
from image_assets.cli.compare import compare
from image_assets.cli.conflicts import conflicts
from image_assets.cli.console import console
from image_assets.cli.demo import demo
from image_assets.cli.gc import gc
from image_assets.cli.init import init
from image_assets.cli.land import land
from image_assets.cli.migrate import migrate
from image_assets.cli.models import models
from image_assets.cli.predict import predict
from image_assets.cli.refusals import line_of
from image_assets.cli.remove import remove
from image_assets.cli.repair import repair
from image_assets.cli.report import report
from image_assets.cli.run import run
from image_assets.cli.runs import runs
from image_assets.cli.share import share
from image_assets.cli.similar import similar
from image_assets.cli.status import status
from image_assets.cli.suspects import suspects
from image_assets.cli.ui import ui
from image_assets.cli.verify import verify
from image_assets.cli.words import CommandGroup, usage_line
from image_assets.interrupts import terminated_as_interrupted
from image_assets.terminal import terminal
from image_assets.wording import printable_text

_NAME = "image-assets"
_COMPLETION = "_IMAGE_ASSETS_COMPLETE"  # as click names it; shells set it when somebody presses Tab
_BAD_USAGE, _WIDEST = 2, 80


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=_NAME, prog_name=_NAME, message="%(prog)s %(version)s")
def image_assets() -> None:
    """A data platform for images, day by day."""


for _command in (
    *(init, run, land, collect, status, ui, predict, similar, conflicts, suspects, alerts, accounting, report),
    *(bucket, categories, migrate, models, compare, runs, console, share, verify, repair, gc, remove, demo),
):
    image_assets.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Exit status: 0 done, 1 a check or a run failed, 2 bad usage, input or places, 130 Ctrl-C, 141 nobody reads
    what is printed any more, 143 SIGTERM.
    """
    if instruction := os.environ.get(_COMPLETION):
        return shell_complete(image_assets, {}, _NAME, _COMPLETION, instruction)
    asked: Mapping[str, Any] = {}
    with terminated_as_interrupted() as interrupt:
        try:
            words = [*(sys.argv[1:] if arguments is None else arguments)]
            width = min(shutil.get_terminal_size().columns, _WIDEST) - 2  # by itself click needs 50
            with image_assets.make_context(_NAME, words, terminal_width=width) as context:
                asked = context.ensure_object(dict)
                return image_assets.invoke(context)
        except click.exceptions.Exit as end:  # of --help and --version
            return end.exit_code
        except click.UsageError as error:
            return _refused(usage_line(error))
        except KeyboardInterrupt:
            _say("stopped; run the same command again to go on from here")
            return interrupt.status
        except BaseException as error:  # a panic of a library in Rust is no `Exception`
            if left_by_reader(error):
                return NOBODY_READS
            said = line_of(error, asked)
            if said is None:
                raise
            return _refused(said)
        finally:
            # What was imported at once is an ordinary part again of a process that goes on.
            collector.unfreeze()


def _refused(said: str) -> int:
    _say(f"[bold red]error:[/] {escape(printable_text(said))}")
    return _BAD_USAGE


def _say(line: str) -> None:
    terminal(stderr=True).print(line, highlight=False, soft_wrap=True)
