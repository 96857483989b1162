"""The health of a dataset as a person reads it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape

from image_assets.answers.health import CategoryHealth, Health
from image_assets.health.causes import brief, by_cause, check_again, check_line
from image_assets.health.check_book import CheckState, count_states
from image_assets.health.days import TO_BE_RUN, DayState, NeverRun, OpenDay
from image_assets.markdown import markdown_table, plain
from image_assets.reports.tables import plain_table, show_table
from image_assets.schema import Partition
from image_assets.wording import printable_text, some

_SHOWN, _CATEGORIES_SHOWN, _SIZES_SHOWN = 20, 10, 3
_REMEDIES: dict[DayState, str] = {
    "landed and not run": "`image-assets run --day` loads them, or the next run at 07:00",
    "landed since it was run": "`image-assets run --late` takes what is new of them",
    "run and failed": "they failed or are still running: run them again once the cause is gone",
    "not run": "whether anything arrived is not known",
}
_CATEGORY_COLUMNS = ("category", "last day", "behind", "images", "quarantine", "of last day", "drift")
_SIZE_COLUMNS = ("folder", "stored", "in use")


def show_health(console: Console, health: Health, *, everything: bool = False) -> None:
    """Print it: what wants somebody first, one line per cause and what fits a screen, or everything."""
    console.print(f"due by now: {health.due}; {_stale(health)}", highlight=False)
    for line in _open_days(health, everything=everything):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(_checks(health), highlight=False)
    for line in (*never_checked_lines(health.never_checked), *_not_passed(health, everything=everything)):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    _show_categories(console, health, everything=everything)
    _show_sizes(console, health, everything=everything)


def _show_categories(console: Console, health: Health, *, everything: bool) -> None:
    """All, or some of many: those that want somebody first."""
    shown = health.categories
    if not everything and len(shown) > _CATEGORIES_SHOWN:
        shown = sorted(shown, key=_urgency)[:_CATEGORIES_SHOWN]
    table = plain_table(*_CATEGORY_COLUMNS, numbers=_CATEGORY_COLUMNS[1:])
    for one in shown:
        table.add_row(*_category_cells(one), style=None if one.is_fresh else "yellow")
    show_table(console, table)
    if more := len(health.categories) - len(shown):
        console.print(f"and {more:,} more categories (--all shows all)", highlight=False)


def _urgency(one: CategoryHealth) -> tuple[bool, bool, bool]:
    return one.is_fresh, one.stopped is None, one.drift not in ("warned", "failed")


def _show_sizes(console: Console, health: Health, *, everything: bool) -> None:
    """What every folder takes, or in one line what the largest take."""
    if not everything:
        largest = sorted(health.sizes, key=lambda size: -size.stored)[:_SIZES_SHOWN]
        named_sizes = ", ".join(f"{size.name} {bytes_text(size.stored)}" for size in largest)
        console.print(f"stored: {bytes_text(health.stored)}, most of it {named_sizes}", highlight=False)
        return
    sizes = plain_table(*_SIZE_COLUMNS, numbers=_SIZE_COLUMNS[1:])
    for size in health.sizes:
        sizes.add_row(size.name, bytes_text(size.stored), "" if size.in_use is None else bytes_text(size.in_use))
    sizes.add_row("all", bytes_text(health.stored), "", style="bold")
    show_table(console, sizes)


def health_markdown(health: Health) -> str:
    """The same as Markdown."""
    sizes = [
        (one.name, bytes_text(one.stored), "" if one.in_use is None else bytes_text(one.in_use)) for one in health.sizes
    ]
    lines = [
        markdown_table(_CATEGORY_COLUMNS, map(_category_cells, health.categories)),
        "",
        f"Due by now: {health.due}; {_stale(health)}.",
        "",
        *(f"- {plain(line)}" for line in _open_days(health)),
        "",
        f"**{_checks(health)}**",
        "",
        *(f"- {plain(line)}" for line in (*never_checked_lines(health.never_checked), *_not_passed(health))),
        "",
        markdown_table(_SIZE_COLUMNS, [*sizes, ("all", bytes_text(health.stored), "")]),
    ]
    return "\n".join(lines)


def bytes_text(number: int) -> str:
    """A number of bytes for people: 950 B, 1.2 kB, 3.4 MB."""
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _category_cells(one: CategoryHealth) -> list[str]:
    days = "1 day" if one.days_behind == 1 else f"{max(one.days_behind or 0, 0)} days"
    behind = "never loaded" if one.days_behind is None else days
    return [
        one.category,
        str(one.last_day or "none"),
        behind,
        f"{one.images:,}",
        f"{one.quarantine_rate:.1%}",
        f"{one.quarantine_rate_last_day:.1%}",
        one.drift or "unknown",
    ]


def _stale(health: Health) -> str:
    said = []
    if health.to_be_run:
        said.append(f"to be run: {len(health.to_be_run):,} days and categories")
    if health.stale:
        said.append(f"late: {some(health.stale)}")
    if health.stopped:
        said.append(f"nothing arrives any more: {some(health.stopped)}")
    return "; ".join(said) or "all categories are there"


def open_day_lines(days: Sequence[OpenDay]) -> list[str]:
    """Which days and categories somebody has to run, and what to do: a line per cause."""
    causes = by_cause([one for one in days if one.state in TO_BE_RUN], lambda one: one.state)
    return [f"{same[0].state}: {brief([one.partition for one in same])}; {_REMEDIES[same[0].state]}" for same in causes]


def never_checked_lines(partitions: Sequence[Partition]) -> list[str]:
    """A line for what holds images and was never checked, as what an earlier version loaded, and what to do."""
    return [f"never checked: {brief(partitions)}; `{check_again(partitions)}` looks at them"] if partitions else []


def misnamed_lines(folders: Mapping[str, dt.date]) -> list[str]:
    """A line for the folders of the landing zone that mean a day and are named otherwise."""
    said = [f"{name} must be named {day}" for name, day in sorted(folders.items())]
    return [f"not run, as no folders of days: {some(said)}"] if said else []


def beside_lines(names: Sequence[str]) -> list[str]:
    """A line for what lies in the landing zone in no folder of a day."""
    said = f"in no folder of a day, and never loaded: {some(names)}; put what is to be loaded under its day"
    return [said] if names else []


def ahead_lines(days: NeverRun) -> list[str]:
    """A line for the days of the landing zone that are to come."""
    said = f"landed for days to come, and not run until then: {some(days.ahead)}; is it the right year?"
    return [said] if days.ahead else []


def before_lines(days: NeverRun) -> list[str]:
    """A line for the days of the landing zone before the dataset's first."""
    said = (
        f"landed before start_day, and never run: {some(days.before)}; is it the right year? Else set start_day earlier"
    )
    return [said] if days.before else []


def _open_days(health: Health, *, everything: bool = False) -> list[str]:
    """A line per cause, or per day and category; a landing zone that cannot be asked is said where it matters."""
    if everything:
        groups = by_cause(health.open_days, lambda one: one.state)
        lines = [f"{one.state}: {one.partition}" for same in groups for one in same]
    else:
        lines = open_day_lines(health.open_days)
    lines += [*misnamed_lines(health.misnamed), *beside_lines(health.beside_days)]
    lines += [*before_lines(health.never_run), *ahead_lines(health.never_run)]
    return [*lines, *([f"the landing zone was not asked: {health.landing}"] if health.landing else [])]


def _checks(health: Health) -> str:
    if health.checks is None:
        return "checks: none has been evaluated yet"
    counts = count_states(health.checks)
    return "checks: " + ", ".join(f"{number:,} {state}" for state, number in counts.items())


def _acknowledged(health: Health, same: Sequence[CheckState]) -> str:
    said = [found for one in same if (found := health.acknowledgement(one))]
    if not said:
        return ""
    latest = max(said, key=lambda one: one.at)
    how_many = "" if len(said) == len(same) else f"{len(said)} of them "
    return printable_text(f" ({how_many}acknowledged by {latest.by}, {latest.at[:10]}: {latest.comment})")


def _not_passed(health: Health, *, everything: bool = False) -> list[str]:
    """A line per cause, or per check and partition; each says how much of it is acknowledged."""
    found = [one for one in health.checks or [] if one.state not in ("passed", "not evaluated")]
    groups = [[one] for one in found] if everything else by_cause(found, lambda one: (one.state, one.asset, one.check))
    lines = [
        f"{same[0].state}: {check_line(same[0].name, [(one.partition, one.description) for one in same])}"
        f"{_acknowledged(health, same)}"
        for same in groups
    ]
    if everything or len(lines) <= _SHOWN:
        return lines
    return [*lines[:_SHOWN], f"and {len(lines) - _SHOWN:,} more causes (--all shows all)"]
