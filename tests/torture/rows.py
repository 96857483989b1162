"""The rows of the scorecard: what has to survive, and how much of it is played.

What belongs here: a row's declaration. How it is run and reported is the matter of its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: As the reliability tables call it.
        full: Rounds at full size; 0 where it depends on what there is.
        short: Rounds in `make test`.
    """

    name: str
    full: int
    short: int


ROWS = {row.name: row for row in (Row("R2", 0, 2),)}
