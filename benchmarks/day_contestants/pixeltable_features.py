"""The function of the computed column: Pixeltable wants it in a module of its own, with annotations that are types."""

from pathlib import Path

import pixeltable as pxt  # pyright: ignore[reportMissingImports]
from pixeltable.func import Batch  # pyright: ignore[reportMissingImports]

from benchmarks.day_contestants.squares import model

_BATCH = 64


@pxt.udf(batch_size=_BATCH)
def features(path: Batch[str]) -> Batch[pxt.Array[(None,), pxt.Float]]:  # pyright: ignore[reportGeneralTypeIssues]
    """Of a batch of photos."""
    return list(model().features([Path(one).read_bytes() for one in path]))
