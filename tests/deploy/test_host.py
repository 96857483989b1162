"""The services of one host: units that systemd takes, and a page that puts everything where they look for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from image_assets.environment import refuse_unknown
from tests.test_docs import ROOT, blocks

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
_PROGRAMS = "/opt/image-assets/bin"


def environment_of(file: Path) -> dict[str, str]:
    """What an environment file of systemd says."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def named_block(name: str) -> str:
    (content,) = [content for _, more, content in blocks(DEPLOY / "README.md") if more == name]
    return content


def problems(unit: Path, folder: Path, change: tuple[str, str] = ("", "")) -> str:
    """What systemd says of a unit whose programs are those of this environment."""
    text = unit.read_text(encoding="utf-8").replace(_PROGRAMS, str(Path(sys.executable).parent))
    copy = folder / unit.name
    copy.write_text(text.replace(*change), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    return done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_every_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on this machine")
    assert problems(unit, tmp_path) == ""
    assert "'Restrat'" in problems(unit, tmp_path, ("Restart=", "Restrat="))
    assert "is not executable" in problems(unit, tmp_path, ("ExecStart=/", "ExecStart=/nowhere/"))


@pytest.mark.long
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_programs_of_a_unit_take_what_they_are_told(unit: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    program, *arguments = command.split()
    words = [word for word in arguments if re.fullmatch(r"[a-z]+", word) and "/" not in word][
        : command.count("api") + 1
    ]
    commands = words if program.endswith(("/dagster", "/image-assets", "/dagster-daemon")) else []
    own = Path(sys.executable).with_name(Path(program).name)
    told = subprocess.run([own, *commands, "--help"], capture_output=True, text=True, check=True).stdout
    for option in (one for one in arguments if one.startswith("-")):
        assert re.search(rf"(?<![\w-]){option}\b", told), (option, told)


def test_every_variable_is_one_that_is_read() -> None:
    told = environment_of(DEPLOY / "systemd" / "environment")
    refuse_unknown(told)
    read: set[str] = set()
    for file in (DEPLOY / "dagster.yaml", DEPLOY / "workspace.yaml"):
        read |= set(re.findall(r"env: (\w+)", file.read_text(encoding="utf-8")))
    others = {name for name in told if not name.startswith(("IMAGE_ASSETS_", "AWS_"))} - {"DAGSTER_HOME"}
    assert others == read


def test_the_page_puts_everything_where_the_services_look_for_it(tmp_path: Path) -> None:
    for folder in ("etc/systemd/system", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    script = re.sub(r" -[og] image-assets", "", named_block("host"))
    script = re.sub(r" /(etc|var)/", rf" {tmp_path}/\1/", script)
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True)
    told = environment_of(tmp_path / "etc/image-assets/environment")
    assert yaml.safe_load((tmp_path / told["DAGSTER_HOME"].lstrip("/") / "dagster.yaml").read_text())["storage"]
    assert (tmp_path / "etc/image-assets/environment").stat().st_mode & 0o777 == 0o640
    installed = {path.stem for path in (tmp_path / "etc/systemd/system").iterdir()}
    assert installed == {unit.stem for unit in UNITS} == set(re.findall(r"image-assets-\w+", named_block("host start")))
    for unit in UNITS:
        for workspace in re.findall(r"-w (\S+)", unit.read_text(encoding="utf-8")):
            assert os.path.exists(f"{tmp_path}{workspace}")
