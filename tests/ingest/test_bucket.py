"""A bucket is listed whole, whatever its keys, and read although connections fail, on a real S3 server."""

from __future__ import annotations

import datetime as dt
import io
import pickle
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from image_assets.dataset import DatasetError
from image_assets.ingest import bucket as bucket_module
from image_assets.ingest.bucket import BucketTree, ByLastModified
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import SourceChanged, SourceError, Unplaced
from image_assets.settings.sources import BucketSource, FolderSource
from image_assets.store.s3 import s3_client
from image_assets.workers import no_progress
from tests.ingest.archives import DAY, archive, tarred, zipped
from tests.platform import small_dataset
from tests.s3_server import S3Server

MANY = 1 << 30


@pytest.fixture(autouse=True)
def no_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no credentials must not ask the network for some."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Bucket:
    """A bucket with a prefix, `photos`, beside other things."""

    def __init__(self, server: S3Server) -> None:
        self.name = server.bucket()
        self.options = server.storage_options
        self.client = s3_client(self.options)
        self.url = f"s3://{self.name}/photos"
        self.put("../photos of others/x.jpg", b"theirs")
        self.put("../beside.jpg", b"theirs")

    def put(self, key: str, content: bytes) -> None:
        full = key.removeprefix("../") if key.startswith("../") else f"photos/{key}"
        self.client.put_object(Bucket=self.name, Key=full, Body=content)

    def tree(self, *ignore: str, **options: str) -> BucketTree:
        return BucketTree(self.url, self.options | options, ignore)


@pytest.fixture
def bucket(s3_server: S3Server) -> Bucket:
    return Bucket(s3_server)


ODD = {
    "a.jpg": b"a",
    "a.jpg.more": b"key that another begins with",
    "a.jpg/inner.jpg": b"key that goes on behind another",
    "é中 %20#?&+.jpg": b"unicode",
    "new\nline.jpg": b"control character",
    "empty.jpg": b"",
    "deep/er/x.jpg": b"deep",
}


def test_every_key_is_listed_and_read(bucket: Bucket) -> None:
    for key, content in ODD.items():
        bucket.put(f"{DAY}/plant/{key}", content)
    bucket.put(f"{DAY}/plant/folder/", b"")  # as consoles make them
    bucket.put(f"{DAY}/plantation/b.jpg", b"of another category")
    tree = bucket.tree()
    listing = tree.files(f"{DAY}/plant")
    found = {file.source.removeprefix(f"{DAY}/plant/"): tree.read(file, MANY) for file in listing.files}
    assert found == {key.replace("\n", "\\x0a"): content for key, content in ODD.items()}
    assert [file.source for file in listing.files] == sorted(file.source for file in listing.files)
    assert tree.folders(str(DAY)) == ["plant", "plantation"]
    assert [f.source for f in tree.loose_files(f"{DAY}/plant")] == sorted(
        f"{DAY}/plant/{key}".replace("\n", "\\x0a") for key in ODD if "/" not in key
    )


def test_keys_that_this_server_tidies_up_are_listed_as_they_are(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SeaweedFS stores `x//y` as `x/y`; S3 does not. What boto3 hands over is put in its place.
    when = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    keys = ["x//y.jpg", "./dot.jpg", "../up.jpg", "back\\slash.jpg", "/leading.jpg"]
    pages = [{"Contents": [{"Key": f"photos/{k}", "Size": 1, "ETag": '"e"', "LastModified": when} for k in keys]}]
    tree = bucket.tree(".*")
    monkeypatch.setattr(type(tree.objects), "_pages", lambda *_, **__: iter(pages))
    assert sorted(f.source for f in tree.files("").files) == sorted([*keys[:3], r"back\\slash.jpg", "/leading.jpg"])


def test_a_listing_of_many_pages_is_whole(bucket: Bucket) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: bucket.put(f"{DAY}/plant/{n:04d}.jpg", b"%d" % n), range(1_050)))
    assert len(bucket.tree().files(f"{DAY}/plant").files) == 1_050


def test_what_is_ignored_is_counted(bucket: Bucket) -> None:
    for key in (".DS_Store", "a.png", ".hidden/b.png", ".hidden/c/d.png"):
        bucket.put(f"{DAY}/plant/{key}", b"x")
    listing = bucket.tree(".*").files(f"{DAY}/plant")
    assert ([file.source for file in listing.files], listing.ignored) == ([f"{DAY}/plant/a.png"], 2)


def test_a_large_object_comes_in_ranges_and_is_cut_off_where_asked(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "_RANGE", 1_000)
    content = bytes(range(256)) * 40
    bucket.put("a.jpg", content)
    tree = bucket.tree()
    (file,) = tree.files("").files
    assert tree.read(file, MANY) == content
    assert tree.read(file, 5_000) == content[:5_001]
    with tree.open(file) as stream:
        assert stream.seek(-10, io.SEEK_END) == len(content) - 10
        assert stream.read() == content[-10:]
        stream.seek(100)
        assert stream.read(3_000) == content[100:3_100]


def test_a_replaced_or_deleted_object_is_not_taken_for_the_listed_one(bucket: Bucket) -> None:
    bucket.put("a.jpg", b"first")
    bucket.put("b.jpg", b"first")
    tree = bucket.tree()
    a, b = tree.files("").files
    bucket.put("a.jpg", b"other")
    bucket.client.delete_object(Bucket=bucket.name, Key="photos/b.jpg")
    with pytest.raises(SourceChanged, match=r"a\.jpg: it was replaced since it was listed"):
        tree.read(a, MANY)
    with pytest.raises(SourceChanged, match=r"b\.jpg: it was deleted since it was listed"):
        tree.read(b, MANY)
    assert tree.files("").files[0].version != a.version


class Unreliable(BaseHTTPRequestHandler):
    """Hands requests on to the real server, but refuses the first GET of every object, and cuts off the second."""

    target = ""
    seen: dict[str, int]

    def do_GET(self) -> None:
        request = urllib.request.Request(self.target + self.path, headers=dict(self.headers.items()))
        try:
            with urllib.request.urlopen(request, timeout=10) as got:
                status, headers, body = got.status, got.headers, got.read()
        except urllib.error.HTTPError as error:
            status, headers, body = error.code, error.headers, error.read()
        number = self.seen[self.path] = self.seen.get(self.path, 0) + 1
        is_object = ".jpg" in self.path
        self.send_response(503 if is_object and number == 1 else status)
        for name in ("ETag", "Last-Modified", "Content-Range", "Content-Type"):
            if name in headers:
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = is_object and number == 2
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def unreliable(s3_server: S3Server) -> Iterator[tuple[str, dict[str, int]]]:
    handler = type("Handler", (Unreliable,), {"target": s3_server.endpoint, "seen": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.seen
        server.shutdown()


def test_reads_are_repeated_after_refusals_and_broken_bodies(
    bucket: Bucket, unreliable: tuple[str, dict[str, int]]
) -> None:
    content = bytes(range(256)) * 4_000
    bucket.put("a.jpg", content)
    endpoint, seen = unreliable
    tree = bucket.tree(aws_endpoint=endpoint)
    (file,) = tree.files("").files
    assert tree.read(file, MANY) == content
    assert [number for path, number in seen.items() if ".jpg" in path] == [3]


def test_the_environment_says_where_the_server_is_and_who_asks(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("a.jpg", b"a")
    bucket.put("odd\nname.jpg", b"b")
    options = dict(bucket.options)
    monkeypatch.setenv("AWS_ENDPOINT_URL", options.pop("aws_endpoint"))
    for name, value in options.items():
        monkeypatch.setenv(name.upper(), value)
    tree = BucketTree(bucket.url)
    assert [tree.read(file, MANY) for file in tree.files("").files] == [b"a", b"b"]


def problem(url: str, options: dict[str, str]) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(BucketSource(kind="bucket"), url, "UTC", options).days()
    return str(caught.value)


def test_a_bucket_that_cannot_be_listed_is_an_error_that_says_what_to_do(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = bucket.options
    assert "there is no such bucket; name another one or make it" in problem("s3://not-there-at-all/x", options)
    wrong = options | {"aws_secret_access_key": "wrong"}
    assert "the secret key is wrong; check AWS_SECRET_ACCESS_KEY" in problem(bucket.url, wrong)
    unknown = options | {"aws_access_key_id": "nobody"}
    assert "the access key is not known there; check AWS_ACCESS_KEY_ID" in problem(bucket.url, unknown)
    away = options | {"aws_endpoint": "http://127.0.0.1:9"}
    assert "check AWS_ENDPOINT_URL and the network" in problem(bucket.url, away)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    nobody = {name: value for name, value in options.items() if "key" not in name}
    assert "there are no credentials; set AWS_ACCESS_KEY_ID" in problem(bucket.url, nobody)
    assert "expected a folder, file:///… or s3://bucket/prefix" in problem("gs://bucket", options)


def test_days_by_key_with_archives_in_the_bucket(bucket: Bucket, tmp_path: Path) -> None:
    big = bytes(range(256)) * 20_000
    bucket.put(f"{DAY}/plant/photos.zip", zipped([("a.jpg", b"a"), ("big.jpg", big)]))
    bucket.put(f"{DAY}/plant/photos.tar.gz", archive("tar.gz", [("b.jpg", b"b"), ("big.jpg", big)]))
    bucket.put(f"{DAY}/plant/c.jpg", b"c")
    bucket.put(f"{DAY}/all.tar", tarred([("plant/d.jpg", b"d")]))
    bucket.put(f"{DAY}/in no folder.jpg", b"stray")
    spec = BucketSource(kind="bucket", staging=str(tmp_path / "staging"))
    source = pickle.loads(pickle.dumps(open_source(spec, bucket.url, "UTC", bucket.options)))
    assert source.days() == [DAY]
    source.fetch(DAY, "plant", no_progress)
    files = source.list_files(DAY, "plant").files
    assert {f.source.removeprefix(f"{DAY}/"): source.read(f, MANY) for f in files} == {
        "all.tar/plant/d.jpg": b"d",
        "plant/c.jpg": b"c",
        "plant/photos.tar.gz/b.jpg": b"b",
        "plant/photos.tar.gz/big.jpg": big,
        "plant/photos.zip/a.jpg": b"a",
        "plant/photos.zip/big.jpg": big,
    }
    assert source.categories(DAY) == ["in no folder.jpg", "plant"]


def test_days_by_last_modified_begin_in_the_time_zone_of_the_dataset(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("plant/a.jpg", b"a")
    bucket.put("plant/photos.zip", zipped([("b.jpg", b"b")]))
    bucket.put("animal/c.jpg", b"c")
    bucket.put("stray.jpg", b"stray")
    spec = BucketSource(kind="bucket", days="by_last_modified", staging=str(tmp_path / "staging"))
    modified = next(iter(BucketTree(bucket.url, bucket.options).objects.below("plant"))).modified
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        day = modified.astimezone(ZoneInfo(zone)).date()
        source = open_source(spec, bucket.url, zone, bucket.options)
        assert isinstance(source, ByLastModified)
        assert day in source.days()
        assert len(source.days()) <= 2
        source.fetch(day, "plant", no_progress)
        files = source.list_files(day, "plant").files
        assert {f.source: source.read(f, MANY) for f in files} == {"plant/a.jpg": b"a", "plant/photos.zip/b.jpg": b"b"}
        assert source.categories(day) == ["animal", "plant", "stray.jpg"]
        for other in (day - dt.timedelta(days=2), day + dt.timedelta(days=2)):
            assert source.list_files(other, "plant").files == ()
            assert source.categories(other) == ["animal", "plant"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["2026-11-19/plant/a.jpg"], "found 2026-11-19; expected <category>/…, such as animal/…, with `days: by_last_"),
        (["2026-11-19/plant/a.jpg"], "; `days: by_key` reads <day>/<category>/…"),
        (["Plants/a.jpg", "b.jpg"], "found Plants, b.jpg; expected"),
        (["b.jpg"], "found b.jpg; expected"),
    ],
)
def test_a_landing_zone_without_a_folder_of_a_category_is_refused(tmp_path: Path, keys: list[str], said: str) -> None:
    for key in keys:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(b"x")
    spec = BucketSource(kind="bucket", days="by_last_modified")
    source = open_source(spec, str(tmp_path), categories=("plant", "animal"))
    with pytest.raises(SourceError, match=re.escape(said)):
        source.days()
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant" / "a.jpg").write_bytes(b"x")
    assert source.days()


def test_a_bucket_by_last_modification_counts_what_is_in_no_category(tmp_path: Path) -> None:
    for key in ("plant/a.jpg", "Plants/b.jpg", "Plants/c.jpg", "stray.jpg"):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(b"x")
    source = open_source(BucketSource(kind="bucket", days="by_last_modified"), str(tmp_path), categories=("plant",))
    (day,) = source.days()
    assert source.unplaced(day, ["plant"]) == Unplaced(("Plants", "stray.jpg"), 3)
    assert source.unplaced(day + dt.timedelta(days=1), ["plant"]) == Unplaced((), 0)
    assert source.misnamed() == {}


@pytest.mark.parametrize("days", ["by_key", "by_last_modified"])
def test_a_local_folder_is_read_by_the_same_code(tmp_path: Path, days: str) -> None:
    top = tmp_path / "landing" / (str(DAY) if days == "by_key" else "")
    for name in ("plant/a.jpg", "plant/deep/b é.jpg", "stray.jpg"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(name.encode())
    spec = BucketSource.model_validate({"kind": "bucket", "days": days, "staging": str(tmp_path / "staging")})
    source = open_source(spec, str(tmp_path / "landing"))
    (day,) = source.days()
    files = source.list_files(day, "plant").files
    assert [source.read(file, MANY).decode() for file in files] == ["plant/a.jpg", "plant/deep/b é.jpg"]
    assert source.categories(day) == ["plant", "stray.jpg"]
    with pytest.raises(SourceError, match="nowhere: no such folder"):
        open_source(spec, str(tmp_path / "nowhere")).days()


def test_the_kind_of_a_source_is_chosen_in_the_dataset_file() -> None:
    bucket = small_dataset(source={"kind": "bucket", "landing": "s3://b/p", "days": "by_last_modified"}).source
    assert isinstance(bucket, BucketSource)
    assert isinstance(small_dataset().source, FolderSource)
    with pytest.raises(DatasetError, match="days"):
        small_dataset(source={"kind": "bucket", "days": "by_night"})
