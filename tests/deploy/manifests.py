"""`python -m tests.deploy.manifests`: renders what is not code and has it looked at; exit status 1 where it is wrong.

What was rendered lies in `build/manifests`, as it would be applied.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console

from tests.deploy import looking
from tests.deploy.images import COMPOSE, CONTAINERS, composed
from tests.deploy.rendering import job_of_run, plain, put_together, rendered
from tests.test_docs import ROOT

PLACE = ROOT / "build" / "manifests"
AWS = ROOT / "deploy" / "aws"


def looked_at(place: Path) -> Iterator[tuple[str, int, list[str]]]:
    """What was looked at, how much of it there is, and what is wrong with it; it is rendered into a folder."""
    yield "Containerfile", 1, looking.at_containerfile((CONTAINERS / "Containerfile").read_text(encoding="utf-8"))
    compose = yaml.safe_dump(composed())
    (place / COMPOSE.name).write_text(compose)
    yield COMPOSE.name, 1, looking.at_compose(compose)
    for name, ray in (("kubernetes", False), ("kubernetes-with-ray", True)):
        (place / name).mkdir()
        cluster = put_together(place / name, ray=ray)
        objects = plain(rendered(cluster))
        objects.append(job_of_run((cluster / "dagster.yaml").read_text(encoding="utf-8"), place / name))
        (place / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
        shutil.rmtree(place / name)
        yield f"{name}, with the Job of a run", len(objects), looking.at_objects(objects)
    for template in sorted(AWS.glob("*.yaml")):
        yield f"aws/{template.name}", 1, looking.at_template(template.read_text(encoding="utf-8"))


def main() -> int:
    """Look at everything."""
    console = Console()
    if not looking.is_there():
        console.print("nothing was looked at: .venv-manifests is not here; make manifests makes it")
        return 2
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    wrong = 0
    for name, number, problems in looked_at(PLACE):
        wrong += len(problems)
        console.print(f"{name}: {number} looked at, {len(problems)} things wrong", highlight=False, markup=False)
        for problem in problems:
            console.print(f"  {problem}", highlight=False, markup=False, soft_wrap=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
