"""Pieces of work for the tests of processes, and a program that has them done. Worker processes import this."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from image_assets.engines.pieces import made_in_order

Numbers = Iterator[tuple[pa.RecordBatch, int]]


def numbers(piece: range, threads: int) -> Numbers:
    """A batch for every number, with the process that made it."""
    for number in piece:
        yield pa.RecordBatch.from_pydict({"number": [number, -number]}), os.getpid()


def fails(piece: range, threads: int) -> Numbers:
    for rows, told in numbers(piece, threads):
        if 5 in piece:
            raise PermissionError(13, "not allowed", "there")
        yield rows, told


def times_out(piece: range, threads: int) -> Numbers:
    """What a store that does not answer ends in."""
    raise TimeoutError("the store has not answered")
    yield


class CannotBeSent(Exception):
    """It cannot be made again from what it keeps."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} and {other}")


def fails_in_its_own_way(piece: range, threads: int) -> Numbers:
    raise CannotBeSent("this", "that")
    yield


def dies_once(marker: Path, piece: range, threads: int) -> Numbers:
    """The process that comes to the fifth number dies as by `kill -9`, once."""
    for rows, told in numbers(piece, threads):
        if 5 in piece and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), 9)
        yield rows, told


def dies(piece: range, threads: int) -> Numbers:
    os.kill(os.getpid(), 9)
    yield from numbers(piece, threads)


def stops_once(marker: Path, piece: range, threads: int) -> Numbers:
    """The process that comes to the fifth number is stopped as by somebody's `kill -STOP`, once."""
    for rows, told in numbers(piece, threads):
        if 5 in piece and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
        yield rows, told


def hangs(piece: range, threads: int) -> Numbers:
    """Every process that comes to the fifth number waits for what never comes."""
    for rows, told in numbers(piece, threads):
        if 5 in piece:
            threading.Event().wait()
        yield rows, told


def goes_on_slowly(seconds: float, piece: range, threads: int) -> Numbers:
    """Each number takes long."""
    for rows, told in numbers(piece, threads):
        time.sleep(seconds)
        yield rows, told


def has_no_memory(piece: range, threads: int) -> Numbers:
    """The process that comes to the fifth number is given no more memory than it has, and asks for more."""
    for rows, told in numbers(piece, threads):
        if 5 in piece:
            resource.setrlimit(resource.RLIMIT_AS, (1_000_000, resource.getrlimit(resource.RLIMIT_AS)[1]))
            bytearray(100_000_000)
        yield rows, told


def waits(folder: Path, piece: range, threads: int) -> Numbers:
    """Leaves the mark of its process, and goes on for a long time."""
    (folder / str(os.getpid())).touch()
    for rows, told in numbers(piece, threads):
        time.sleep(60)
        yield rows, told


def main() -> None:
    """Have what takes a long time done, and say how it ended."""
    try:
        with made_in_order(partial(waits, Path(sys.argv[1])), [range(2), range(2, 4)], 2) as steps:
            list(steps)
    except KeyboardInterrupt:
        sys.stdout.write("interrupted\n")


if __name__ == "__main__":
    main()
