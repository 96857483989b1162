"""The command `image-assets migrate`: a store of an earlier version becomes one of today's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich.console import Console

from image_assets.cli.options import DatasetFile, json_option, store_option
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import Command
from image_assets.reports.tables import plain_table, show_table
from image_assets.terminal import terminal

if TYPE_CHECKING:
    from image_assets.migrations.plan import TablePlan
    from image_assets.store.store import Store

_NUMBERS = ("from", "to", "partitions", "rows")


@click.command(
    cls=Command, examples=["image-assets migrate --dry-run"], failed="a table is left that this version cannot read"
)
@store_option
@click.option("--dataset", metavar="FILE", type=DatasetFile(), help="only this dataset; default: all of the store")
@click.option("--dry-run", is_flag=True, help="only say what would be done")
@json_option
def migrate(store: str, dataset: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Make a store of an earlier version one of today's; every row stays.

    The exit status is 1 where a table is left that this version cannot read.
    """
    from image_assets.dataset import load_dataset
    from image_assets.migrations.declared import DECLARED
    from image_assets.migrations.plan import datasets_of, plan_store
    from image_assets.store.store import Store

    read = Store.to_read(store)
    datasets = [load_dataset(dataset).name] if dataset else datasets_of(read)
    plans = plan_store(read, DECLARED, datasets)
    console = terminal(stderr=as_json)
    if plans:
        _show(console, plans)
    else:
        _say(console, f"no tables in {store}")
    stuck = [plan for plan in plans if plan.is_stuck]
    if plans and not dry_run:
        stuck += _carry_all(console, Store.to_write(store), [plan for plan in plans if plan.is_due])
    moved = _move_manifests(console, read if dry_run else Store.to_write(store), datasets, dry=dry_run) if plans else 0
    if as_json:
        left = [{"table": plan.name, "reason": plan.reason} for plan in stuck]
        tables = [_as_json(plan) for plan in plans]
        print_json({"dry_run": dry_run, "tables": tables, "manifests": moved, "left": left})
    if plans and not dry_run and not stuck:
        _say_never_checked(console, read, datasets)
    for plan in stuck:
        say(f"{plan.name}: {plan.reason}", to_stderr=True)
    return 1 if stuck else 0


def _as_json(plan: TablePlan) -> dict[str, object]:
    numbers = {"version": plan.version, "to": plan.schema.version, "partitions": plan.partitions, "rows": plan.rows}
    return {"table": plan.name, "state": plan.state, **numbers, "comes": [*plan.comes], "goes": [*plan.goes]}


def _say(console: Console, line: str) -> None:
    say(line, to_stderr=console.stderr)


def _show(console: Console, plans: Sequence[TablePlan]) -> None:
    """The tables that are not of today's version, and how many are."""
    others = [plan for plan in plans if plan.state not in ("of today", "without number")]
    if others:
        table = plain_table("table", *_NUMBERS, numbers=_NUMBERS)
        table.add_column("columns")
        for plan in others:
            changes = [*(f"+{name}" for name in plan.comes), *(f"-{name}" for name in plan.goes)]
            version = "later" if plan.state == "newer" else str(plan.version)
            counts = ("", "") if plan.state == "newer" else (f"{plan.partitions:,}", f"{plan.rows:,}")
            table.add_row(plan.name, version, str(plan.schema.version), *counts, ", ".join(changes))
        show_table(console, table)
    bare = sum(plan.state == "without number" for plan in plans)
    numbers = f", {bare:,} of them without its number" if bare else ""
    _say(console, f"{len(plans) - len(others):,} of {len(plans):,} tables are of today's version{numbers}")


def _carry_all(console: Console, store: Store, plans: Sequence[TablePlan]) -> list[TablePlan]:
    """Migrate tables one after the other; those that it did not go well with, with the reason."""
    from image_assets.migrations.carry import carry
    from image_assets.migrations.plan import remedy
    from image_assets.migrations.steps import CannotDerive, RowsLost
    from image_assets.resources.progress import TerminalProgress
    from image_assets.store.tables.damage import Damaged
    from image_assets.store.tables.delta_tables import CommitConflict
    from image_assets.store.tables.versions import OtherVersion

    left: list[TablePlan] = []
    for plan in plans:
        try:
            with TerminalProgress(console).track(f"migrate {plan.name}", "partitions") as progress:
                done = carry(plan, store, progress)
        except CannotDerive as error:
            url = store.location(plan.dataset, plan.schema.name)
            left.append(replace(plan, reason=f"{error}; {remedy(plan.schema, url)}"))
        except OtherVersion as error:
            left.append(replace(plan, reason=f"it is made of another table: {error}"))
        except (CommitConflict, Damaged, RowsLost) as error:
            left.append(replace(plan, reason=str(error)))
        else:
            if plan.state == "older":
                found = f", {done.found:,} of them by an earlier call" if done.found else ""
                partitions = f"{_counted(done.partitions + done.found, 'partition')}{found}"
                _say(console, f"{plan.name}: {partitions}; {plan.rows:,} rows before, {done.rows:,} after")
    return left


def _move_manifests(console: Console, store: Store, datasets: Sequence[str], *, dry: bool) -> int:
    from image_assets.migrations.manifests import legacy_manifests, move_manifest

    number = 0
    for dataset in datasets:
        prefixes = legacy_manifests(store, dataset)
        for prefix in () if dry else prefixes:
            move_manifest(store, prefix)
        if prefixes:
            moved = "would move" if dry else "moved"
            manifests = _counted(len(prefixes), "manifest")
            _say(console, f"{dataset}: {manifests} {moved} from among the shards to their own folder")
        number += len(prefixes)
    return number


def _say_never_checked(console: Console, store: Store, datasets: Sequence[str]) -> None:
    """What checks found is not carried over: an earlier version kept it with Dagster, for tables that were others."""
    from image_assets.health.check_book import CheckBook, never_checked
    from image_assets.reports.health import never_checked_lines

    for dataset in datasets:
        for line in never_checked_lines(never_checked(store, dataset, CheckBook(store, dataset).states())):
            _say(console, f"{dataset}: {line}")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
