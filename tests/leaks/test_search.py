"""The search for secrets finds what is planted, however it was written: without that, finding nothing says nothing."""

import base64
import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import polars as pl
import pytest

from tests.leaks.search import in_folder, leaks

SECRET = {"password": 'p4ss+w0rd/of "the" test'}


def _plain(root: Path, text: str) -> None:
    (root / "log").write_bytes(b"\xff\x00" + text.encode())


def _in_a_url(root: Path, text: str) -> None:
    (root / "log").write_text(f"http://user:{quote(text, safe='')}@host/")


def _as_json(root: Path, text: str) -> None:
    (root / "a.json").write_text(json.dumps({"a": text}))


def _in_base_64(before: int) -> Callable[[Path, str], None]:
    def plant(root: Path, text: str) -> None:
        (root / "a").write_bytes(base64.b64encode(f"{'u' * before}{text}:more".encode()))

    return plant


def _packed(root: Path, text: str) -> None:
    with gzip.open(root / "a.gz", "w") as file:
        file.write(text.encode())


def _in_an_archive(root: Path, text: str) -> None:
    with zipfile.ZipFile(root / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/a", text)


def _in_a_table(root: Path, text: str) -> None:
    pl.DataFrame({"a": [[{"b": text}]], "c": [0.5]}).write_parquet(root / "a.parquet", compression="zstd")


def _among_the_events_of_runs(root: Path, text: str) -> None:
    compact = {"event_log_storage": {"module": "image_assets.run_history", "class": "RunHistory"}}
    (root / "dagster.yaml").write_text(json.dumps(compact))
    with dg.DagsterInstance.from_config(str(root)) as instance:

        @dg.op
        def say(context: dg.OpExecutionContext) -> None:
            context.log.info(f"{'much to say ' * 100}{text}")

        @dg.job
        def saying() -> None:
            say()

        saying.execute_in_process(instance=instance)


def _among_the_snapshots_of_jobs(root: Path, text: str) -> None:
    with dg.DagsterInstance.from_config(str(root)) as instance:

        @dg.op(description=text)
        def say() -> None: ...

        @dg.job
        def saying() -> None:
            say()

        saying.execute_in_process(instance=instance)


@pytest.mark.parametrize(
    "plant",
    [
        *(_plain, _in_a_url, _as_json, _packed, _in_an_archive, _in_a_table),
        *map(_in_base_64, range(3)),
        *(_among_the_events_of_runs, _among_the_snapshots_of_jobs),
    ],
)
def test_a_secret_is_found(plant: Callable[[Path, str], None], tmp_path: Path) -> None:
    plant(tmp_path, "nothing")
    assert leaks(in_folder(tmp_path), SECRET) == []
    plant(tmp_path, SECRET["password"])
    found = leaks(in_folder(tmp_path), SECRET)
    assert found
    assert all(one.endswith(": password") for one in found)
