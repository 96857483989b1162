"""The Dagster UI of some datasets, started for a person: on this machine only, with everything that belongs to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NoReturn

from image_assets.alone import locked
from image_assets.dataset import bundled_names, load_datasets
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.errors import UsageError
from image_assets.orchestration.dagster_home import open_instance, usable_home
from image_assets.places import place_of
from image_assets.store.store import Store

USUAL_PORT = 3000
_HOST = "127.0.0.1"
_NOTE = "ui"  # in the Dagster home: who has it is up, and its address stands in it
_PATIENCE = 30.0


class UiEnded(UsageError):
    """Dagster ended by itself."""


@contextmanager
def dagster_ui(datasets: Sequence[str], landing: str, store: str, port: int | None = None) -> Iterator[DagsterUi]:
    """The UI and the daemon, up; all their processes end with the context.

    Args:
        datasets: Dataset files, or names of bundled ones.
        landing: The landing zone.
        store: The store.
        port: To serve at; None takes the usual one, or any that is free.

    Raises:
        DatasetError, PlaceError: of a file or a place that cannot be used.
        UsageError: the UI of this Dagster home is up already, or the port is taken.
        UiEnded: Dagster ended before it was up.
    """
    load_datasets(datasets)
    Store(store)
    home = usable_home(store)
    open_instance(store).dispose()
    variables = {
        DATASETS.name: ",".join(map(_absolute, datasets)),
        LANDING.name: place_of(landing, "landing zone").url,
        STORE.name: place_of(store, "store").url,
        "DAGSTER_HOME": str(home),
    }
    note = home / _NOTE
    with locked(note, wait=False) as ours:
        if not ours:
            address = note.read_text(encoding="utf-8") or "it is just starting"
            raise UsageError(f"the UI of {home} is up already: {address}")
        note.write_text("", encoding="utf-8")
        ui = DagsterUi(free_port(port), variables)
        try:
            ui.wait_until_up()
            note.write_text(ui.address, encoding="utf-8")
            yield ui
        finally:
            ui.end()


class DagsterUi:
    """A UI that is being served, and the daemon beside it.

    Args:
        port: That is free.
        variables: What its definitions are told by the environment.
    """

    def __init__(self, port: int, variables: dict[str, str]) -> None:
        self._port = port
        self.address = f"http://{_HOST}:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "image_assets.orchestration.ui_process", str(port)],
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            env={**os.environ, **variables},
            start_new_session=True,  # Ctrl-C reaches it through us, and its group is all that it started
        )

    def wait_until_up(self) -> None:
        """Return once it answers. Raises `UiEnded` where it ends instead."""
        while not self._answers():
            self._refuse_ended()
            time.sleep(0.2)

    def wait(self) -> NoReturn:
        """It is up until somebody stops us. Raises `UiEnded` where it ends by itself."""
        while True:  # in one long wait Ctrl-C is not noticed where another thread got the signal
            self._refuse_ended()
            time.sleep(0.2)

    def end(self) -> None:
        """Have it stop, and leave no process of it."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PATIENCE)
        finally:  # also of who does not want to wait, and presses Ctrl-C once more
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        connection = HTTPConnection(_HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _refuse_ended(self) -> None:
        status = self._process.poll()
        if status is not None:
            raise UiEnded(f"Dagster ended by itself, with status {status}; what it said stands above")


def free_port(wanted: int | None) -> int:
    """A port of this machine that nobody serves at: the wanted one, else the usual one or any other.

    Raises:
        UsageError: the wanted one is taken.
    """
    for port in (wanted,) if wanted else (USUAL_PORT, 0):
        with socket.socket() as listener, suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((_HOST, port))
            return listener.getsockname()[1]
    raise UsageError(
        f"port {wanted} of {_HOST} is taken, or may not be served at; name another --port, or none to have one found"
    )


def _absolute(dataset: str) -> str:
    """How the definitions are told of a dataset, whatever folder they are loaded in."""
    bundled = dataset in bundled_names() and not Path(dataset).exists()
    said = dataset if bundled else str(Path(dataset).absolute())
    if "," in said:
        raise UsageError(f"{said}: Dagster is told of datasets with commas between them; give it a path without commas")
    return said
