"""A real PostgreSQL server for the tests, where the machine has one: started on a free port, stopped at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

USER = "tests"
STARTS = 3
READY_SECONDS = 60


@dataclass(frozen=True)
class PostgresServer:
    """A running server.

    Attributes:
        port: On 127.0.0.1.
        password: Of `USER`, without which nobody gets in.
    """

    port: int
    password: str

    def url(self, database: str) -> str:
        """Where one of its databases is."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        from sqlalchemy import create_engine, text

        name = f"test_{uuid.uuid4().hex[:16]}"
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process alone; the test is skipped where there is none."""
    pytest.importorskip("dagster_postgres", reason="the extra `postgres` is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL server on this machine (looked for initdb and postgres)")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    owner = _owner(folder)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        password = secrets.token_hex(16)
        (folder / "password").write_text(password, encoding="utf-8")
        flags = ["-D", "data", "-U", USER, "-E", "UTF8", "--no-locale", "--auth=scram-sha-256", "--pwfile=password"]
        made = subprocess.run(
            [programs / "initdb", *flags, "--no-sync"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            user=owner,
            group=owner,
            extra_groups=None if owner is None else [],
        )
        assert made.returncode == 0, made.stderr
        for _ in range(STARTS):
            port = free_port()
            process = _start(programs / "postgres", folder, port, owner)
            stack.callback(_stop, process)
            server = PostgresServer(port, password)
            if _is_ready(process, server):
                yield server
                return
        pytest.fail(f"PostgreSQL did not start in {STARTS} attempts:\n{(folder / 'log').read_text()[-2000:]}")


def _programs() -> Path | None:
    """The folder of the server's programs; Debian keeps them off the PATH."""
    on_path = shutil.which("initdb")
    places = [Path(on_path).parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in places if (one / "initdb").exists() and (one / "postgres").exists()), None)


def _owner(folder: Path) -> int | None:
    """The number of the user that its processes run as, where it is another one: PostgreSQL refuses to be root's."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody").pw_uid
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user `nobody` to run it as")
    os.chown(folder, nobody, nobody)
    return nobody


def _start(program: Path, folder: Path, port: int, owner: int | None) -> subprocess.Popen[bytes]:
    # What it stores goes away with its folder: nothing has to reach the disk.
    settings = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1", "port": port}
    command = [str(program), "-D", str(folder / "data"), *(f"--{name}={value}" for name, value in settings.items())]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=owner,
            group=owner,
            extra_groups=None if owner is None else [],
        )


def _is_ready(process: subprocess.Popen[bytes], server: PostgresServer) -> bool:
    """Whether it lets somebody in: it listens before that, while it is starting up."""
    import psycopg2

    end = time.monotonic() + READY_SECONDS
    who = {"user": USER, "password": server.password, "dbname": "postgres", "connect_timeout": 2}
    while time.monotonic() < end and process.poll() is None:
        try:
            psycopg2.connect(host="127.0.0.1", port=server.port, **who).close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
