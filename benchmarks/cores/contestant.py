"""One process of a measurement: gets ready, says so, does its work when told to, and says how it went.

`IMAGE_ASSETS_PROCESSES` says how many processes it is to use, its affinity which cores: both are set by who starts it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cores.work import WORK
from image_assets.engines.engine import UNIT_FILES
from image_assets.engines.pieces import made_in_order, spans
from image_assets.workers import cores

_WARM_UP_OF_A_CORE = 300
_GROUP_BYTES = 16_000_000  # as the tables' files have them


def main() -> None:
    """Run as `python -m benchmarks.cores.contestant`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=WORK)
    parser.add_argument("--photos", type=Path, required=True, help="a file with the path of a JPEG file on every line")
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--lock", action="store_true", help="say how much of the time the interpreter lock is held")
    parser.add_argument("--threads", type=int, default=cores())
    options = parser.parse_args()
    found = [Path(line) for line in options.photos.read_text(encoding="utf-8").splitlines()]
    warm_up = min(options.images, _WARM_UP_OF_A_CORE * cores())
    done(options.work, list(islice(cycle(found), warm_up)), options.threads)
    print("ready", flush=True)
    sys.stdin.readline()
    files = list(islice(cycle(found), options.images))
    lock = _watched() if options.lock else None
    began = time.perf_counter()
    for start in range(0, len(files), UNIT_FILES):
        done(options.work, files[start : start + UNIT_FILES], options.threads)
    seconds = time.perf_counter() - began
    print(json.dumps({"images": len(files), "seconds": seconds, "lock": lock() if lock else None}), flush=True)
    if lock:
        os._exit(0)  # the watching thread is none of the interpreter's, and complains when that ends


def done(work: str, files: Sequence[Path], threads: int) -> None:
    """Do one unit and write its rows, as the tables do.

    Raises:
        SystemExit: there is not a row for every file.
    """
    do, step = WORK[work]
    pieces = [files[part.start : part.stop] for part in spans(len(files), step, threads)]
    writer, waiting, held, rows = None, [], 0, 0
    with tempfile.TemporaryFile() as target, made_in_order(do, pieces, threads) as steps:
        for batch, _ in steps:
            writer = writer or pq.ParquetWriter(target, batch.schema, compression="NONE", use_dictionary=False)
            waiting.append(batch)
            rows, held = rows + batch.num_rows, held + batch.nbytes
            if held >= _GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting, held = [], 0
        if writer is not None and waiting:
            writer.write_table(pa.Table.from_batches(waiting))
        if writer is not None:
            writer.close()
    if rows != len(files):
        raise SystemExit(f"{rows} rows of {len(files)} files")


def _watched() -> Callable[[], float]:
    """Begin to watch the interpreter lock; what is returned ends that and gives the share of the time it was held.

    gilknocker asks for the lock from a thread of its own every millisecond, and counts the time until it has it.
    """
    import gilknocker

    watch: Any = gilknocker.KnockKnock(  # pyright: ignore[reportAttributeAccessIssue]  # it has no types
        polling_interval_micros=1_000, sampling_interval_micros=20_000, sleeping_interval_micros=20_000
    )
    watch.start()

    def share() -> float:
        watch.stop()
        return float(watch.contention_metric)

    return share


if __name__ == "__main__":
    main()
