"""`python -m image_assets.orchestration.ui_process PORT`: Dagster's UI and daemon, while somebody holds their stdin.

Whoever starts it holds the other end of its stdin. That end is closed when they want it to stop, and by the system when
they end, however they end: a terminal that is closed leaves nothing running.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
import warnings
from threading import Event, Thread

_PATIENCE = 20.0
"""Seconds that Dagster has to stop what it started."""


_left = Event()


def _end_with_stdin() -> None:
    os.read(0, 1)
    _left.set()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_PATIENCE)
    _end_all()


def _end_all() -> None:
    """End what was started and is still there, if nothing else can be meant by this: the group is ours alone."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)


def main(port: str) -> None:
    """Serve the definitions that the environment describes, on this machine only."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been started with Ctrl-C ignored
    Thread(target=_end_with_stdin, daemon=True).start()
    # It points to `dg dev`, which is for projects of Dagster's own making.
    warnings.filterwarnings("ignore", message="Function `dev_command` is superseded")
    served = ("-m", "image_assets.definitions", "--host", "127.0.0.1", "--port", port, "--log-level", "warning")
    sys.argv = ["dagster", "dev", *served]
    try:
        runpy.run_module("dagster", run_name="__main__", alter_sys=True)
    finally:
        if _left.is_set():
            _end_all()


if __name__ == "__main__":
    main(*sys.argv[1:])
