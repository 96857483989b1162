"""The plugin of pytest that `make test-s3` names: stores in a bucket, and what was left out, and why, counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bucket_stores.meant import BUCKET, begin

if TYPE_CHECKING:  # the module knows the platform, and nothing may before `begin`
    from tests.s3_server import S3Server

_MEANT = begin()
_IN_BUCKET, _LEFT_OUT = "store in the bucket", "local_store"
_SEEN = set[Path]()


def variables(server: S3Server, bucket: str) -> dict[str, str]:
    """The environment of a process whose stores lie in a bucket, and of those that it starts."""
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        BUCKET: bucket,
        "PYTHONPATH": os.pathsep.join(path),
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": server.region,
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture(scope="session", autouse=True)
def _stores_in_a_bucket(s3_server: S3Server) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables(s3_server, s3_server.bucket()).items():
            patch.setenv(name, value)
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what is about a local disk; say why."""
    marker = item.get_closest_marker(_LEFT_OUT)
    if marker is not None:
        item.user_properties.append((_LEFT_OUT, reason := marker.kwargs["reason"]))
        pytest.skip(f"a local disk: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Note which tests named a store in the bucket, in this process."""
    before = _MEANT.stores
    item.stash[_BEFORE] = before
    return (yield)


_BEFORE = pytest.StashKey[int]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    if call.when == "call" and _MEANT.stores > item.stash[_BEFORE]:
        item.user_properties.append((_IN_BUCKET, ""))
    return (yield)


@pytest.fixture(autouse=True)
def _none_on_the_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that has left a table on the disk fails: it would be taken for one that ran on the bucket."""
    yield
    new = set(tmp_path_factory.getbasetemp().iterdir()) - _SEEN
    _SEEN.update(new)
    there = tables_on_disk(new)
    if there:
        pytest.fail(f"{len(there)} tables lie on the disk and not in the bucket, one at {there[0]}")


def tables_on_disk(folders: set[Path]) -> list[Path]:
    """The tables below folders, by their logs."""
    return sorted(log.parent for folder in folders if folder.is_dir() for log in folder.rglob("_delta_log"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests had their stores in the bucket, and which were left out."""
    reports = {
        report.nodeid: report
        for kind in ("passed", "failed", "skipped")
        for report in terminalreporter.getreports(kind)
    }
    properties = [dict(report.user_properties) for report in reports.values()]
    left_out = Counter(one[_LEFT_OUT] for one in properties if _LEFT_OUT in one)
    terminalreporter.section("stores in a bucket")
    named = sum(_IN_BUCKET in one for one in properties)
    terminalreporter.write_line(
        f"{named} of {len(reports)} tests named a store in the bucket; {left_out.total()} were left out:"
    )
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"  {count:4} {reason}")
