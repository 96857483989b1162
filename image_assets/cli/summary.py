"""What a person reads in the terminal after a run: tables of figures, what failed and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from image_assets.answers.loaded import PartitionFacts
from image_assets.classifier.places import CLASSIFIER
from image_assets.classifier.unseen import told_of_unseen
from image_assets.cli.day_report import CurrentModel, DayReport
from image_assets.health.causes import brief, by_cause, check_line, one_per_cause
from image_assets.health.day_result import CheckResult
from image_assets.reports.tables import show_table, table_with_sums
from image_assets.settings.annotated import AnnotatedSection

_SHOWN = 20


def partition_table(facts: Sequence[PartitionFacts], title: str | None = None, *, by_day: bool = False) -> Table:
    """A line per partition, or per day: what was listed and what became of it, with the sums below."""
    with_companions = any(one.companions for one in facts)
    table = table_with_sums(_totals(facts, with_companions), title)
    for same in by_cause(facts, lambda one: one.partition.date if by_day else one.partition):
        category = same[0].partition.category if len(same) == 1 else f"{len(same):,} categories"
        table.add_row(
            str(same[0].partition.date), category, *(f"{total:,}" for total in _totals(same, with_companions).values())
        )
    return table


def _totals(facts: Sequence[PartitionFacts], with_companions: bool) -> dict[str, int]:
    return {
        "listed": sum(one.listed for one in facts),
        "loaded": sum(one.loaded for one in facts),
        "duplicates": sum(one.duplicates for one in facts),
        "quarantined": sum(sum(one.quarantined.values()) for one in facts),
        **({"companions": sum(one.companions for one in facts)} if with_companions else {}),
        "features": sum(one.features for one in facts),
        "shards": sum(len(one.shard_files) for one in facts),
    }


def show_day(report: DayReport, console: Console) -> None:
    """Print what a day's run gave."""
    facts, result = report.facts, report.result
    show_table(console, partition_table(facts, f"{report.dataset.name}, {report.day}"))
    looked = {check.partition for check in result.checks}  # a partition that failed before says nothing of what arrived
    empty = [one.partition for one in facts if one.listed == one.companions and one.partition in looked]
    if empty:
        console.print(f"[yellow]nothing arrived:[/] {brief(empty)}", highlight=False)
    if report.in_no_category:
        annotated = isinstance(report.dataset.source, AnnotatedSection)
        why = ", or in several, by the annotations" if annotated else ""
        console.print(
            f"[yellow]not loaded:[/] {report.in_no_category:,} more files of {report.day}, in no category{why}; "
            "`image-assets accounting` has them as unplaced",
            highlight=False,
            soft_wrap=True,
        )
    refused = [one for one in facts if one.quarantined]
    for one in refused[:_SHOWN]:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(one.quarantined.items()))
        console.print(f"in quarantine, {one.partition.category}: {reasons}", highlight=False)
    if len(refused) > _SHOWN:
        console.print(f"in quarantine, {len(refused) - _SHOWN} more categories", highlight=False)
    _show_checks(console, result.checks)
    partitions = [one.partition for one in facts]
    for error in one_per_cause(result.errors, partitions):
        console.print(f"[bold red]failed:[/] {escape(error)}", highlight=False)
    for warning in one_per_cause(result.warnings, partitions):
        console.print(f"[yellow]warning:[/] {escape(warning)}", highlight=False)
    if not result.refreshed and result.sound:
        console.print("classifier and map were left as they are: the run was to stop before them", style="dim")
    elif not result.refreshed:
        console.print("classifier and map were left as they are, because the day did not come through", style="yellow")
    else:
        for model in report.models:
            _show_model(console, model, trained=model.asset in result.made)
    if result.seconds:
        took = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in result.seconds.items())
        console.print(f"seconds: {took}", style="dim")
    if report.unchanged_since:
        since = report.unchanged_since.astimezone(report.dataset.zone)
        console.print(
            f"nothing has changed since the run of {since:%Y-%m-%d %H:%M %Z}, which found this; to look at "
            "everything again: --verify",
            highlight=False,
            soft_wrap=True,
        )


def _show_model(console: Console, current: CurrentModel, *, trained: bool) -> None:
    """The figures of an asset's current model, and whether that is the one that was trained just now."""
    asset, model, held_back = current.asset, current.manifest, current.held_back
    if model is None:
        console.print(f"{asset}: not trained", style="yellow")
        return
    if not trained:
        console.print(f"{asset}: not trained this time", style="yellow")
    elif held_back:
        console.print(f"{asset}: the new model is held back: {held_back}", style="yellow", highlight=False)
    which = "" if trained and not held_back else f"the current model, of {model.data_day}, has "
    console.print(
        f"{asset}: {which}accuracy [bold]{model.metrics['accuracy']:.1%}[/], macro F1 "
        f"[bold]{model.metrics['macro_f1']:.3f}[/] on {model.metrics['held_out']:.0f} held-out images",
        highlight=False,
    )
    if asset == CLASSIFIER:
        console.print(escape(told_of_unseen(model)), highlight=False)


def _show_checks(console: Console, checks: Sequence[CheckResult]) -> None:
    """How many passed, and which did not: a line for a check, with all categories of which that is so."""
    failed = [check for check in checks if not check.passed]
    passed = sum(check.passed and check.evaluated for check in checks)
    not_evaluated = sum(not check.evaluated for check in checks)
    console.print(
        f"checks: [green]{passed} passed[/], {_count(failed, 'WARN')} warned, {_count(failed, 'ERROR')} failed"
        + (f", {not_evaluated} not evaluated" if not_evaluated else "")
    )
    for same in by_cause(failed, lambda one: (one.name, one.severity)):
        check = same[0]
        colour = "yellow" if check.severity == "WARN" else "red"
        blocking = ", blocking" if check.blocking else ""
        said = escape(check_line(check.name, [(one.partition, one.description) for one in same]))
        console.print(f"  [{colour}]{check.severity}{blocking}[/] {said}", highlight=False)


def _count(checks: Sequence[CheckResult], severity: str) -> int:
    return sum(check.severity == severity for check in checks)
