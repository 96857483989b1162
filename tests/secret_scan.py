"""`python -m tests.secret_scan`: keys, tokens and passwords in what git tracks; exit status 1 where there are any.

The search is that of detect-secrets, which asks nobody: what it finds is not tried out anywhere. What was looked at and
is no secret, such as the keys of the tests' own servers, is in `KNOWN`, by digest. A line of it that nothing is found
for any more is told too, so that the list says no more than it has to.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
# Digests of packages, which are made by programs and look like keys; pictures.
_MADE_BY_PROGRAMS = re.compile(
    r"(secret_scan\.py|\.lock|package-lock\.json|\.svg|\.png|\.webp|\.gif|\.npz|\.tar\.xz|\.zip)$"
)
KNOWN: dict[str, tuple[str, ...]] = {
    "tests/deploy/test_production.py": ("e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",),
    "deploy/kubernetes/console.yaml": ("7f52aa544b415f20ced19398fb078af60ff4a274",),
    "deploy/kubernetes/ingress.yaml": ("735ad571c189d7ba84464bf4a9f1d2280175b128",),
    "deploy/systemd/environment": ("3c3b274d119ff5a5ec6c1e215c1cb794d9973ac1",),
    "docs/operating.md": ("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",),
    "image_assets/orchestration/dagster_home.py": ("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",),
    "tests/alerts/receivers.py": ("338908d77d67d38558ef234c32233b9c7aaf29cd",),
    "tests/alerts/test_daemon.py": ("396144a5772147175c44483ff3b9bf4d8c9fec22",),
    "tests/alerts/test_notifier.py": ("e2bafbc97327ac5b3c65a7dabebfc73c530786d8",),
    "tests/classifier/test_source_sets.py": ("3cbcd90adc4b192a87a625850b7f231caddf0eb3",),
    "tests/features/test_torch_weights.py": ("ef2d2f7bd2d66e49b2e9a81dae0f9ca3353d75a8",),
    "tests/ingest/annotated/test_matching.py": (
        "b2c2c1473e7b9c9fd227b7fed34cc24ad1795686",
        "c2906aa1ef0ac5a95785b2b0fc569cb00f75a845",
        "e7e5d0fafe594f6f0f574d914fa2be0d03fa3377",
    ),
    "tests/ingest/annotated/test_open_images.py": (
        "b2c2c1473e7b9c9fd227b7fed34cc24ad1795686",
        "e7e5d0fafe594f6f0f574d914fa2be0d03fa3377",
    ),
    "tests/ingest/test_bucket.py": ("a4b48a81cdab1e1a5dd37907d6c85ca1c61ddc7c",),
    "tests/ingest/urls/test_ssrf.py": ("6239bfbd4aa7522d5af6adc6083015e2190c3def",),
    "tests/leaks/planted.py": (
        "35571a4b6563d458d5caae6e547ae2e3264fc551",
        "ce49f53ab41f37e58969f457362b5a81b5d73c11",
    ),
    "tests/s3_proxy/faults.py": ("67a74306b06d0c01624fe0d0249a570f4d093747",),
    "tests/shards/test_publish_s3.py": ("a4b48a81cdab1e1a5dd37907d6c85ca1c61ddc7c",),
    "tests/store/test_trouble.py": ("a4b48a81cdab1e1a5dd37907d6c85ca1c61ddc7c",),
    "tests/test_places.py": ("e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4",),
    "tests/test_postgres_storage.py": ("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",),
    "tests/test_refused_places.py": ("a4b48a81cdab1e1a5dd37907d6c85ca1c61ddc7c",),
}
"""By file, the SHA-1 of what was found and is no secret."""


class Found(NamedTuple):
    """What looks like a secret."""

    file: str
    line: int
    kind: str
    sha1: str


def tracked(root: Path) -> list[str]:
    """The files that git tracks, but for what programs make."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and not _MADE_BY_PROGRAMS.search(name)]


def secrets_in(root: Path, files: Iterable[str]) -> Iterator[Found]:
    """What looks like a secret in files, given by their names below a folder."""
    with default_settings():
        for name in files:
            path = root / name
            if path.is_file() and not path.is_symlink():
                yield from _found_in(path, name)
                if path.suffix == ".ipynb":
                    yield from _found_in_notebook(path, name)


def _found_in(path: Path, name: str) -> Iterator[Found]:
    for one in scan_file(str(path)):
        yield Found(name, one.line_number, one.type, one.secret_hash)


def _found_in_notebook(path: Path, name: str) -> Iterator[Found]:
    """What is found when the lines of its cells are read as they are shown, without the quotes and escapes of JSON."""
    with TemporaryDirectory() as folder:
        shown = Path(folder, "cells.py")
        shown.write_text("\n".join(map(_line_of_cell, path.read_text().splitlines())))
        yield from _found_in(shown, name)


def _line_of_cell(line: str) -> str:
    try:
        said = json.loads(line.strip().removesuffix(","))
    except ValueError:
        return ""
    return " ".join(said.split("\n")).rstrip() if isinstance(said, str) else ""


def told(found: Iterable[Found], known: dict[str, tuple[str, ...]]) -> list[str]:
    """A line for everything that is found and not known, and for everything that is known and not found."""
    found = list(found)
    new = [f"{one.file}:{one.line}: {one.kind}" for one in found if one.sha1 not in known.get(one.file, ())]
    there = {(one.file, one.sha1) for one in found}
    gone = [(file, sha1) for file, some in known.items() for sha1 in some if (file, sha1) not in there]
    return [*new, *(f"{file}: {sha1} is known and no longer there: take it out of KNOWN" for file, sha1 in gone)]


def _found(files: list[str]) -> list[Found]:
    return [*secrets_in(ROOT, files)]


def main() -> int:
    """Look at all, and say what is found."""
    console, files = Console(), tracked(ROOT)
    parts = [files[start :: os.cpu_count() or 1] for start in range(os.cpu_count() or 1)]
    with ProcessPoolExecutor() as processes:
        found = [one for part in processes.map(_found, parts) for one in part]
    lines = told(found, KNOWN)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if lines:
        return 1
    console.print(f"no secrets in {len(files):,} files", highlight=False)
    return 0 if files else 1


if __name__ == "__main__":
    sys.exit(main())
