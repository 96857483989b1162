"""The UI as a person starts it: a real one, found by its address, and nothing of it left when it is stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pexpect
import pytest

from image_assets.cli import main
from image_assets.errors import UsageError
from image_assets.orchestration.ui import free_port
from tests.cli.shapes import assert_told
from tests.daemon import environment
from tests.pictures import picture

_PROGRAM = [sys.executable, "-m", "image_assets.cli"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of which `init` made a project, and nothing else."""
    folder = tmp_path / "birds"
    for kind, name in enumerate(("owl", "duck")):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(picture(kind, 0))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["init", str(folder), "--yes"]) == 0
    return folder


def surroundings(project: Path) -> dict[str, str]:
    variables = environment(project.parent, {})
    del variables["DAGSTER_HOME"]
    return variables


def processes_of(project: Path) -> list[int]:
    """The processes that were told of the project's store, by number."""
    told = f"IMAGE_ASSETS_STORE={project}/store\0".encode()
    found: list[int] = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if told in (one / "environ").read_bytes():
                found.append(int(one.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def assets_at(address: str) -> set[str]:
    query = json.dumps({"query": "{assetNodes{assetKey{path}}}"}).encode()
    asked = Request(f"{address}/graphql", query, {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(asked, timeout=60) as answer:
        nodes = json.load(answer)["data"]["assetNodes"]
    return {"/".join(node["assetKey"]["path"]) for node in nodes}


@pytest.mark.long
def test_after_init_the_ui_is_up_at_the_address_that_is_said_and_ctrl_c_ends_all_of_it(project: Path) -> None:
    if not Path("/proc/self/environ").exists():
        pytest.skip("no /proc to look for processes in")
    ui = pexpect.spawn(
        _PROGRAM[0], [*_PROGRAM[1:], "ui"], cwd=project, env=surroundings(project), encoding="utf-8", timeout=240
    )
    try:
        ui.expect(r"the UI is up: (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)")
        assert isinstance(ui.match, re.Match)
        address = str(ui.match[1])
        assert {"birds/raw_images", "birds/classifier"} <= assets_at(address)
        assert len(processes_of(project)) >= 3  # webserver, daemon and code server
        again = subprocess.run(
            [*_PROGRAM, "ui"], cwd=project, env=surroundings(project), capture_output=True, text=True, check=False
        )
        assert (again.returncode, again.stdout) == (2, "")
        assert f"the UI of {project}/dagster is up already: {address}" in again.stderr
        ui.sendintr()
        ui.expect("stopped")
        ui.expect(pexpect.EOF)
    finally:
        ui.close(force=True)
    assert ui.exitstatus == 130
    assert processes_of(project) == []


@pytest.mark.long
def test_where_the_command_is_killed_nothing_of_it_stays(project: Path) -> None:
    program = [*_PROGRAM, "ui", "--json"]
    ui = subprocess.Popen(program, cwd=project, env=surroundings(project), stdout=subprocess.PIPE, text=True)
    assert ui.stdout is not None
    with ui.stdout:
        said = json.loads(ui.stdout.readline())
    assert_told("ui", said)
    assert said["datasets"] == [str(project / "birds.yaml")]
    assert processes_of(project) != []
    os.kill(ui.pid, signal.SIGKILL)
    ui.wait()
    until = time.monotonic() + 120
    while processes_of(project) and time.monotonic() < until:
        time.sleep(0.5)
    assert processes_of(project) == []


def test_a_port_that_is_taken_is_refused_where_it_was_named_and_else_another_is_found() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=re.escape(f"port {port} of 127.0.0.1 is taken")):
            free_port(port)
        assert free_port(None) != port


def test_what_cannot_be_shown_is_refused_before_anything_is_started(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    capsys.readouterr()
    for words, said in (
        (["--dataset", "a,b.yaml"], "a,b.yaml: no such file or directory"),
        (["--store", "s3://bucket/birds"], "set DAGSTER_HOME"),
        (["--dataset", "birds.yaml", "--dataset", "birds.yaml"], "a dataset named 'birds' was already read"),
    ):
        assert main(["ui", *words]) == 2
        assert said in capsys.readouterr().err
    assert not (project / "dagster").exists()
