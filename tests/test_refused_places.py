"""Stores, homes and landing zones that may only be read, or not at all: one line, and nothing is made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml

from image_assets.cli import main
from image_assets.ingest import object_listing
from image_assets.orchestration.dagster_home import open_instance
from tests.ingest.archives import zipped
from tests.pictures import picture
from tests.platform import FIRST, Platform
from tests.s3_server import ACCESS_KEY, READS_ONLY, SECRET_KEY, S3Server

pytestmark = pytest.mark.local_store(reason="files and rights of a disk")

ROOT = Path(__file__).resolve().parents[1]
# Several commands in one process: most of the time of one is spent on starting it.
COMMANDS = """
import contextlib, io, json, sys
from image_assets.cli import main
said = []
for arguments in json.loads(sys.stdin.read()):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    said.append([status, out.getvalue(), err.getvalue()])
json.dump(said, sys.__stdout__)
"""


def as_a_colleague(folder: Path, *commands: list[str]) -> list[tuple[int, str, str]]:
    """Commands by somebody whom the rights of files and folders concern; each one's status and what it printed."""
    rights = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []
    if rights and not shutil.which("setpriv"):
        pytest.skip("root may read and write everything, and there is no setpriv to give that up")
    return in_a_process(folder, rights, *commands)


def in_a_process(
    folder: Path, rights: list[str], *commands: list[str], **changes: str | None
) -> list[tuple[int, str, str]]:
    """Commands with other rights and variables, None for one that is not set."""
    variables = os.environ | {"DAGSTER_HOME": None} | changes
    environment = {name: value for name, value in variables.items() if value is not None}
    done = subprocess.run(
        [*rights, sys.executable, "-c", COMMANDS],
        input=json.dumps(commands),
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [(status, out, err) for status, out, err in json.loads(done.stdout)]


def a_line(err: str) -> str:
    """What was said is wrong, in one line, below that of the settings."""
    *settings, line = err.strip().splitlines()
    assert all(" (--" in one for one in settings)
    assert line.startswith("error: ")
    return line


@pytest.fixture
def place(loaded_platform: Platform, tmp_path: Path) -> Path:
    """A folder with a dataset file, a landing zone, and the place of a store with its home."""
    platform = loaded_platform.copy_to(tmp_path / "place")
    shutil.move(tmp_path / "place/landing", tmp_path)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(tmp_path / "place/dagster"))
        open_instance(str(tmp_path / "place/store")).dispose()
    return tmp_path


def change_rights(top: Path, rights: str) -> None:
    subprocess.run(["chmod", "-R", rights, str(top)], check=True)


def files(top: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(top.rglob("*"))}


@pytest.mark.long
def test_who_may_only_read_reads_and_what_has_to_write_says_so_before_anything_is_made(place: Path) -> None:
    where = ["--dataset", "drawn.yaml", "--store", "place/store"]
    run = ["run", "--dataset", "drawn.yaml", "--day", str(FIRST)]
    (place / "shut").mkdir()
    shutil.copytree(place / "landing", place / "closed")
    change_rights(place / "place", "a-w")
    change_rights(place / "shut", "555")
    change_rights(place / "closed", "000")
    before = files(place / "place")
    try:
        told = as_a_colleague(
            place,
            ["status", *where],
            ["accounting", *where],
            ["report", *where, "--out", "r.html"],
            ["models", "list", *where],
            ["categories", "list", *where],
            ["conflicts", "list", *where],
            # What writes.
            [*run, "--landing", "landing", "--store", "place/store"],
            ["conflicts", "settle", *where, "abc", "--none"],
            ["compare", *where],
            ["models", "rollback", *where],
            ["categories", "renumber", *where],
            [*run, "--landing", "landing", "--store", "shut/in/store"],
            # Others.
            [*run, "--landing", "closed", "--store", "other/store"],
            ["report", *where, "--out", "shut/r.html"],
        )
        assert files(place / "place") == before
    finally:
        change_rights(place, "u+rwx")
    assert [status for status, _, _ in told] == [0] * 6 + [2] * 8
    status, accounting = told[0], told[1]
    assert "2026-11-04 plant" in " ".join(status[1].split())
    assert "dagster': it may only be read, and Dagster writes even to open it" in status[2]
    assert accounting[2] == "dataset drawn.yaml (--dataset), store place/store (--store)\n"
    for _, out, err in told[6:11]:
        assert out == ""
        assert f"store '{place}/place/store': it may only be read; nothing was made or changed" in a_line(err)
    assert f"Dagster's home '{place}/shut/in/dagster': '{place}/shut' may only be read" in a_line(told[11][2])
    assert "closed" in a_line(told[12][2])
    assert "ermission denied" in a_line(told[12][2])
    assert a_line(told[13][2]) == "error: shut/r.html: permission denied"
    assert not (place / "other").exists()
    assert not (place / "shut/in").exists()


def test_a_store_that_is_not_there_is_read_without_being_made(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    where = ["--dataset", f"{place}/drawn.yaml", "--store", f"{place}/nowhere/store"]
    for command, status in (
        (["status"], 1),
        (["accounting"], 2),
        (["categories", "list"], 2),
        (["conflicts", "list"], 2),
    ):
        assert main([*command, *where]) == status
    assert main(["report", *where, "--out", f"{place}/r.html"]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
    assert not (place / "nowhere").exists()


def test_a_home_below_a_file_is_refused_before_anything_is_made(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", f"{place}/drawn.yaml/home")
    where = ["--dataset", f"{place}/drawn.yaml", "--landing", f"{place}/landing", "--store", f"{place}/new/store"]
    assert main(["run", *where, "--day", str(FIRST)]) == 2
    assert f"'{place}/drawn.yaml' is a file; expected a folder" in a_line(capsys.readouterr().err)
    assert not (place / "new").exists()


@pytest.mark.parametrize("what", ["store", "landing zone", "staging", "cache"])
def test_a_place_below_a_file_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    below = f"{place}/drawn.yaml/below"
    (place / "landing" / str(FIRST) / "plant" / "more.zip").write_bytes(zipped([("more.png", picture(1, 1))]))
    monkeypatch.setenv("DAGSTER_HOME", f"{place}/home")
    monkeypatch.setenv("IMAGE_ASSETS_STAGING", below if what == "staging" else "")
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", below if what == "cache" else f"{place}/cache")
    landing = below if what == "landing zone" else f"{place}/landing"
    store = below if what == "store" else f"{place}/new/store"
    where = ["--dataset", f"{place}/drawn.yaml", "--landing", landing, "--store", store]
    status = main(["run", *where, "--day", str(FIRST), "--category", "plant", "--until", "raw_images"])
    said = capsys.readouterr()
    match what:
        case "store" | "landing zone":
            assert status == 2
            assert "drawn.yaml" in a_line(said.err)
            assert not (place / "new").exists()
        case "staging":
            assert status == 1
            assert "Notadirectory;makeroomornameanotherfolder" in "".join(said.out.split())
        case _:  # of a landing zone on disk, with the built-in model, nothing is kept there
            assert status == 0


def test_without_a_home_folder_what_needs_none_works_and_what_names_one_says_so(place: Path) -> None:
    # A user that the system does not know.
    nobody = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root may become a user that the system does not know")
    where = ["--dataset", "drawn.yaml", "--store", "place/store"]
    run = ["run", "--landing", "landing", "--day", str(FIRST), "--category", "plant", "--until", "raw_images"]
    url_list = {"name": "listed", "categories": {"plant": 0}, "start_day": str(FIRST), "source": {"kind": "url_list"}}
    (place / "listed.yaml").write_text(yaml.safe_dump(url_list | {"extractor": {"kind": "colour_statistics"}}))
    listed = ["--dataset", "listed.yaml", "--landing", "s3://bucket/lists", "--store", "new/store"]
    # The test's own folder lies in one that only its user may enter.
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(place, folder, dirs_exist_ok=True)
        subprocess.run(["chown", "-R", "54321:54321", folder], check=True)
        told = in_a_process(
            Path(folder),
            nobody,
            [*run, "--dataset", "drawn.yaml", "--store", "new/store"],
            ["status", *where],
            ["status", "--dataset", "drawn.yaml", "--store", "~/store"],
            ["status", "--dataset", "drawn.yaml", "--store", "~nobody-at-all/store"],
            ["conflicts", "settle", *where, "abc", "--none"],
            ["run", *listed, "--day", str(FIRST)],
            HOME=None,
        )
    assert [status for status, _, _ in told] == [0, 0, 2, 2, 2, 2]
    assert "'~/store': there is no home folder, since HOME is not set; name another place" in a_line(told[2][2])
    assert "there is no user 'nobody-at-all'" in a_line(told[3][2])
    assert "say who decides with --reviewer" in a_line(told[4][2])
    assert "IMAGE_ASSETS_CACHE" in a_line(told[5][2])


@pytest.fixture
def other_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keys of others are forgotten before and afterwards, as in a process of its own."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    object_listing._client.cache_clear()
    yield
    object_listing._client.cache_clear()


@pytest.mark.long
@pytest.mark.usefixtures("other_keys")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the secret key is wrong; check AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "the access key is not known there; check AWS_ACCESS_KEY_ID"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "nobody answers at http://127.0.0.1:1; check AWS_ENDPOINT_URL"),
        ({"AWS_ALLOW_HTTP": "false"}, "is not encrypted; set AWS_ALLOW_HTTP=true"),
        ({"bucket": "nowhere-at-all"}, "there is no such bucket; name another one or make it"),
        (dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), READS_ONLY, strict=True)), "do not allow it"),
    ],
    ids=["secret", "key", "port", "http", "bucket", "list"],
)
def test_what_a_bucket_refuses_is_one_line_of_every_command(
    place: Path,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    said: str,
) -> None:
    settings = {
        "AWS_ENDPOINT_URL": s3_server.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": s3_server.region,
        "AWS_ALLOW_HTTP": "true",
        "DAGSTER_HOME": f"{place}/home",
        "bucket": s3_server.bucket(),
    } | change
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    where = ["--dataset", f"{place}/drawn.yaml", "--store", f"s3://{settings['bucket']}/store"]
    dataset = yaml.safe_load((place / "drawn.yaml").read_text())
    (place / "bucket.yaml").write_text(yaml.safe_dump(dataset | {"source": {"kind": "bucket"}}))
    arrives = ["--dataset", f"{place}/bucket.yaml", "--landing", f"s3://{settings['bucket']}/landing"]
    # Who lists a bucket takes an address as it is; of one that is not encrypted, who reads is told.
    lists = [] if "AWS_ALLOW_HTTP" in change else [["run", *arrives, "--store", f"{place}/new", "--day", str(FIRST)]]
    for command in (
        *lists,
        ["status", *where],
        ["accounting", *where],
        ["report", *where, "--out", f"{place}/r.html"],
        ["models", "list", *where],
        ["categories", "list", *where],
        ["run", *where, "--landing", f"{place}/landing", "--day", str(FIRST)],
        ["compare", *where],
    ):
        assert main(command) == 2
        assert said in a_line(capsys.readouterr().err)
    assert not (place / "home").exists()
    assert not (place / "new").exists()
