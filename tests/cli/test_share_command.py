"""`image-assets share`, what it refuses, and all that its page shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml

from image_assets.cli import main
from image_assets.environment import SHARE_URL
from image_assets.shares.record import ShareBook
from tests.cli.shapes import assert_told
from tests.console.served import served, settings_of
from tests.platform import FIRST, Platform
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs/sharing.md"
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def project(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A copy of what is loaded, as the project of a folder."""
    platform = loaded_platform.copy_to(tmp_path_factory.mktemp("project"))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    (platform.root / "image-assets.yaml").write_text("dataset: drawn.yaml\nlanding: landing\nstore: store\n")
    return platform


@pytest.fixture
def run(project: Platform, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(project.root)

    def run(*words: str) -> tuple[int, str]:
        status = main(["share", *words, "--quiet"])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_a_link_is_made_listed_and_revoked(run: Run, project: Platform) -> None:
    status, said = run("--for", "36h", "--category", "plant", "--day", str(FIRST), "--note", "for us", "--json")
    made = json.loads(said)
    assert status == 0
    assert_told("share", made)
    assert re.fullmatch(r"http://127\.0\.0\.1:9797/share/[\w-]{43}/", made["link"])
    assert (made["state"], made["note"], made["rows"]) == ("open", "for us", 16)
    token = made["link"].split("/")[-2]
    assert [token in file.read_text() for file in (project.files / "drawn/shares").iterdir()] == [False]
    _, listed = run("--list", "--json")
    assert_told("share", json.loads(listed))
    assert [one["id"] for one in json.loads(listed)["shares"]] == [made["id"]]
    assert made["id"] in run("--list")[1]
    status, revoked = run("--revoke", made["id"][:5], "--json")
    assert_told("share", json.loads(revoked))
    assert (status, json.loads(revoked)["state"]) == (0, "revoked")
    assert "revoked" in run("--list")[1]
    assert run("--for", "1h", "--category", "plant")[0] == 0
    _, cleared = run("--clear", "--json")
    assert_told("share", json.loads(cleared))
    assert [one["id"] for one in json.loads(cleared)["cleared"]] == [made["id"]]
    _, left = run("--list", "--json")
    assert [one["state"] for one in json.loads(left)["shares"]] == ["open"]
    assert "0 links that lead nowhere" in run("--clear")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say for how long, as --for 7d"),
        (["--category", "plant"], "say for how long, as --for 7d"),
        (["--list", "--for", "7d"], "or give --list, --revoke ID or --clear, alone"),
        (["--list", "--clear"], "or give --list, --revoke ID or --clear, alone"),
        (["--for", "7"], "'7' is no time; expected minutes, hours, days or weeks"),
        (["--for", "0d"], "'0d' is no time"),
        (["--for", "4000d"], "a share lasts up to 3,650 days"),
        (["--for", "7d", "--category", "owl"], "drawn: there is no category 'owl'; there are "),
        (["--for", "7d", "--day", "2026-11-09"], "nothing of this is published of drawn"),
        pytest.param(
            *(["--for", "7d", "--direct"], "only a bucket has links of its own"),
            marks=pytest.mark.local_store(reason="what only a bucket has"),
        ),
        (["--for", "7d", "--direct", "--note", "x"], "--note is kept with a link that can be revoked"),
        (["--for", "7d", "--url", "data.example.org"], "is no address of a console"),
        (["--revoke", "0000"], "there is no such share"),
    ],
)
def test_what_cannot_be_shared_is_told(run: Run, words: list[str], said: str) -> None:
    status, told = run(*words)
    assert status == 2
    assert said in told


def test_a_name_of_the_console_is_one(project: Platform, monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(project.root)
    for words, said in ((["--name", "https://x"], "expected a host's name alone"), ([], "is no address of a console")):
        monkeypatch.setenv(SHARE_URL.name, "ftp://x")
        assert main(["console", "--port", "0", *words]) == 2
        assert said in capsys.readouterr().err


def test_the_commands_of_the_page_work_one_after_the_other(project: Platform, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shells = [(more, content) for language, more, content in blocks(PAGE) if language == "sh"]
    # The page revokes the first that is listed; of links that others made in the same second it may be any.
    book = ShareBook(project.store, project.dataset.name)
    for one in book.all():
        book.revoke(one.id)
    book.clear()
    assert [more for more, _ in shells] == ["", "", "", "link", "link", "", "bucket"]

    def bash(content: str, folder: Path, **more: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", content],
            cwd=folder,
            env={**os.environ, "PATH": path, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    with served(settings_of(project), ready=False) as console:
        here = {SHARE_URL.name: str(console.base_url).rstrip("/")}
        said = bash(shells[0][1], project.root, **here)
        (link,) = re.findall(r"^http\S+/share/\S+/$", said, re.MULTILINE)
        for more, content in shells[3:5]:
            assert more == "link"
            bash(content, tmp_path, LINK=link)
        assert len([*(tmp_path / "feature_shards").rglob("*.parquet")]) == 4
        assert "leads nowhere since" in bash(shells[1][1], project.root)
        assert httpx.get(link, trust_env=False).status_code == 410
        assert "lead nowhere are forgotten" in bash(shells[2][1], project.root)
        assert httpx.get(link, trust_env=False).status_code == 404
    assert "https://data.example.org/share/" in bash(shells[5][1], project.root)
