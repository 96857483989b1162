"""The images and the compose file: what they run is the platform's, nothing runs as root, no secret is written down."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.environment import refuse_unknown
from tests.deploy import deployed
from tests.deploy.images import ASKED_FOR, COMPOSE, CONTAINERS, composed, environment_of, images
from tests.deploy.test_host import named_block
from tests.test_docs import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
OURS = ("code", "console", "ray", "gate", "store")
SERVICES: dict[str, dict[str, Any]] = composed()["services"]
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|DATABASE|PEOPLE")


def written_down(text: str) -> list[str]:
    """Lines that give a secret a value of their own, instead of asking for it."""
    said = [re.fullmatch(r"\s*(\w+): (\S.*)", line) for line in text.splitlines()]
    return [
        one[1] for one in said if one and one[1].isupper() and _SECRET.search(one[1]) and not ASKED_FOR.search(one[2])
    ]


@pytest.mark.parametrize("name", OURS)
def test_an_image_runs_as_a_user_with_a_number_and_says_whether_it_is_well(name: str) -> None:
    image = images()[name]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", image.user)
    assert image.command
    assert image.health


def test_an_image_that_runs_as_root_is_seen() -> None:
    text = (CONTAINERS / "Containerfile").read_text(encoding="utf-8")
    assert images(text.replace("USER 10001:10001\n", ""))["code"].user == ""


def test_images_are_made_of_the_lock_and_of_what_the_project_is() -> None:
    text = (CONTAINERS / "Containerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.*)", text)
    assert len(installs) == 5
    assert [one for one in installs if "--require-hashes" not in one] == ["--no-build-isolation --no-deps ."]
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE) for word in line.split()}
    assert {one.removeprefix("!") for one in kept if one.startswith("!")} == copied
    assert "*" in kept
    assert all((ROOT / one).exists() for one in copied)


def test_what_the_lock_has_no_right_hash_of_is_refused(tmp_path: Path) -> None:
    """As the Containerfile installs: packages without versions, which with their hashes are in the constraints."""
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^iniconfig==\S+ \\\n(?:    --hash.*\n)+", lock, re.MULTILINE)
    (tmp_path / "right.lock").write_text(entry)
    (tmp_path / "wrong.lock").write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", entry))
    (tmp_path / "empty.lock").write_text("")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\nversion = "1"\ndependencies = ["iniconfig>=1"]\n')

    def install(name: str) -> subprocess.CompletedProcess[str]:
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--require-hashes", "-c", name]
        where = ["--target", str(tmp_path / name.partition(".")[0]), "--no-cache", "--python", sys.executable]
        return subprocess.run(
            [*uv, *where, "-r", "pyproject.toml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    right = install("right.lock")
    if right.returncode and "failed to fetch" in right.stderr.lower():
        pytest.skip("no package registry answers here")
    assert right.returncode == 0, right.stderr
    for name, said in {"wrong.lock": "Hash mismatch", "empty.lock": "no trusted hash"}.items():
        refused = install(name)
        assert refused.returncode != 0
        assert said in refused.stderr


def test_every_service_is_of_a_version_and_runs_as_somebody_else_than_root() -> None:
    for name, service in SERVICES.items():
        image, _, tag = service["image"].rpartition(":")
        assert image, name
        if (target := image.partition("localhost/image-assets/")[2]) != "":
            assert tag == VERSION
            assert images()[target].user
        else:
            assert tag not in ("", "latest")
            assert service["user"] not in ("root", "0")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"


def test_whatever_waits_for_a_service_waits_until_it_is_well_and_names_are_of_something() -> None:
    whole = composed()
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            target = SERVICES[other]["image"].partition("localhost/image-assets/")[2].partition(":")[0]
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[other] or images()[target].health
        assert set(service.get("networks", [])) <= set(whole["networks"])
        for source, _, _ in (mount.partition(":") for mount in service.get("volumes", [])):
            assert source in whole["volumes"] or source.startswith("./")
    for name in ("daemon", "webserver"):  # of an image whose own check asks a code server
        assert SERVICES[name]["healthcheck"]["test"][1:] != images()["code"].health


def test_this_machine_alone_reaches_it_and_only_by_the_gate() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "gate": ["127.0.0.1:3000:3000", "127.0.0.1:9797:9798"]
    }
    assert SERVICES["console"]["network_mode"] == "service:gate"
    assert composed()["networks"]["inside"] == {"internal": True}


def test_every_variable_is_one_that_is_read_and_all_that_is_read_is_set() -> None:
    read: set[str] = set()
    for file in (deployed.CONFIG, deployed.WORKSPACE):
        read |= set(re.findall(r"env: (\w+)", file.read_text(encoding="utf-8")))
    for name in ("code", "daemon", "webserver", "console"):
        told = environment_of(SERVICES[name])
        refuse_unknown(told)
        assert read <= set(told)
        assert all(isinstance(value, str) for value in told.values())
    with pytest.raises(ValueError, match="did you mean IMAGE_ASSETS_STORE"):
        refuse_unknown({"IMAGE_ASSETS_STROE": ""})


def test_dagster_is_set_as_the_production_test_runs_it() -> None:
    for name in ("code", "daemon", "webserver", "console"):
        home = environment_of(SERVICES[name])["DAGSTER_HOME"]
        (source,) = [one for one in SERVICES[name]["volumes"] if f":{home}/dagster.yaml:ro" in one]
        assert (COMPOSE.parent / source.partition(":")[0]).resolve() == deployed.CONFIG
        for workspace in (word for word in SERVICES[name].get("command", []) if "workspace" in word):
            assert f"./workspace.yaml:{workspace}:ro" in SERVICES[name]["volumes"]
    assert (COMPOSE.parent / "workspace.yaml").resolve() == deployed.WORKSPACE
    ports = {environment_of(SERVICES[name])["CODE_SERVER_PORT"] for name in ("daemon", "webserver")}
    assert {*images()["code"].ports} == ports
    assert images()["code"].command[-1] == images()["code"].health[-1] == ports.pop()


def test_no_secret_is_written_down() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    assert written_down(text) == []
    assert (
        written_down(text.replace("${STORE_SECRET:?see deploy/compose.env}", "hunter2"))
        == ["AWS_SECRET_ACCESS_KEY"] * 2
    )
    assert set(ASKED_FOR.findall(text)) == set(re.findall(r"\$\{(\w+)", text))
    assert not any(_SECRET.search(name) for image in images().values() for name in image.environment)


def test_the_page_fills_in_all_that_is_asked_for_and_nobody_else_reads_it(tmp_path: Path) -> None:
    for file in ("compose.env", "compose.yaml"):
        (tmp_path / "deploy").mkdir(exist_ok=True)
        (tmp_path / "deploy" / file).write_text((COMPOSE.parent / file).read_text(encoding="utf-8"))
    subprocess.run(["bash", "-euc", named_block("compose secrets")], cwd=tmp_path, check=True)
    lines = (tmp_path / "deploy/.env").read_text(encoding="utf-8").splitlines()
    told = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(told) == set(ASKED_FOR.findall(COMPOSE.read_text(encoding="utf-8")))
    assert all(told.values())
    assert stat.S_IMODE((tmp_path / "deploy/.env").stat().st_mode) == 0o600
    assert len({told[name] for name in ("RUNS_PASSWORD", "STORE_SECRET", "CONSOLE_TOKEN")}) == 3
    git = subprocess.run(
        ["git", "check-ignore", "deploy/.env", "deploy/people"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert git.stdout.split() == ["deploy/.env", "deploy/people"]


def test_the_page_asks_compose_for_services_that_there_are() -> None:
    said = named_block("compose first")
    asked = re.findall(r'(?:exec|:/photos:ro") (\w+) (?:image-assets|dagster) ', said)
    assert len(asked) == len(said.splitlines()) == 3
    assert set(asked) <= set(SERVICES)
    assert f"localhost/image-assets/gate:{VERSION} caddy hash-password" in named_block("compose people")


def commands() -> dict[str, list[str]]:
    """What is run in containers, by where that is said."""
    of_images = {f"{name}-{what}": getattr(images()[name], what) for name in OURS for what in ("command", "health")}
    of_services = {name: one["command"] for name, one in SERVICES.items() if "command" in one}
    checked = {
        f"{name}-check": one["healthcheck"]["test"][1:] for name, one in SERVICES.items() if "healthcheck" in one
    }
    return {**of_images, **of_services, **checked}


@pytest.mark.long
@pytest.mark.parametrize(
    "where", [name for name, words in commands().items() if words[0] not in ("python3", "pg_isready")]
)
def test_programs_take_what_they_are_told(where: str) -> None:
    program, *words = commands()[where]
    own = Path(sys.executable).with_name(program)
    named = list(takewhile(lambda word: not word.startswith("-"), words))
    ask = [str(own), "help", *named] if program == "weed" else [str(own), *named, "--help"]
    told = subprocess.run(ask, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){option}\b", told.stdout + told.stderr), (option, told)


def test_the_settings_of_services_are_plain_yaml() -> None:
    assert (
        yaml.safe_load((COMPOSE.parent / "dagster.yaml").read_text(encoding="utf-8"))
        .keys()
        .isdisjoint({"run_launcher"})
    )
