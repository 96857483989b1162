"""What the image definitions and the compose file say, as plain data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.test_docs import ROOT

CONTAINERS = ROOT / "deploy" / "containers"
COMPOSE = ROOT / "deploy" / "compose.yaml"
ASKED_FOR = re.compile(r"\$\{(\w+):\?[^}]*\}")
"""A variable that whoever starts the compose file must have set."""


@dataclass
class Image:
    """A target of the Containerfile, with all that it has of those that it is made from.

    Attributes:
        command: What it runs.
        health: What says whether it is well.
        environment: Variables that it sets.
        user: The last that is named; "" where nobody is.
        ports: That it says it answers.
    """

    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    ports: list[str] = field(default_factory=list)


def images(text: str | None = None) -> dict[str, Image]:
    """The targets of the Containerfile by name, those that only build too."""
    said = (CONTAINERS / "Containerfile").read_text(encoding="utf-8") if text is None else text
    lines = re.sub(r"\\\n\s*(#.*\n\s*)*", "", said).splitlines()
    found: dict[str, Image] = {}
    now = Image()
    for word, _, rest in (line.partition(" ") for line in lines if line and not line.startswith("#")):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            of = found.get(base, Image())
            now = Image([*of.command], [*of.health], {**of.environment}, of.user, [*of.ports])
            found[name] = now
        elif word == "CMD":
            now.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            now.health = json.loads(rest.partition("CMD ")[2])
        elif word == "ENV":
            now.environment |= dict(one.split("=", 1) for one in rest.split())
        elif word == "USER":
            now.user = rest
        elif word == "EXPOSE":
            now.ports = rest.split()
    return found


def composed(values: dict[str, str] | None = None) -> dict[str, Any]:
    """The compose file, with values in the place of variables that are asked for; default: their names."""
    text = COMPOSE.read_text(encoding="utf-8")
    return yaml.safe_load(ASKED_FOR.sub(lambda found: (values or {}).get(found[1], f"./{found[1]}"), text))


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """All that a service's processes are told, by its image and by the compose file."""
    target = service["image"].partition("image-assets/")[2].partition(":")[0]
    of_image = images()[target].environment if target else {}
    return {**of_image, **service.get("environment", {})}
