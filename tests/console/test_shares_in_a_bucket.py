"""Links to shards in a bucket, on a real S3 server: the console looks, and the bucket delivers."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml

from image_assets.cli import main
from image_assets.errors import UsageError
from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share
from image_assets.store.presigned import presigned
from image_assets.store.store import Store
from tests.cli.shapes import assert_told
from tests.console.served import served, settings_of
from tests.platform import FIRST, Platform
from tests.s3_server import S3Server
from tests.test_docs import ROOT, blocks

WEEK = dt.timedelta(days=7)


@dataclass(frozen=True)
class InBucket:
    """The tables and shards of a platform, in a bucket."""

    platform: Platform
    store: Store

    def share(self) -> tuple[Share, str]:
        contents = contents_of(self.platform.dataset, self.store, Chosen([FIRST], ["plant"]))
        share, token = ShareBook(self.store, self.platform.dataset.name).make(contents, WEEK, "ada")
        return share, f"/share/{token}/"

    def content(self, path: str) -> bytes:
        return (self.platform.files / self.platform.dataset.name / path).read_bytes()


@pytest.fixture(scope="module")
def bucket(loaded_platform: Platform, s3_server: S3Server) -> InBucket:
    store, folder = (
        Store(f"s3://{s3_server.bucket()}/a place", s3_server.storage_options),
        loaded_platform.files,
    )
    objects = store.objects()
    for tree in ("feature_shards", "feature_shards_manifests", "raw_images", "reviews"):
        for file in (folder / loaded_platform.dataset.name / tree).rglob("*"):
            if file.is_file():
                objects.put(file.relative_to(folder).as_posix(), file.read_bytes())
    return InBucket(loaded_platform, store)


@pytest.fixture(scope="module")
def console(bucket: InBucket) -> Iterator[httpx.Client]:
    with served(settings_of(bucket.platform, store=bucket.store), ready=False) as client:
        yield client


def test_a_shard_comes_from_the_bucket_and_a_manifest_from_the_console(console: httpx.Client, bucket: InBucket) -> None:
    share, address = bucket.share()
    manifest, shard = share.files[:2]
    at = f"{address}files/{manifest.path}"
    part = console.get(at, headers={"range": "bytes=5-"})
    assert (part.status_code, part.content) == (206, bucket.content(manifest.path)[5:])
    at = f"{address}files/{shard.path}"
    led = console.get(at)
    assert (led.status_code, led.headers["cache-control"]) == (307, "private, no-store")
    signed = parse_qs(urlsplit(led.headers["location"]).query)
    assert 0 < int(signed["X-Amz-Expires"][0]) <= 300
    whole = bucket.content(shard.path)
    assert console.get(at, follow_redirects=True).content == whole
    half = console.get(at, headers={"range": f"bytes={len(whole) // 2}-"}, follow_redirects=True)
    assert (half.status_code, half.content) == (206, whole[len(whole) // 2 :])
    head = console.head(at)
    assert (head.status_code, head.headers["content-length"]) == (200, str(shard.bytes))
    assert head.headers["etag"] == f'"{shard.sha256}"'
    beyond = console.get(at, headers={"range": f"bytes={shard.bytes}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{shard.bytes}")


def test_revoked_and_replaced_it_leads_nowhere(console: httpx.Client, bucket: InBucket) -> None:
    share, address = bucket.share()
    shard = share.files[1]
    at, path = f"{address}files/{shard.path}", f"{bucket.platform.dataset.name}/{shard.path}"
    objects, kept = bucket.store.objects(), bucket.content(shard.path)
    objects.put(path, kept[:-1] + b"?")
    assert console.get(at).json()["error"]["code"] == "replaced"
    objects.put(path, kept)
    assert console.get(at, follow_redirects=True).content == kept
    tampered = console.get(at).headers["location"].replace(shard.name, share.files[2].name)
    assert httpx.get(tampered, trust_env=False).status_code == 403
    assert ShareBook(bucket.store, bucket.platform.dataset.name).revoke(share.id).revoked
    assert (console.get(at).status_code, console.get(at).json()["error"]["code"]) == (410, "revoked")


def test_direct_links_are_the_bucket_s_own_and_hold_a_week_at_most(
    bucket: InBucket, s3_server: S3Server, tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(bucket.platform.dataset.model_dump(mode="json")))
    (tmp_path / "image-assets.yaml").write_text(f"dataset: drawn.yaml\nstore: {bucket.store.url}\n")
    monkeypatch.chdir(tmp_path)
    (command,) = [content for _, more, content in blocks(ROOT / "docs/sharing.md") if more == "bucket"]
    words = shlex.split(command)[1:]
    assert main([*words, "--quiet"]) == 0
    said = capsys.readouterr()
    assert "nobody can revoke these" in said.err
    urls = said.out.split()
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert_told("share", told)
    assert len(urls) == len(told["files"]) > 4
    assert parse_qs(urlsplit(urls[0]).query)["X-Amz-Expires"] == ["604800"]
    for one in told["files"][:3]:
        assert httpx.get(one["url"], trust_env=False).content == bucket.content(one["path"])
    assert main([*words[:2], "8d", *words[3:]]) == 2
    assert "holds for 7 days at most" in capsys.readouterr().err
    assert ShareBook(bucket.store, "drawn").named(json.dumps(told)[:12]) is None
    with pytest.raises(UsageError, match="holds for 7 days at most"):
        presigned(bucket.store.objects(), "x", dt.timedelta(days=7, seconds=1))
