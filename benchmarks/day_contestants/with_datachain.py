"""DataChain: `python -m benchmarks.day_contestants.with_datachain LANDING PROCESSES`.

New and changed files only, by its own delta processing, in as many processes as asked for.
"""

from __future__ import annotations

import sys

import datachain as dc  # pyright: ignore[reportMissingImports]

from benchmarks.day_contestants.datachain_features import features


def main() -> None:
    """Bring the dataset of features up to date, and print how many rows it has."""
    landing, processes = sys.argv[1], int(sys.argv[2])
    files = dc.read_storage(landing, update=True, delta=True, delta_on="file.path")
    files.settings(parallel=processes).map(features=features).save("features")
    print(dc.read_dataset("features").count())


if __name__ == "__main__":
    main()
