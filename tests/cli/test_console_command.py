"""`image-assets console`: it says where it is once it answers, and ends when it is told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from image_assets.cli import main
from tests.cli.shapes import assert_told
from tests.platform import Platform


@pytest.fixture
def project(loaded_platform: Platform, tmp_path: Path) -> Path:
    """The folder of a project with what is loaded; nothing is changed there."""
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    places = f"landing: {loaded_platform.landing}\nstore: {loaded_platform.root / 'store'}\n"
    (tmp_path / "image-assets.yaml").write_text(f"dataset: drawn.yaml\n{places}")
    return tmp_path


def test_it_tells_where_it_is_answers_and_ends(project: Path) -> None:
    words = [sys.executable, "-m", "image_assets.cli", "console", "--port", "0", "--json"]
    token = {"IMAGE_ASSETS_CONSOLE_TOKEN": "a-token-of-somebody"}
    with subprocess.Popen(
        words, cwd=project, env={**os.environ, **token}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            said = json.loads(program.stdout.readline())
            assert_told("console", said)
            assert said["token"] is None  # who chose it knows it
            assert said["link"] == f"{said['url']}/"
            with httpx.Client(base_url=said["url"], trust_env=False, timeout=60) as client:
                assert client.get("/enter?token=a-token-of-somebody&to=/models").is_redirect
                assert client.get("/healthz").json() == {"alive": True}
        finally:  # it would be waited for without end
            program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=60)
    assert program.returncode == 143
    assert out == ""
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["console", "--port", str(port)]) == 2
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in capsys.readouterr().err


def test_a_token_that_is_too_short_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("IMAGE_ASSETS_CONSOLE_TOKEN", "short")
    assert main(["console"]) == 2
    assert "IMAGE_ASSETS_CONSOLE_TOKEN: expected at least 16" in capsys.readouterr().err
