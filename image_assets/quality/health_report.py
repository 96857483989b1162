"""The health of a dataset as a person reads it: in the terminal and in Markdown."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from image_assets.quality.check_states import count_states
from image_assets.quality.health import CategoryHealth, Health

_SHOWN = 20
_CATEGORY_COLUMNS = ("category", "last day", "behind", "images", "quarantine", "of last day", "drift")
_SIZE_COLUMNS = ("folder", "stored", "in use")


def show_health(console: Console, health: Health) -> None:
    """Print it."""
    categories = _table(*_CATEGORY_COLUMNS)
    for one in health.categories:
        categories.add_row(*_category_cells(one), style=None if one.is_fresh else "yellow")
    console.print(categories)
    console.print(f"due by now: {health.due}; {_stale(health)}", highlight=False)
    console.print(_checks(health), highlight=False)
    for line in _not_passed(health):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    sizes = _table(*_SIZE_COLUMNS)
    for size in health.sizes:
        sizes.add_row(size.name, bytes_text(size.stored), "" if size.in_use is None else bytes_text(size.in_use))
    sizes.add_row("all", bytes_text(health.stored), "", style="bold")
    console.print(sizes)


def health_markdown(health: Health) -> str:
    """The same as Markdown."""
    lines = [
        _row(_CATEGORY_COLUMNS),
        _row(["---"] * len(_CATEGORY_COLUMNS)),
        *(_row(_category_cells(one)) for one in health.categories),
        "",
        f"Due by now: {health.due}; {_stale(health)}.",
        "",
        f"**{_checks(health)}**",
        "",
        *(f"- {line}" for line in _not_passed(health)),
        "",
        _row(_SIZE_COLUMNS),
        _row(["---"] * len(_SIZE_COLUMNS)),
    ]
    for size in health.sizes:
        lines.append(_row([size.name, bytes_text(size.stored), "" if size.in_use is None else bytes_text(size.in_use)]))
    return "\n".join([*lines, _row(["all", bytes_text(health.stored), ""])])


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
    return f"late: {', '.join(health.stale)}" if health.stale else "all categories are there"


def _checks(health: Health) -> str:
    if health.checks is None:
        return "checks: none has been evaluated yet"
    counts = count_states(health.checks)
    return "checks: " + ", ".join(f"{number:,} {state}" for state, number in counts.items())


def _not_passed(health: Health) -> list[str]:
    found = [one for one in health.checks or [] if one.state != "passed"]
    lines = [
        f"{one.state}: {one}{': ' if one.description else ''}{' '.join(one.description.split())}"
        for one in found[:_SHOWN]
    ]
    return [*lines, *([f"and {len(found) - _SHOWN:,} more"] if len(found) > _SHOWN else [])]


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    return table


def _row(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
