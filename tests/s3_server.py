"""A real S3 server for the tests: SeaweedFS, started in a temporary folder and stopped at the end of the session.

Unlike an imitation inside the test process it checks signatures and checksums and honours conditional writes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS_KEY, SECRET_KEY, REGION = "testkey", "testsecret", "us-east-1"
LISTS_ONLY = "listingkey", "listingsecret"
"""Keys that may list and not read."""
READS_ONLY = "readingkey", "readingsecret"
"""Keys that may read what they know the name of, and not list."""
STARTS = 5
READY_SECONDS = 30
# The server needs P … P+4 and, for its internal protocol, P+10000 … P+10004. Both ranges lie below the ports that
# systems hand out to outgoing connections.
FIRST_PORT, PORT_BLOCKS, BLOCK = 11_000, 900, 10


@dataclass(frozen=True)
class S3Server:
    """A running server and how to reach it."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION

    @property
    def storage_options(self) -> dict[str, str]:
        """Options under object_store's names, for obstore, deltalake and Polars."""
        return {
            "aws_endpoint": self.endpoint,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_region": self.region,
            "aws_allow_http": "true",
        }

    def bucket(self, *, versions: bool = False) -> str:
        """A new, empty bucket, which keeps versions or does not; its name."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 1}),
        )
        client.create_bucket(Bucket=name)
        if versions:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server of this test process alone."""
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for attempt in range(STARTS):
            port = _free_port(attempt)
            process = _start(folder / str(attempt), port)
            stack.callback(_stop, process, port)
            server = S3Server(f"http://127.0.0.1:{port + 3}")
            if _is_ready(server, process):
                yield server
                return
        logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in folder.glob("*/server.log"))
        pytest.fail(f"the S3 server did not start in {STARTS} attempts:\n{logs}")


def _free_port(attempt: int) -> int:
    """The first port of a free block; test processes side by side begin to look at different places."""
    for step in range(PORT_BLOCKS):
        first = FIRST_PORT + (os.getpid() + 101 * attempt + step) % PORT_BLOCKS * BLOCK
        if all(_is_free(first + base + i) for base in (0, 10_000) for i in range(5)):
            return first
    raise RuntimeError("no ten free ports for the S3 server")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    data = folder / "data"
    data.mkdir(parents=True)
    rights = {(ACCESS_KEY, SECRET_KEY): ["Admin", "Read", "Write", "List", "Tagging"], LISTS_ONLY: ["List"]}
    rights[READS_ONLY] = ["Read"]
    identities = [
        {"name": access, "credentials": [{"accessKey": access, "secretKey": secret}], "actions": actions}
        for (access, secret), actions in rights.items()
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}), encoding="utf-8")
    ports = {f"{service}.port": port + i for i, service in enumerate(("master", "volume", "filer", "s3", "admin"))}
    # No admin page, no WebDAV, no table catalogues.
    flags = ports | {"admin.ui": "false", "webdav": "false", "s3.port.iceberg": 0, "s3.port.lance": 0}
    # Every bucket takes volumes of its own, and by itself the server has as many as would fit if all of them were full.
    flags["volume.max"] = 1_000_000
    command = [
        str(Path(sysconfig.get_path("scripts"), "weed")),
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-s3.config={config}",
        *(f"-{flag}={value}" for flag, value in flags.items()),
    ]
    # It keeps keys and settings in the home folder: give it one that goes away again.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _is_ready(server: S3Server, process: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            server.bucket()
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
        else:
            return process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes], port: int) -> None:
    # What it stored goes away with its folder: no need to wait for it to close its files.
    process.kill()
    process.wait()
    # It puts sockets into the system's temporary folder, whatever it is told.
    for used in (first + i for first in (port, port + 10_000) for i in range(5)):
        for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{used}.sock"):
            left.unlink(missing_ok=True)
