"""The command `image-assets runs prune`: Dagster's records of old runs are removed."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from image_assets.environment import KEEP_RUNS_DAYS


def add_runs_commands(commands: Any) -> None:
    """Add `runs prune` to the subparsers of a command line."""
    runs = commands.add_parser("runs", help="Dagster's records of runs")
    actions = runs.add_subparsers(required=True, metavar="ACTION")
    pruned = actions.add_parser("prune", help="remove old runs; what they made and checked stays known")
    pruned.add_argument("--store", required=True, metavar="URL", help="the store whose runs are recorded beside it")
    says = f"remove runs that ended so many days ago; default {KEEP_RUNS_DAYS.name}, or else {KEEP_RUNS_DAYS.default}"
    pruned.add_argument("--keep-days", type=_days, metavar="DAYS", help=says)
    pruned.add_argument("--dry-run", action="store_true", help="only say how many there are")
    pruned.set_defaults(command=_prune)


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, 1 or more")
    return int(text)


def _prune(options: argparse.Namespace) -> int:
    import datetime as dt

    from image_assets.orchestration.dagster_home import existing_instance
    from image_assets.orchestration.runner import UsageError
    from image_assets.run_history.job import days_to_keep
    from image_assets.run_history.prune import PruneError, prune

    instance = existing_instance(options.store)
    if instance is None:
        raise UsageError(f"no runs are recorded for {options.store}: there is no dagster.yaml in the Dagster home")
    try:
        days = options.keep_days or days_to_keep()
        before = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        pruned = prune(instance, before, dry_run=options.dry_run)
    except (PruneError, ValueError) as error:
        raise UsageError(str(error)) from error
    finally:
        instance.dispose()
    did = "would be removed" if options.dry_run else f"removed, with {pruned.events:,} entries of the logs"
    kept = f"; {pruned.kept:,} older ones stay: not ended, or the last of their kind and not gone well"
    Console().print(
        f"{pruned.runs:,} runs that ended before {before:%Y-%m-%d} {did}{kept if pruned.kept else ''}",
        highlight=False,
        soft_wrap=True,
    )
    return 0
