"""How many rounds of a row a test plays, and where it tells what it has played."""

from __future__ import annotations

import json
import os

from tests.torture.rows import ROWS

SIZE = "TORTURE_SIZE"
"""`full`, or a number of rounds; not set in `make test`, which plays few."""
FIGURES = "TORTURE_FIGURES"
"""A file that takes a line of JSON for what was played."""
FULL = "full"


def is_torture() -> bool:
    """Whether more is asked for than `make test` plays."""
    return bool(os.environ.get(SIZE))


def is_full() -> bool:
    """Whether all rounds are asked for."""
    return os.environ.get(SIZE) == FULL


def rounds_of(name: str) -> int:
    """How many rounds of a row are asked for."""
    row, asked = ROWS[name], os.environ.get(SIZE, "")
    if asked == FULL:
        return row.full
    return min(int(asked), row.full or int(asked)) if asked else row.short


def record(name: str, rounds: int = 1, **figures: float) -> None:
    """Tell that rounds of a row were played, and what was counted with them; nothing where nobody asks."""
    if path := os.environ.get(FIGURES):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"row": name, "rounds": rounds, "figures": figures}) + "\n")
