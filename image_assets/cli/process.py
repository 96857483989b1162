"""The command `image-assets` as a process of its own, and its end."""

from __future__ import annotations

import atexit
import os
import sys
import threading

from image_assets.cli.command import main


def process() -> None:
    """Run the command and end the process with its exit status.

    What is done at an exit is done: threads come to their end, whoever asked to be called is called, and what was
    printed is out. But modules and what they hold are not taken down one by one, for which Python takes a third of a
    second after a run: the system takes all at once, as `multiprocessing` has it of its processes.
    """
    status = main()
    threading._shutdown()  # pyright: ignore
    atexit._run_exitfuncs()  # pyright: ignore
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):  # Python says so in its own way
        sys.exit(status)
    os._exit(status)
