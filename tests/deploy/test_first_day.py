"""The first day of a deployment, as `deploy/README.md` has it run: by the very commands, in a deployment of processes.

What stands before a command there, such as `docker compose exec daemon`, says in which container it is run: that is
left out here, and so are commands for systemd, Kubernetes and AWS.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from image_assets.orchestration.automation import daily_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import RAW_IMAGES, Partition
from tests.daemon import ONE_DAY, environment
from tests.deploy.deployed import PICTURES, WORKSPACE, Deployed
from tests.deploy.test_host import named_block
from tests.pictures import land_pictures

pytestmark = pytest.mark.long

# The workspace and the settings lie where the page puts them; here they lie elsewhere.
_WORKSPACE, _ENVIRONMENT = "/etc/image-assets/workspace.yaml", "/etc/image-assets/environment"
_CONTAINER = re.compile(
    r'^docker compose -f deploy/compose\.yaml (?:run --rm --no-deps -v "\$PWD/photos:/photos:ro"|exec) \w+ '
    r"|^kubectl -n image-assets exec deploy/\w+ (?:-c \w+ )?-- ",
    re.MULTILINE,
)
_OF_THE_HOST = re.compile(r"^(?:systemctl|kubectl|aws) .*\n", re.MULTILINE)


def commands(block: str, deployed: Deployed, first: Partition) -> str:
    """What a block of the page has run, for another dataset, day and category."""
    script = _OF_THE_HOST.sub("", _CONTAINER.sub("", named_block(block)))
    names = {
        _WORKSPACE: str(WORKSPACE),
        _ENVIRONMENT: str(deployed.home / "environment"),
        "birds_daily": daily_job_name(deployed.dataset),
        "owls": first.category,
        "2026-11-18": str(first.date),
        " /photos": " photos",
    }
    for there, here in names.items():
        script = script.replace(there, here)
    assert not re.search(r"docker|kubectl|systemctl", script)
    return script


def run(script: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = {**environment(folder, {}), **variables, "PATH": path}
    return subprocess.run(
        ["bash", "-euc", script], cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )


def wait_for_run_of(deployed: Deployed, instance: dg.DagsterInstance, partition: Partition) -> None:
    key = str(partition_key(partition))

    def ended() -> bool | None:
        runs = [run for run in instance.get_runs() if run.tags.get("dagster/partition") == key]
        assert not any(run.is_failure for run in runs), [run.tags for run in runs]
        return any(run.is_success for run in runs) or None

    deployed.production.wait_for(f"end of the run of {key}", ended)


def test_the_first_day_is_run_by_the_commands_of_the_page(deploy: Callable[..., Deployed], tmp_path: Path) -> None:
    deployed = deploy(1)
    (day,) = deployed.days
    one, other, _ = deployed.dataset.categories
    landed: dt.date = day + ONE_DAY
    land_pictures(tmp_path, "photos", one, 0, range(100, 100 + PICTURES))
    told = {**deployed.variables, **deployed.production.code_location, "DAGSTER_HOME": str(deployed.home)}
    (deployed.home / "environment").write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    ways = {
        # On a host the settings come from the file that the page has read; in a container they are there.
        "host first": (Partition(day, one), {}),
        "compose first": (Partition(landed, one), told),
        "kubernetes first": (Partition(day, other), told),
    }
    with deployed.production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        for block, (partition, variables) in ways.items():
            script = commands(block, deployed, partition)
            *before, status = script.strip().splitlines()
            assert status == "image-assets status"
            done = run("\n".join(before), tmp_path, variables)
            assert done.returncode == 0, f"{block}: {done.stdout}\n{done.stderr}"
            wait_for_run_of(deployed, instance, partition)
            said = run("\n".join([*(line for line in before if line.startswith("set ")), status]), tmp_path, variables)
            assert said.returncode == 0, f"{block}: {said.stdout}\n{said.stderr}"
            assert str(partition.date) in said.stdout
    found = deployed.store.table(deployed.dataset.name, RAW_IMAGES).scan(None).collect()
    assert sorted(found.group_by("date", "category").len().rows()) == sorted(
        (partition.date, partition.category, PICTURES) for partition, _ in ways.values()
    )
