"""The function that DataChain gives every new file to; it wants annotations that are types."""

import datachain as dc  # pyright: ignore[reportMissingImports]

from benchmarks.day_contestants.squares import model


def features(file: dc.File) -> list[float]:
    """Of one photo: DataChain hands functions one row at a time."""
    return model().features([file.read()])[0].tolist()
