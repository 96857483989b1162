"""Each program that looks at manifests finds nothing wrong with ours, and a fault that is planted."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.deploy import looking, manifests
from tests.deploy.images import CONTAINERS, composed

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not looking.is_there(), reason="the environment of `make manifests` is not here"),
]
_CONTAINERFILE = (CONTAINERS / "Containerfile").read_text(encoding="utf-8")


def test_everything_is_rendered_and_nothing_wrong_is_found(tmp_path: Path) -> None:
    found = list(manifests.looked_at(tmp_path))
    assert [problems for _, _, problems in found if problems] == []
    assert [name.partition(",")[0] for name, _, _ in found[:4]] == [
        "Containerfile",
        "compose.yaml",
        "kubernetes",
        "kubernetes-with-ray",
    ]
    assert {number > 20 for name, number, _ in found if name.startswith("kubernetes")} == {True}


@pytest.mark.parametrize(
    ("ours", "fault", "said"),
    [
        ("FROM ${BASE} AS bare", "FROM debian AS bare", "DL3006"),
        ("FROM ${BASE} AS bare", "FROM debian:latest AS bare", "DL3007"),
        ("ENV PATH=/opt", "MAINTAINER somebody\nENV PATH=/opt", "DL4000"),
        ("USER 10001:10001\nEXPOSE 4000", "USER root\nEXPOSE 4000", "DL3002"),
        ("WORKDIR /var/lib/image-assets", "WORKDIR var/lib", "DL3000"),
    ],
)
def test_a_fault_in_an_image_is_found(ours: str, fault: str, said: str) -> None:
    assert ours in _CONTAINERFILE
    assert said in "\n".join(looking.at_containerfile(_CONTAINERFILE.replace(ours, fault)))


@pytest.mark.parametrize(
    ("ours", "fault"),
    [
        ("restart: unless-stopped", "restrat: unless-stopped"),
        ("condition: service_healthy", "condition: healthy"),
        ("127.0.0.1:3000:3000", "127.0.0.1:3000:x"),
        ("stop_grace_period: 60s", "stop_grace_period: soon"),
    ],
)
def test_a_fault_in_the_compose_file_is_found(ours: str, fault: str) -> None:
    text = yaml.safe_dump(composed())
    assert ours in text
    assert looking.at_compose(text) == []
    assert looking.at_compose(text.replace(ours, fault)) != []


def test_a_fault_makes_the_target_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(looking, "at_containerfile", lambda text: ["a fault"])
    assert manifests.main() == 1
    assert "Containerfile: 1 looked at, 1 things wrong\n  a fault\n" in capsys.readouterr().out
    monkeypatch.setattr(looking, "is_there", lambda: False)
    assert manifests.main() == 2
