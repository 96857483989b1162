"""Ray Data: files read by tasks, and one fused class of decoder and model on two actors.

Of the forms that were tried this is the fastest: separate stages for decoder and model ship pixels through the object
store; with as many CPUs declared as there are, the actors take them all and the readers starve.
"""

from __future__ import annotations

import os
from typing import Any

import pyarrow as pa

from benchmarks.extraction.contestant import SCHEMA, Task, image_id, rows, write
from benchmarks.extraction.inputs import BATCH, IMAGE_SIZE, WIDTH
from image_assets.workers import cores

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


class Extract:
    """Our decoder and a session of one thread, in an actor."""

    def __init__(self, module: str) -> None:
        from image_assets.features.tf_hub import TfHubExtractor

        self._extractor = TfHubExtractor(module, IMAGE_SIZE, WIDTH, "onnxruntime")

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Files in, rows out."""
        import numpy as np

        from image_assets.features.decode import prepared

        contents = batch["bytes"].to_pylist()
        squares = np.stack([prepared(content, self._extractor) for content in contents])
        return pa.Table.from_batches([rows([image_id(one) for one in contents], self._extractor.infer(squares))])


def run(task: Task) -> None:
    """Read, map, collect."""
    import ray
    import ray.data

    ray.init(
        address="local",
        num_cpus=2 * cores(),
        log_to_driver=False,
        configure_logging=False,
        include_dashboard=False,
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    task.ready()
    dataset = ray.data.read_binary_files([str(photo) for photo in task.photos], include_paths=False).map_batches(
        Extract,
        fn_constructor_args=(task.module,),
        batch_size=BATCH,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=cores()),
        num_cpus=1,
    )
    tables = dataset.iter_batches(batch_size=None, batch_format="pyarrow")
    write(task.output, (batch for table in map(_arrow, tables) for batch in table.cast(SCHEMA).to_batches()))
    ray.shutdown()


def _arrow(table: Any) -> pa.Table:
    return table  # what batch_format="pyarrow" gives; the declared type is that of another format
