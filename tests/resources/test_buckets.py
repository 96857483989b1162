"""Buckets are made private, and destroyed only by whoever says so, on a real S3 server."""

from __future__ import annotations

import datetime as dt
import io
import json
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from image_assets.cli import main
from image_assets.resources.buckets import Bucket, BucketError, Created
from image_assets.store.s3 import s3_client
from tests.cli.shapes import assert_told
from tests.s3_server import S3Server


@pytest.fixture
def run(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command line, with what is typed; gives exit status and what was said."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)

    def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = main(["bucket", *arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


Run = Callable[..., tuple[int, str]]


def new_name() -> str:
    return f"test-{uuid.uuid4().hex[:16]}"


def names(s3_server: S3Server) -> set[str]:
    return {found["Name"] for found in s3_client(s3_server.storage_options).list_buckets()["Buckets"]}


def test_a_bucket_is_created_once_and_is_private(run: Run, s3_server: S3Server) -> None:
    name = new_name()
    status, said = run("create", f"s3://{name}")
    # SeaweedFS answers 501 to PutPublicAccessBlock, so it is said that there is no such thing.
    assert (status, f"bucket {name} created; this server cannot block public access" in said) == (0, True)
    status, said = run("create", f"s3://{name}")
    assert (status, "was there already" in said) == (0, True)
    status, said = run("create", f"s3://{name}", "--json")
    assert_told("bucket create", json.loads(said))
    assert (status, json.loads(said)["new"]) == (0, False)
    assert name in names(s3_server)
    assert not Bucket(f"s3://{name}").is_public()


class Answering:
    """The server's client, but with PublicAccessBlock, which SeaweedFS lacks."""

    def __init__(self, client) -> None:
        self.client = client
        self.blocks: dict[str, dict[str, bool]] = {}

    def put_public_access_block(self, *, Bucket: str, PublicAccessBlockConfiguration: dict[str, bool]) -> None:  # noqa: N803
        self.blocks[Bucket] = PublicAccessBlockConfiguration

    def get_public_access_block(self, *, Bucket: str):  # noqa: N803
        if Bucket not in self.blocks:
            raise ClientError({"Error": {"Code": "NoSuchPublicAccessBlockConfiguration"}}, "GetPublicAccessBlock")
        return {"PublicAccessBlockConfiguration": self.blocks[Bucket]}

    def __getattr__(self, name: str):
        return getattr(self.client, name)


def test_public_access_is_blocked_where_the_server_can(s3_server: S3Server) -> None:
    bucket = Bucket(f"s3://{new_name()}", s3_server.storage_options)
    bucket._client = Answering(bucket._client)
    assert bucket.create() == Created(is_new=True, is_blocked=True)
    other = Bucket(f"s3://{s3_server.bucket()}", s3_server.storage_options)
    other._client = Answering(other._client)
    assert other.create() == Created(is_new=False, is_blocked=False)


def fill(s3_server: S3Server, name: str, number: int = 0) -> None:
    """Objects, versions, a delete marker, odd keys and unfinished uploads."""
    client = s3_client(s3_server.storage_options)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.put_object(Bucket=name, Key=f"many/{n}", Body=b"x"), range(number)))
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "a", "é &<>.jpg", "new\nline", "part/b", "gone"):
        client.put_object(Bucket=name, Key=key, Body=b"x")
    client.delete_object(Bucket=name, Key="gone")
    upload = client.create_multipart_upload(Bucket=name, Key="part/unfinished")
    client.upload_part(Bucket=name, Key="part/unfinished", UploadId=upload["UploadId"], PartNumber=1, Body=b"x" * 1000)


def left(s3_server: S3Server, name: str) -> list[str]:
    client = s3_client(s3_server.storage_options)
    page = client.list_object_versions(Bucket=name)
    uploads = client.list_multipart_uploads(Bucket=name).get("Uploads", [])
    return [one["Key"] for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()), *uploads)]


def test_emptying_takes_versions_markers_and_unfinished_uploads_of_many_pages(s3_server: S3Server) -> None:
    name = s3_server.bucket()
    fill(s3_server, name, 1_100)
    told: list[tuple[int, int]] = []
    assert Bucket(f"s3://{name}", s3_server.storage_options).empty(lambda *step: told.append(step)) == 1_107
    assert left(s3_server, name) == []
    assert told[-1] == (1_107, 1_107)
    assert len(told) >= 4


def test_a_part_of_a_bucket_is_emptied_alone(run: Run, s3_server: S3Server) -> None:
    name = s3_server.bucket()
    fill(s3_server, name)
    status, said = run("empty", f"s3://{name}/part", typed=f"{name}\n")
    assert (status, f"everything below part/ in bucket {name}" in said) == (0, True)
    assert set(left(s3_server, name)) == {"a", "é &<>.jpg", "new\nline", "gone"}


@pytest.mark.parametrize("typed", ["", "yes\n", "test\n"])
@pytest.mark.parametrize("action", [["empty"], ["delete", "--empty"]])
def test_nothing_is_destroyed_unless_its_name_is_typed(
    run: Run, s3_server: S3Server, action: list[str], typed: str
) -> None:
    name = s3_server.bucket()
    fill(s3_server, name)
    before = sorted(left(s3_server, name))
    status, said = run(action[0], f"s3://{name}", *action[1:], typed=typed)
    assert (status, "that is not its name; nothing was deleted" in said) == (2, True)
    assert sorted(left(s3_server, name)) == before


def test_a_bucket_that_holds_something_is_not_deleted(run: Run, s3_server: S3Server) -> None:
    name = s3_server.bucket()
    fill(s3_server, name)
    status, said = run("delete", f"s3://{name}", "--yes")
    assert (status, f"bucket {name} is not empty; first run" in said) == (2, True)
    assert name in names(s3_server)
    status, said = run("delete", f"s3://{name}", "--empty", typed=f"{name}\n")
    assert (status, f"bucket {name} deleted" in said) == (0, True)
    assert name not in names(s3_server)


def test_a_bucket_whose_objects_all_have_delete_markers_is_not_empty(s3_server: S3Server) -> None:
    name = s3_server.bucket()
    client = s3_client(s3_server.storage_options)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=name, Key="a", Body=b"x")
    client.delete_object(Bucket=name, Key="a")
    assert not client.list_objects_v2(Bucket=name).get("Contents")
    with pytest.raises(BucketError, match="is not empty"):
        Bucket(f"s3://{name}", s3_server.storage_options).delete()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "s3://Not_A_Name!"], "'Not_A_Name!' is no name of a bucket"),
        (["create", "s3://bucket/prefix"], "a bucket is created as a whole; give s3://bucket without 'prefix'"),
        (["delete", "s3://bucket/prefix", "--yes"], "a bucket is deleted as a whole"),
        (["create", "bucket"], "'bucket': expected s3://bucket or s3://bucket/prefix"),
        (["empty", "s3://not-there-at-all", "--yes"], "there is no such bucket"),
        (["delete", "s3://not-there-at-all", "--yes"], "there is no such bucket"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_2(run: Run, arguments: list[str], said: str) -> None:
    status, output = run(*arguments)
    assert (status, said in output) == (2, True), output


def test_only_uploads_that_were_begun_before_a_moment_are_ended(s3_server: S3Server) -> None:
    name, client = s3_server.bucket(), s3_client(s3_server.storage_options)
    client.create_multipart_upload(Bucket=name, Key="store/drawn/begun.parquet")
    client.create_multipart_upload(Bucket=name, Key="another store/begun.parquet")
    bucket, now = Bucket(f"s3://{name}/store", s3_server.storage_options), dt.datetime.now(dt.UTC)
    assert bucket.end_uploads(now - dt.timedelta(days=7)) == 0
    assert bucket.end_uploads(now + dt.timedelta(seconds=5), dry_run=True) == 1
    assert bucket.end_uploads(now + dt.timedelta(seconds=5)) == 1
    assert [one["Key"] for one in client.list_multipart_uploads(Bucket=name)["Uploads"]] == [
        "another store/begun.parquet"
    ]
