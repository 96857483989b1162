"""With stores in a bucket they really are there, and whatever is left on the disk is told.

The plugin is tried as `make test-s3` uses it: in a pytest of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.local_store(reason="it looks at itself, from outside")
ROOT = Path(__file__).resolve().parents[2]
TESTS = '''
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from image_assets.schema import ARRIVALS
from image_assets.store.store import Store
from tests.store.test_delta_tables import PLANT, put, sources


def keys():
    """What is in the bucket, by S3's own client."""
    client = boto3.client("s3", region_name=os.environ["AWS_REGION"])
    listed = client.list_objects_v2(Bucket=os.environ["TEST_STORES_BUCKET"]).get("Contents", [])
    return {one["Key"] for one in listed}


def test_in_the_bucket(tmp_path):
    table = Store(str(tmp_path / "store")).table("sample", ARRIVALS)
    put(table, PLANT, "a")
    assert sources(table) == ["a"]
    log = f"{tmp_path}/store/sample/arrivals/_delta_log/00000000000000000000.json".lstrip("/")
    assert log in keys()
    assert list(tmp_path.rglob("*")) == []


def test_of_another_process(tmp_path):
    code = "import sys; from tests.store.test_store_names import *; write_and_read(Store(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "store")], check=True)
    assert any(key.startswith(f"{tmp_path}/store/".lstrip("/")) for key in keys())
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.local_store(reason="an example")
def test_left_out(tmp_path):
    raise AssertionError("it ran")


def test_on_the_disk(tmp_path, monkeypatch):
    """A store that is named past the mechanism."""
    monkeypatch.delenv("TEST_STORES_BUCKET")
    put(Store(str(tmp_path / "store")).table("sample", ARRIVALS), PLANT, "a")
'''


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "test_stores.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.bucket_stores.plugin",
        "-p",
        "tests.s3_server",
        "-rsE",
        "-c",
    ]
    command += [str(ROOT / "pyproject.toml"), "--basetemp", str(folder / "base"), str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_stores_of_the_process_and_of_others_are_in_the_bucket(said: str) -> None:
    assert "3 passed, 1 skipped, 1 error" in said, said


def test_what_is_left_out_is_counted_with_its_reason(said: str) -> None:
    assert "1 were left out:\n     1 an example\n" in said, said


def test_a_table_on_the_disk_is_told(said: str) -> None:
    assert "ERROR" in said
    assert "tables lie on the disk and not in the bucket, one at " in said, said
