"""Every variable that is named anywhere is declared, documented and read; one that is misspelt is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.cli import main
from image_assets.environment import ENGINE, LANDING, STORE, VARIABLES, UnknownVariable, refuse_unknown
from tests.store_files import files_at

ROOT = Path(__file__).resolve().parents[1]
NAMES = {variable.name for variable in VARIABLES}
CODE = [
    file
    for folder in ("image_assets", "asset_checks", "io_managers", "resources", "benchmarks")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in (".py", ".yaml") and file.name != "environment.py"
]
OTHERS = [ROOT / "Makefile", ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "workspace.yaml"]
OTHERS += [file for folder in ("docs", ".ci", "deploy") for file in (ROOT / folder).rglob("*") if file.is_file()]


def named_in(file: Path) -> set[str]:
    text = file.read_bytes().decode("utf-8", "replace")
    return set(re.findall(r"\bIMAGE_ASSETS_[A-Z0-9_]*[A-Z0-9]", text))


def test_every_name_in_code_and_documentation_is_declared() -> None:
    found = {name: file.name for file in (*CODE, *OTHERS) for name in named_in(file)}
    assert len(found) == len(NAMES)
    assert {name: file for name, file in found.items() if name not in NAMES} == {}


def test_every_variable_is_read_by_somebody_and_by_its_declaration() -> None:
    declared = (ROOT / "image_assets/environment.py").read_text(encoding="utf-8")
    code = "\n".join(file.read_text(encoding="utf-8") for file in CODE if file.suffix == ".py")
    for name in NAMES:
        (constant,) = re.findall(rf'^(\w+) = Variable\(\s*"{name}"', declared, re.MULTILINE)
        assert re.search(rf"\b{constant}\.(value|said)\b|\bplace_or_default\({constant}\)", code), (
            f"{name} is declared and never read"
        )
    assert not re.search(r'environ[^\n]*"IMAGE_ASSETS_', code)


def test_the_documentation_lists_every_variable_as_it_is_declared() -> None:
    page = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `IMAGE_ASSETS_")]
    assert rows == [variable.row for variable in VARIABLES]


def test_what_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE.name, "")
    assert (STORE.said, STORE.value) == ("", "store")
    monkeypatch.setenv(STORE.name, "elsewhere")
    assert (STORE.said, STORE.value) == ("elsewhere", "elsewhere")
    monkeypatch.delenv(ENGINE.name, raising=False)
    assert ENGINE.value == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("IMAGE_ASSETS_LANDNG", LANDING.name),
        ("IMAGE_ASSETS_LEDGER", "IMAGE_ASSETS_ALERT_LEDGER"),
        ("IMAGE_ASSETS_KEEP_DAYS", "IMAGE_ASSETS_KEEP_RUNS_DAYS"),
        ("IMAGE_ASSET_STORE", STORE.name),
        ("IMAGES_ASSETS_STORE", STORE.name),
        ("image_assets_store", STORE.name),
        ("IMAGE_ASSETS_store", STORE.name),
        ("IMAGE_ASSETS_DATASET", "IMAGE_ASSETS_DATASETS"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_one_that_is_meant(name: str, meant: str) -> None:
    with pytest.raises(UnknownVariable) as refused:
        refuse_unknown(["HOME", name, *NAMES])
    assert f"{name}, which is read by nobody; did you mean {meant}?" in str(refused.value)


def test_several_are_told_together_and_one_like_none_with_all_that_there_are() -> None:
    with pytest.raises(UnknownVariable) as refused:
        refuse_unknown(["IMAGE_ASSETS_LANDNG", "IMAGE_ASSETS_XYZ"])
    assert "IMAGE_ASSETS_LANDNG, " in str(refused.value)
    assert f"IMAGE_ASSETS_XYZ, which is read by nobody; there are {VARIABLES[0].name}, " in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "IMAGE_ASSETS_SERVICE_HOST",
        "IMAGE_ASSETS_SERVICE_PORT_HTTP",
        "IMAGE_ASSETS_PORT",
        "IMAGE_ASSETS_PORT_3000_TCP_ADDR",
        "IMAGE_ASSETS_WEBSERVER_SERVICE_HOST",
    ],
)
def test_what_kubernetes_sets_for_a_service_of_that_name_is_nobodys_mistake(name: str) -> None:
    refuse_unknown([name, *NAMES])
    with pytest.raises(UnknownVariable) as refused:
        refuse_unknown([name, "IMAGE_ASSETS_STROE"])
    assert "IMAGE_ASSETS_STROE" in str(refused.value)
    assert name not in re.findall(r"\w+", str(refused.value))


@given(st.sampled_from(sorted(NAMES)), st.data())
def test_no_slip_of_one_sign_after_the_beginning_goes_unnoticed(name: str, data: st.DataObject) -> None:
    start = len("IMAGE_ASSETS_")
    place = data.draw(st.integers(start, len(name) - 1))
    slip = data.draw(st.sampled_from(["", "X", name[place] * 2]))
    misspelt = name[:place] + slip + name[place + 1 :]
    if misspelt not in NAMES:
        with pytest.raises(UnknownVariable, match=re.escape(misspelt)):
            refuse_unknown([misspelt])


def test_commands_refuse_a_misspelt_variable_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_STAGNIG", str(tmp_path))
    assert main(["status", "--dataset", "sample", "--store", str(tmp_path / "store")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "error: the environment has IMAGE_ASSETS_STAGNIG, which is read by nobody; did you mean " in line
    assert "IMAGE_ASSETS_STAGING?" in line
    assert not files_at(tmp_path / "store").exists()
    monkeypatch.delenv("IMAGE_ASSETS_STAGNIG")
    assert main(["status", "--dataset", "sample", "--store", str(tmp_path / "store")]) == 1  # nothing is loaded
