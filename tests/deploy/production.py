"""A deployment of separate processes on this machine: code server, daemon and webserver, as in `deploy/README.md`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from tests.ports import free_port

T = TypeVar("T")

PATIENCE = 300
"""Seconds that something may take which happens by itself."""


class Service:
    """A process that is started, killed and started again, and ended with all that it ever started.

    Args:
        name: Of its log in `folder`.
        command: A program beside this Python, and what it is told.
    """

    def __init__(self, name: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        self._folder, self._environment = folder, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []

    @property
    def log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._groups.append(self._process.pid)

    def kill(self) -> None:
        """End its own process at once; its children live on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """End it with all that it has started, also before it was killed: runs outlive their code server."""
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()


class Production:
    """The three services of a deployment. A context manager: they are up within, and none of them after it.

    Args:
        home: `DAGSTER_HOME`, with its `dagster.yaml` in place.
        workspace: What webserver and daemon load.
        environment: Of all of them.

    Attributes:
        code_location: Variables that say where the code server is.
    """

    def __init__(self, home: Path, workspace: Path, environment: Mapping[str, str]) -> None:
        code, web = free_port(), free_port()
        self._address = f"http://127.0.0.1:{web}"
        self.code_location = {"CODE_SERVER_HOST": "127.0.0.1", "CODE_SERVER_PORT": str(code)}
        told = {**environment, **self.code_location}
        here = ["-h", "127.0.0.1", "-p"]
        grpc = ["dagster", "api", "grpc", "-m", "image_assets.definitions", *here, str(code)]
        self.code_server = Service("code-server", grpc, home, told)
        self.daemon = Service("daemon", ["dagster-daemon", "run", "-w", str(workspace)], home, told)
        web_command = ["dagster-webserver", "-w", str(workspace), *here, str(web)]
        self.webserver = Service("webserver", web_command, home, told)
        self._all = (self.code_server, self.daemon, self.webserver)
        self._code_port = code

    def __enter__(self) -> Production:
        try:
            self.code_server.start()
            self.wait_for("code server", lambda: _listens(self._code_port) or None)
            self.daemon.start()
            self.webserver.start()
            self.wait_for("code location", self._location)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for service in self._all:
            service.end()

    def restart_code_server(self) -> None:
        """Have the code server come up again, as whatever watches over it does."""
        self.code_server.start()
        self.wait_for("code server", lambda: _listens(self._code_port) or None)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The answer of the webserver's GraphQL interface."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = Request(f"{self._address}/graphql", body, {"Content-Type": "application/json"})
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            told = json.load(answer)
        assert "errors" not in told, told
        return told["data"]

    def wait_for(self, what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
        """What `look` finds, as soon as it finds something; fails with the ends of the logs where it never does."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (found := look()) is not None:
                return found
            time.sleep(0.2)
        ends = (f"{one.name}:\n" + "\n".join(_lines(one.log)[-25:]) for one in self._all)
        raise AssertionError(f"no {what} within {seconds} s\n" + "\n".join(ends))

    def _location(self) -> bool | None:
        try:
            told = self.ask("{repositoriesOrError{... on RepositoryConnection{nodes{name}}}}")
        except (URLError, ConnectionError, TimeoutError):
            return None
        return bool(told["repositoriesOrError"].get("nodes")) or None


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
