"""Pixeltable: `python -m benchmarks.day_contestants.with_pixeltable LANDING`.

Features are a computed column of a table of files; those that the table has are not inserted again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pixeltable as pxt  # pyright: ignore[reportMissingImports]

from benchmarks.day_contestants.pixeltable_features import features


def main() -> None:
    """Bring the table up to date, and print how many rows it has."""
    table = pxt.create_table("images", {"path": pxt.Required[pxt.String]}, primary_key="path", if_exists="ignore")
    if "features" not in table.columns():
        table.add_computed_column(features=features(table.path))
    known = set(table.select(table.path).collect()["path"])
    found = sorted(str(path.resolve()) for path in Path(sys.argv[1]).rglob("*.jpg"))
    if new := [{"path": path} for path in found if path not in known]:
        table.insert(new)
    print(table.count())


if __name__ == "__main__":
    main()
