"""What a worker process does: one piece of a unit after the other, each into a file. It ends with who started it.

What belongs here: what runs in that process and nowhere else. Imports are few, as every process begins with them.
"""

from __future__ import annotations

import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa

from image_assets.engines.at_work import end_notes
from image_assets.memory import PeakMemory, hand_back

P = TypeVar("P")
E = TypeVar("E")

Step = tuple[pa.RecordBatch, E]
"""Rows, and what else there is to tell of them: small, and it can be pickled."""
Work = Callable[[P, int], Iterator[Step[E]]]
"""Does a piece with so many threads. It can be pickled, and so can the piece."""

_TRIES = 3


@dataclass(frozen=True)
class PieceMade(Generic[E]):
    """What a worker says of a finished piece: its rows are in the file.

    Attributes:
        path: An Arrow file with a batch for every step; none where the piece has no step.
        told: The second half of every step.
        peak_bytes: Most memory that the worker had resident meanwhile.
    """

    path: str
    told: list[E]
    peak_bytes: int


def begin_worker(parent: Connection, scratch: str) -> None:
    """Have this process end when the other end of the connection is closed: by its owner, or because that is gone.

    The signal of Ctrl-C is the owner's to answer; it is kept from workers before they begin.
    """
    from joblib.externals.loky import process_executor

    # The library ends a process that has grown by 300 MB since its first piece, as if it leaked: it has loaded a model.
    process_executor._USE_PSUTIL = False

    def watch() -> None:
        try:
            parent.recv_bytes()  # nothing is ever sent
        except (EOFError, OSError):
            _leave(Path(scratch))

    threading.Thread(target=watch, name="owner", daemon=True).start()


def _leave(scratch: Path) -> None:
    end_notes()
    # Another worker may write a last file meanwhile; the one that ends last finds no more.
    for _ in range(_TRIES):
        shutil.rmtree(scratch, ignore_errors=True)
        if not scratch.exists():
            break
    os._exit(1)


def do_piece(work: Work[P, E], piece: P, threads: int, path: str) -> PieceMade[E]:
    """Do a piece and write its rows to `path`. What `work` raises is raised here, as it can be sent."""
    hand_back()
    peak, told = PeakMemory(), []
    writer: pa.RecordBatchFileWriter | None = None
    try:
        for rows, more in work(piece, threads):
            writer = writer or pa.ipc.new_file(path, rows.schema)
            writer.write_batch(rows)
            told.append(more)
        if writer is not None:
            writer.close()
    except Exception as error:  # noqa: BLE001  # whatever it is goes to who waits for it
        raise _that_can_be_sent(error) from None
    return PieceMade(path, told, peak.bytes())


def _that_can_be_sent(error: Exception) -> Exception:
    try:
        sent = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # whatever its class does when it is made again
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error if str(sent) == str(error) else RuntimeError(f"{type(error).__name__}: {error}")
