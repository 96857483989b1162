"""What commands print, write and record of images with hostile words all over them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from rich.console import Console

from image_assets.environment import ALERT_LEDGER
from image_assets.schema import RAW_IMAGES
from image_assets.shares.record import ShareBook
from image_assets.terminal import terminal
from tests.hostile.planted import planted, said_by, say_of_it
from tests.hostile.test_texts import tags_in
from tests.hostile.words import NAMES, bad_signs
from tests.platform import FIRST, Platform

READING = (
    "status",
    "status --all",
    "conflicts list",
    "suspects",
    "accounting",
    "models list --history",
    "models show",
    "share --list",
    "categories list",
    "verify",
    "repair --dry-run",
    "gc --dry-run",
    "runs prune --dry-run",
    "migrate --dry-run",
    "alerts list",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, tuple[int, str, str]]:
    """The platform, and how its run ended and what it said."""
    with planted("folders", tmp_path_factory.mktemp("hostile")) as made:
        ended = said_by(made, "run", "--day", str(FIRST))
        say_of_it(made)
        return made, ended


@pytest.fixture(scope="module")
def platform(run: tuple[Platform, tuple[int, str, str]]) -> Platform:
    return run[0]


def test_what_a_run_says_is_plain_text(run: tuple[Platform, tuple[int, str, str]]) -> None:
    status, said, besides = run[1]
    assert status == 0, said + besides
    assert_plain(said + besides, "run")
    assert "photo\\u202egnp.exe" in said.replace("\n", "")


@pytest.fixture(autouse=True)
def _nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> None:
    monkeypatch.setenv("COLUMNS", "4000")
    monkeypatch.setenv(ALERT_LEDGER.name, str(platform.root / "alerts.sqlite"))


def assert_plain(said: str, where: object) -> None:
    """See that a terminal obeys nothing of it, and that nobody who wrote a part of it began a line of their own."""
    assert bad_signs(said) == set(), (where, ascii(said))
    assert not re.search(r"one\s*\n\s*Bcc", said), where


@pytest.mark.parametrize("command", READING)
def test_what_a_command_says_is_plain_text(platform: Platform, command: str) -> None:
    for more in ([], ["--json"]):
        _, said, besides = said_by(platform, *command.split(), *more)
        assert_plain(said + besides, command)
        if more:
            assert len(said.splitlines()) == 1, besides
            json.loads(said)


def test_names_that_are_given_to_a_command_are_plain_text_in_what_it_says(platform: Platform, tmp_path: Path) -> None:
    files = []
    for number, name in enumerate(NAMES):
        picture = platform.landing / str(FIRST) / "plant" / NAMES[number]
        (tmp_path / name).write_bytes(picture.read_bytes() if number % 2 else b"<html>404</html>")
        files.append(str(tmp_path / name))
    image = platform.rows(RAW_IMAGES)["image_id"][0]
    for words in (
        ["predict", *files],
        ["predict", *files, "--json"],
        ["similar", image],
        ["similar", files[1]],
        *(["predict", f"{name} is not there"] for name in NAMES),
        *(["similar", f"{name} is not there"] for name in NAMES),
        *(["status", "--dataset", f"{name}.yaml"] for name in NAMES),
        *(["status", "--store", name, "--landing", name] for name in NAMES),
        *(["land", "--category", "plant", "--day", str(FIRST), file] for file in files),
        *(["land", "--category", name, "--day", str(FIRST), files[0]] for name in NAMES),
        *(["conflicts", "settle", name, "--none"] for name in NAMES),
        *(["remove", name, "--reason", name, "--dry-run"] for name in NAMES),
        *(["remove", image, "--reason", name, "--dry-run"] for name in NAMES),
        *(["share", "--for", "1h", "--note", name] for name in NAMES),
        *([name] for name in NAMES),
        *(["status", f"--{name}"] for name in NAMES),
        *(["run", "--day", name] for name in NAMES),
    ):
        _, said, besides = said_by(platform, *words)
        assert_plain(said + besides, words)


def test_a_table_of_the_accounts_has_no_formulas(platform: Platform, tmp_path: Path) -> None:
    assert said_by(platform, "accounting", "--csv", str(tmp_path / "accounts.csv"))[0] == 0
    rows = [*csv.DictReader(io.StringIO((tmp_path / "accounts.csv").read_text()))]
    assert rows
    assert [text for row in rows for text in row.values() if text and text[0] in "=+@\t\r\n"] == []


def metadata(platform: Platform) -> Iterator[tuple[str, dg.MetadataValue]]:
    """All that Dagster's UI shows of the runs of a platform beside their log: where from, and what."""
    with dg.DagsterInstance.from_config(str(platform.root / "dagster")) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                event = entry.dagster_event
                if event is None:
                    continue
                if event.is_step_materialization:
                    made = event.step_materialization_data.materialization
                    yield from ((f"{made.asset_key}/{name}", value) for name, value in made.metadata.items())
                elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                    check = event.asset_check_evaluation_data
                    yield from ((f"{check.check_name}/{name}", value) for name, value in check.metadata.items())
                    yield f"{check.check_name}/description", dg.MetadataValue.md(check.description or "")


def test_what_dagster_shows_of_its_runs_is_text(platform: Platform) -> None:
    found = [*metadata(platform)]
    kinds = {type(value).__name__ for _, value in found}
    assert {"MarkdownMetadataValue", "TextMetadataValue"} <= kinds
    for where, value in found:
        text = str(value.value)
        assert bad_signs(text) == set(), (where, ascii(text[:2000]))
        if isinstance(value, dg.MarkdownMetadataValue):
            tags = [one for one in tags_in(text) if not one.startswith("<img alt=") or 'src="data:image/' not in one]
            assert tags == [], where
    whole = "\n".join(str(value.value) for _, value in found)
    assert "elsewhere.invalid" in whole  # the words are there


def test_what_dagster_keeps_of_the_log_is_plain_text(platform: Platform) -> None:
    with dg.DagsterInstance.from_config(str(platform.root / "dagster")) as instance:
        lines = [entry.message for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
    assert any("photo\\u202egnp.exe" in line for line in lines)
    assert [ascii(line) for line in lines if bad_signs(line)] == []


def test_signs_that_a_terminal_obeys_are_seen_where_they_are_printed_as_they_are(platform: Platform) -> None:
    """The control: the same line without what the platform does."""
    (note, *_) = [one.note for one in ShareBook(platform.store, "drawn").all() if "\x1b" in one.note]
    out = io.StringIO()
    Console(file=out).print(note, markup=False)
    assert "\x1b" in bad_signs(out.getvalue())
    out = io.StringIO()
    terminal(out).print(note, markup=False)
    assert bad_signs(out.getvalue()) == set()
    assert "title" in out.getvalue()
