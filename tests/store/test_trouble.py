"""What errors of disks and buckets say: one line that names the place and the remedy, and whether waiting mends it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import BaseError

from image_assets.schema import RAW_IMAGES
from image_assets.store.store import Store
from image_assets.store.trouble import Trouble, in_one_line, of_file, recorded, trouble_in, trouble_of
from tests.s3_server import S3Server

ASKED: dict[str, Callable[[Store], object]] = {
    "list": lambda store: list(store.objects().list(chunk_size=1)),
    "head": lambda store: obstore.head(store.objects(), "x"),
    "put": lambda store: obstore.put(store.objects(), "x", b""),
    "table": lambda store: store.table("drawn", RAW_IMAGES).snapshot(),
}


def trouble_with(store: Store, asked: Callable[[Store], object]) -> Trouble:
    with pytest.raises((OSError, BaseError)) as caught:
        asked(store)
    found = trouble_of(caught.value)
    assert found is not None
    assert "\n" not in found.said
    assert "Debug" not in found.said
    return found


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(
    ("change", "said", "can_pass"),
    [
        ({"aws_secret_access_key": "wrong"}, "secret key is wrong|credentials do not allow", False),
        ({"aws_access_key_id": "nobody"}, "AWS_ACCESS_KEY_ID|credentials do not allow", False),
        ({"aws_allow_http": "false"}, "set AWS_ALLOW_HTTP=true", False),
    ],
)
def test_what_a_server_refuses_is_said_and_cannot_pass(
    s3_server: S3Server, asked: Callable[[Store], object], change: dict[str, str], said: str, can_pass: bool
) -> None:
    store = Store(f"s3://{s3_server.bucket()}/store", {**s3_server.storage_options, **change})
    found = trouble_with(store, asked)
    assert any(words in found.said for words in said.split("|")), found.said
    assert found.can_pass is can_pass


def test_a_bucket_that_is_not_there_is_named(s3_server: S3Server) -> None:
    found = trouble_with(Store("s3://nowhere-at-all/store", s3_server.storage_options), ASKED["list"])
    assert "/nowhere-at-all: there is no such bucket" in found.said
    assert not found.can_pass


def test_a_server_that_is_away_may_come_back(s3_server: S3Server) -> None:
    away = {**s3_server.storage_options, "aws_endpoint": "http://127.0.0.1:1"}
    found = trouble_with(Store("s3://bucket/store", away), ASKED["list"])
    assert found == Trouble("nobody answers at http://127.0.0.1:1; check AWS_ENDPOINT_URL and the network", True)


@pytest.mark.parametrize(
    ("number", "can_pass"),
    [(errno.ENOSPC, False), (errno.EROFS, False), (errno.EACCES, False), (errno.EIO, True), (errno.ESTALE, True)],
)
def test_of_a_disk_a_stale_handle_passes_and_a_full_one_does_not(number: int, can_pass: bool) -> None:
    error = OSError(number, os.strerror(number), "/store/a.parquet")
    by_rust = f"Generic LocalFileSystem error: Unable to open file /store/a.parquet: {os.strerror(number)} (os error"
    assert trouble_of(error) == Trouble(f"/store/a.parquet: {os.strerror(number).lower()}", can_pass)
    # As Dagster records it, and as the libraries in Rust say it.
    assert trouble_in(str(error)) == trouble_of(error)
    found = trouble_in(f"{by_rust} {number})")
    assert found is not None
    assert (os.strerror(number).lower() in found.said, found.can_pass) == (True, can_pass)


@pytest.mark.local_store(reason="files and rights of a disk")
def test_a_folder_without_rights_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = trouble_with(Store(str(tmp_path)), lambda store: obstore.put(store.objects(), "file/below", b""))
    assert str(tmp_path) in found.said


@pytest.mark.parametrize("error", [TypeError("int() argument"), ValueError("404 Not what was meant"), KeyError(1)])
def test_a_fault_of_ours_is_none(error: Exception) -> None:
    assert trouble_of(error) is None


def test_a_text_is_shown_without_what_only_a_debugger_needs() -> None:
    long = (
        "Kernel error: Json error: Truncated record\n   0: <unknown>\n   1: start_thread\n      at ./nptl/pthread.c:444"
    )
    assert in_one_line(long) == "Kernel error: Json error: Truncated record"
    assert in_one_line("\x1b[31mGeneric S3 error\x1b[0m: no\n\nDebug source:\nGeneric {\n}") == "Generic S3 error: no"


def test_an_error_that_dagster_has_recorded_is_a_line_with_what_was_worked_on() -> None:
    by_rust = (
        "Generic LocalFileSystem error: Unable to copy data to file: No space left on device (os error 28)\n\n"
        'Debug source:\nGeneric {\n    store: "LocalFileSystem",\n}\nwhile working on loading a.png'
    )
    assert recorded("GenericError", by_rust) == ("the store: no space left on device (while working on loading a.png)")
    assert recorded("SourceError", "a.png has changed\nwhile it was read") == (
        "SourceError: a.png has changed while it was read"
    )
    # An error of ours that only quotes the system keeps its own words.
    quoted = "staging /disk: No space left on device (os error 28); make room"
    assert recorded("SourceError", quoted) == f"SourceError: {quoted}"


def test_an_error_while_writing_says_which_file_and_one_that_says_so_keeps_its_own() -> None:
    with pytest.raises(OSError, match="page") as nameless, of_file("/full/page.html"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert trouble_of(nameless.value) == Trouble("/full/page.html: no space left on device", False)
    with pytest.raises(OSError, match="/other") as named, of_file("/full/page.html"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), "/other")
    assert named.value.filename == "/other"
