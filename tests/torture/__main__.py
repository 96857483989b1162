"""`python -m tests.torture`: plays rows and writes the scorecard. Exit status 1 where one is not as it should be."""

from __future__ import annotations

import argparse
import sys

from tests.torture.play import play
from tests.torture.rows import ROWS
from tests.torture.scorecard import State, read, state_of, write
from tests.torture.size import FULL


def main(arguments: list[str]) -> int:
    """Play the rows that are named, or all."""
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="which; all where none is named")
    parser.add_argument("--size", default=FULL, help="how many rounds of each: full, or a number")
    asked = parser.parse_args(arguments)
    allowed = {State.GREEN} if asked.size == FULL else {State.GREEN, State.SHORT}
    status = 0
    for name in asked.rows or ROWS:
        row = ROWS[name]
        played = play(row, asked.size) if row.tests else None
        if played is not None:
            write({**read(), name: played})
        state = state_of(row, played)
        status |= state not in allowed
        print(f"{name}: {state}{f', {played.rounds:,} {row.unit}' if played else ''}", flush=True)  # noqa: T201
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
