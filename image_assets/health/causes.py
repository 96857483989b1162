"""One cause is one line: what is said of several days and categories alike is said once, with where it holds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from image_assets.schema import Partition
from image_assets.wording import some

_One = TypeVar("_One")
_SHOWN = 20


def brief(partitions: Sequence[Partition]) -> str:
    """Days and categories in few words, which name the first; `2026-11-20, animal, plant`."""
    days = sorted({one.date for one in partitions})
    categories = sorted({one.category for one in partitions})
    when = f"{days[0]}" if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"
    return f"{when}, {some(categories)}"


def check_again(partitions: Sequence[Partition]) -> str:
    """The command that has checks look at days of the store, whatever has become of their files."""
    days = sorted({one.date for one in partitions})
    when = f"--day {days[0]}" if len(days) == 1 else f"--from {days[0]} --to {days[-1]}"
    category = f" --category {partitions[0].category}" if len(partitions) == 1 else ""
    return f"image-assets run {when}{category} --checks-only"


def by_cause(found: Iterable[_One], cause: Callable[[_One], Hashable]) -> list[list[_One]]:
    """What has the same cause together, in the order of the first of each."""
    causes: dict[Hashable, list[_One]] = {}
    for one in found:
        causes.setdefault(cause(one), []).append(one)
    return list(causes.values())


def check_line(name: str, found: Sequence[tuple[Partition | None, str]]) -> str:
    """A line for a check: where it was found, and what it says, of the first where that is not everywhere the same.

    Args:
        name: Of the check.
        found: The partition, where the check has them, and what it said there.
    """
    first, said = found[0]
    said = " ".join(said.split())
    partitions = [partition for partition, _ in found if partition is not None]
    where = f" [{first if len(partitions) == 1 else brief(partitions)}]" if partitions else ""
    same = len({" ".join(text.split()) for _, text in found}) == 1
    of_the_first = "" if same else f"of {first}: "
    return f"{name}{where}{': ' if said else ''}{of_the_first}{said}"


def one_per_cause(lines: Sequence[str], partitions: Sequence[Partition]) -> list[str]:
    """Lines of a run without those that say the same of another of its partitions; the first says how many they are.

    Args:
        lines: Of errors or warnings, which may name partitions.
        partitions: Those that were run.
    """

    def cause(line: str) -> str:
        # The longest: "2026-11-20 plant" stands in "2026-11-20 plantation" too.
        found = max((str(one) for one in partitions if str(one) in line), key=len, default="")
        return line.replace(found, "") if found else line

    groups = by_cause(lines, cause)
    shown = [f"{same[0]}{f' (and {len(same) - 1:,} more like it)' if len(same) > 1 else ''}" for same in groups]
    more = len(shown) - _SHOWN
    return [*shown[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
