"""Secrets are set wherever one is used, and looked for in all that commands say and leave, also where they fail."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml

from tests.alerts.receivers import reserved_port
from tests.leaks.planted import CONSOLE_TOKEN, PROXY_PASSWORD, Planted
from tests.leaks.search import cell_of, in_folder, in_store, leaks
from tests.platform import FIRST
from tests.postgres_server import PostgresServer
from tests.s3_server import S3Server
from tests.test_docs import blocks

DAY = str(FIRST)
ROOT = Path(__file__).parents[2]
WRONG = "planted-Wrong-secret-key"
READING = (
    "status --all",
    "accounting",
    "verify",
    "report --out page.html",
    "gc --dry-run",
)


@pytest.fixture(scope="module")
def planted(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A deployment whose day was run."""
    made = Planted(tmp_path_factory.mktemp("planted"), s3_server)
    status, said = made.says("run", "--day", DAY)
    (made.root / "said by run").write_bytes(said)
    assert status == 0, said.decode()
    return made


def left_by(planted: Planted) -> list[str]:
    """What is found in everything that lies in the deployment's folders."""
    return leaks(in_folder(planted.root), planted.secrets)


@pytest.mark.long
def test_a_day_that_is_run_and_read_leaves_no_secret(planted: Planted) -> None:
    for words in READING:
        status, said = planted.says(*words.split())
        (planted.root / f"said by {words.replace('/', ' ')}").write_bytes(said)
        assert status == 0, said.decode()
    assert left_by(planted) == []
    assert leaks(in_store(planted.store), planted.secrets) == []


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that nobody listens on."""
    with closing(reserved_port()) as held:
        yield held.getsockname()[1]


def faults(nobody: int) -> Mapping[str, Mapping[str, str]]:
    """What is wrong with the environment, by what it is."""
    proxy = f"http://user:{PROXY_PASSWORD}@127.0.0.1:{nobody}"
    return {
        "the bucket is away": {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{nobody}"},
        "the bucket is away, and its address holds a password": {"AWS_ENDPOINT_URL": proxy},
        "the secret key is wrong": {"AWS_SECRET_ACCESS_KEY": WRONG},
        "the key is not known": {"AWS_ACCESS_KEY_ID": "planted", "AWS_SECRET_ACCESS_KEY": WRONG},
        "there is no such bucket": {"IMAGE_ASSETS_STORE": "s3://no-bucket-of-this-name/store"},
        "the landing zone is away": {"IMAGE_ASSETS_LANDING": f"http://user:{PROXY_PASSWORD}@host/landing"},
    }


@pytest.mark.long
def test_a_run_that_fails_says_and_leaves_no_secret(planted: Planted, nobody: int) -> None:
    planted.secrets["wrong secret key"] = WRONG
    for what, changed in faults(nobody).items():
        status, said = planted.says("run", "--day", DAY, changed=changed)
        (planted.root / f"said where {what}").write_bytes(said)
        assert status != 0, (what, said.decode())
    assert left_by(planted) == []


@pytest.mark.long
def test_a_channel_that_refuses_is_told_without_its_secrets(planted: Planted) -> None:
    with planted.hook.up(), planted.mails.up():
        assert planted.says("alerts", "test")[0] == 0
        planted.hook.status = 500
        wrong = planted.variables["MAIL_URL"].replace(planted.mails.password, PROXY_PASSWORD)
        _, refused = planted.says("alerts", "test", changed={"MAIL_URL": wrong})
        planted.hook.status = 200
    _, away = planted.says("alerts", "test")
    for name, said in (("refused", refused), ("away", away)):
        assert said.count(b"failed") == 2, said
        (planted.root / f"said where channels are {name}").write_bytes(said)
    assert left_by(planted) == []


@pytest.mark.long
def test_what_the_console_says_and_answers_holds_no_secret(planted: Planted) -> None:
    program = [sys.executable, "-m", "image_assets.cli", "console", "--port", "0", "--json"]
    log = planted.root / "said by the console"
    with log.open("wb") as file:
        console = subprocess.Popen(
            program, cwd=planted.root, env=planted.variables, stdout=subprocess.PIPE, stderr=file, text=True
        )
        try:
            assert console.stdout is not None
            first = console.stdout.readline()
            assert leaks([("line", first.encode())], planted.secrets) == []
            with httpx.Client(base_url=yaml.safe_load(first)["url"], trust_env=False, timeout=60) as client:
                client.get("/enter", params={"token": CONSOLE_TOKEN, "to": "/gallery"})
                for address in ("/", "/gallery", "/models", "/shares", "/metrics", "/v1/status", "/openapi.json"):
                    answer = client.get(address)
                    assert leaks([(address, answer.content)], planted.secrets) == []
                client.post("/v1/marks", json={}, headers={"authorization": f"Bearer {CONSOLE_TOKEN}"})
                client.get("/enter", params={"token": f"{CONSOLE_TOKEN}-not"})
        finally:
            console.send_signal(signal.SIGTERM)
            console.wait(60)
    assert left_by(planted) == []


(_CONFIG,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "file=dagster.yaml"]


@pytest.mark.long
def test_records_in_postgresql_hold_no_secret_and_no_error_says_where_they_are(
    s3_server: S3Server, postgres_server: PostgresServer, nobody: int, tmp_path: Path
) -> None:
    variable = yaml.safe_load(_CONFIG)["storage"]["postgres"]["postgres_url"]["env"]
    made = Planted(tmp_path, s3_server)
    made.secrets["password of the database"] = postgres_server.password
    made.variables[variable] = database = postgres_server.new_database()
    (tmp_path / "home" / "dagster.yaml").write_text(_CONFIG)
    status, said = made.says("run", "--day", DAY)
    (tmp_path / "said by run").write_bytes(said)
    assert status == 0, said.decode()
    for fault, changed in {
        "is away": f"postgresql+psycopg2://tests:{postgres_server.password}@127.0.0.1:{nobody}/nothing",
        "is another": database.replace("/test_", "/other_"),
        "does not let in": database.replace(postgres_server.password, WRONG),
        "has no such user": database.replace("//tests:", "//others:"),
        "is no address": f"postgres:/{postgres_server.password}",
    }.items():
        status, said = made.says("status", changed={variable: changed})
        (tmp_path / f"said where the database {fault}").write_bytes(said)
    made.secrets["wrong password"] = WRONG
    assert left_by(made) == []
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        found = []
        for table in sa.inspect(engine).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):
                cells = [bytes(cell) if isinstance(cell, memoryview) else str(cell).encode() for cell in row]
                found += [one for cell in cells for one in leaks(cell_of(table, cell), made.secrets)]
    engine.dispose()
    assert found == []


@pytest.mark.long
def test_a_secret_that_somebody_wrote_into_the_dataset_file_is_found(s3_server: S3Server, tmp_path: Path) -> None:
    """The control."""
    made = Planted(tmp_path, s3_server)
    file = tmp_path / "drawn.yaml"
    file.write_text(file.read_text().replace("description: ''", f"description: by {CONSOLE_TOKEN}"))
    assert made.says("run", "--day", DAY)[0] == 0
    assert any("exploration.html" in one for one in leaks(in_store(made.store), made.secrets))
    assert left_by(made) == ["drawn.yaml: token of the console"]
