"""The rights that are handed out in a bucket are those that the platform uses, and no others."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from image_assets.definitions import build_definitions, build_resources
from image_assets.health.days import chosen_partitions
from image_assets.orchestration.runner import JobRunner, run_day
from image_assets.resources.buckets import Bucket
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.store.s3 import s3_client
from image_assets.store.store import Store
from image_assets.store.tables.unlisted import UnlistedFiles
from image_assets.verification.whole_store import verify_store
from tests.deploy.recording import action_of, recording
from tests.pictures import picture
from tests.platform import FIRST, small_dataset
from tests.s3_server import S3Server
from tests.test_docs import ROOT, blocks
from tests.verification.shown import nothing_shown

AWS = ROOT / "deploy" / "aws"
PARTS = {"store-policy.json": "store", "landing-policy.json": "landing"}


def statements(name: str, folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / name).read_text(encoding="utf-8"))["Statement"]


def actions(statement: dict[str, Any]) -> set[str]:
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


def granted(folder: Path) -> set[tuple[str, str]]:
    """Actions, each with the part of the bucket that it is granted in."""
    return {
        (action, part)
        for name, part in PARTS.items()
        for statement in statements(name, folder)
        if statement["Effect"] == "Allow"
        for action in actions(statement)
    }


@pytest.mark.parametrize("name", PARTS)
def test_a_policy_grants_named_actions_in_one_part_of_one_bucket_and_nothing_without_tls(name: str) -> None:
    assert json.loads((AWS / name).read_text(encoding="utf-8"))["Version"] == "2012-10-17"
    part = PARTS[name].upper()
    for statement in statements(name, AWS):
        if statement["Effect"] == "Deny":
            assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            continue
        assert all(action.startswith("s3:") and "*" not in action for action in actions(statement))
        below = statement["Resource"] == f"arn:aws:s3:::BUCKET/{part}/*"
        listed = statement["Resource"] == "arn:aws:s3:::BUCKET" and statement["Condition"] == {
            "StringLike": {"s3:prefix": [f"{part}/*", part]}
        }
        assert below or listed
    assert [one["Effect"] for one in statements(name, AWS)].count("Deny") == 1


def test_the_page_puts_names_in_their_places(tmp_path: Path) -> None:
    (content,) = [content for _, more, content in blocks(AWS / "README.md") if more == "policies"]
    for line in content.splitlines():
        command = line.replace("deploy/aws", str(AWS))
        subprocess.run(["bash", "-euc", command], cwd=tmp_path, check=True)
    assert statements("store.json", tmp_path)[1]["Resource"] == "arn:aws:s3:::birds/store/*"
    assert statements("landing.json", tmp_path)[1]["Resource"] == "arn:aws:s3:::birds/landing/*"
    assert "STORE" not in (tmp_path / "store.json").read_text(encoding="utf-8")


def test_requests_are_told_apart() -> None:
    assert action_of("GET", "/bucket", {"list-type": ["2"]}) == "s3:ListBucket"
    assert action_of("GET", "/bucket", {"uploads": [""]}) == "s3:ListBucketMultipartUploads"
    assert action_of("PUT", "/bucket", {}) == "PUT of a bucket"  # no policy grants it
    assert action_of("DELETE", "/bucket/a", {"uploadId": ["1"]}) == "s3:AbortMultipartUpload"
    assert action_of("POST", "/bucket/a", {"uploads": [""]}) == "s3:PutObject"


@pytest.mark.long
def test_a_day_in_a_bucket_uses_what_is_granted_and_nothing_else(s3_server: S3Server) -> None:
    bucket, client = s3_server.bucket(), s3_client(s3_server.storage_options)
    for number in range(6):
        client.put_object(Bucket=bucket, Key=f"landing/{FIRST}/plant/{number}.png", Body=picture(0, number))
    client.create_multipart_upload(Bucket=bucket, Key="store/drawn/raw_images/begun.parquet")
    dataset = small_dataset(source={"kind": "bucket", "days": "by_key"})
    now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    with recording(s3_server) as (options, used), dg.DagsterInstance.ephemeral() as instance:
        landing = LandingResource(url=f"s3://{bucket}/landing", options=options)
        resources = build_resources(landing, StoreResource(url=f"s3://{bucket}/store", options=options))
        runner = JobRunner(build_definitions([dataset], resources), instance)
        result = run_day(runner, dataset, chosen_partitions(dataset, FIRST, ["plant"]), refresh=False)
        assert result.ok, result.errors
        store = Store(f"s3://{bucket}/store", options)
        assert verify_store(store, dataset, nothing_shown).is_sound
        UnlistedFiles(store, dataset.name).collect(now, now)
        assert Bucket(store.url, options).end_uploads(now) == 1
    assert used - granted(AWS) == set()
    assert granted(AWS) - used == set()
