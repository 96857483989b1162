"""Stores in folders and below prefixes of any name: what is written is read back, or the name is refused at once."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings

from image_assets.places import PlaceError
from image_assets.schema import ARRIVALS, REVIEWS, Partition
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from tests.s3_server import S3Server
from tests.test_places import NAMES

OWL, DUCK = (Partition(dt.date(2026, 11, 19), category) for category in ("owl", "duck"))


def write_and_read(store: Store) -> None:
    table = store.table("sample", ARRIVALS)
    assert table.scan().collect().is_empty()
    for partition, size in ((OWL, 6), (OWL, 7), (DUCK, 8)):
        file = table.write_frame(partition, pl.DataFrame({"source": ["a"], "bytes": [size]}))
        table.replace(partition, [file])
    delta_log._idle.clear()  # as in another process
    table = store.table("sample", ARRIVALS)
    assert table.scan([OWL]).collect().rows() == [("a", 7, OWL.date, "owl")]
    assert table.scan().collect().columns == ARRIVALS.arrow.names
    assert sorted(table.scan().collect().rows()) == [("a", 7, OWL.date, "owl"), ("a", 8, DUCK.date, "duck")]
    [file] = table.partition_files(OWL)
    assert [row for batch in table.files.read(file.path, ["bytes"]) for row in batch["bytes"].to_pylist()] == [7]


@pytest.mark.local_store(reason="names that a folder may have and the prefix of a bucket may not")
@settings(max_examples=8, deadline=None)
@given(NAMES.filter(lambda name: name not in (".", "..")))
@example("plain")
@example("my store")
@example("störe#1?x=2")
@example("st%20ore")
@example("date=2026-11-20")
@example("a\\b")
@example("[a]*{b}")
@example("\x7f\t\n")
def test_what_is_written_is_read_back_whatever_the_folder_is_called(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_and_read(Store(os.path.join(folder, name)))
        assert os.listdir(folder) == [name]
        assert sorted(os.listdir(Path(folder, name, "sample", "arrivals"))) == ["_delta_log", "date=2026-11-19"]


@pytest.mark.local_store(reason="names that a folder may have and the prefix of a bucket may not")
def test_a_table_without_partitions_is_read_below_any_name(tmp_path: Path) -> None:
    mark = ("1f" * 32, "owl", True, "me", dt.datetime(2026, 11, 20, tzinfo=dt.UTC), "one", False)
    frame = pl.DataFrame([mark], REVIEWS.arrow.names, orient="row")
    for name in ("plain", "50% é%41"):
        table = Store(str(tmp_path / name)).table("sample", REVIEWS)
        table.append(frame)
        assert table.scan().collect().equals(frame)


@pytest.mark.local_store(reason="names that a folder may have and the prefix of a bucket may not")
def test_a_log_that_is_shown_through_a_link_is_read_by_other_processes_and_leaves_nothing(tmp_path: Path) -> None:
    store = tmp_path / "st%20ore"
    code = "import sys; from tests.store.test_store_names import *; write_and_read(Store(sys.argv[1]))"
    places = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(store)], check=True, env=places)
    assert os.listdir(tmp_path) == ["st%20ore"]
    assert Store(str(store)).table("sample", ARRIVALS).scan().collect().height == 2


def test_a_folder_that_is_no_text_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="no UTF-8; rename the folder"):
        Store(os.fsdecode(os.fsencode(tmp_path) + b"/st\xf6re"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("prefix", ["plain", "my störe", "a=b", "50% {x}*[1]~", ""])
def test_what_is_written_is_read_back_below_any_prefix_of_a_bucket(s3_server: S3Server, prefix: str) -> None:
    store = Store(f"S3://{s3_server.bucket()}/{prefix}", s3_server.storage_options)
    write_and_read(store)
    assert store.table("sample", ARRIVALS).scan().collect().height == 2


@pytest.mark.parametrize("prefix", ["st%20ore", "a#b", "a?b", "a\\b", "a//b", "a/../b"])
def test_a_prefix_that_cannot_be_read_back_is_refused(prefix: str) -> None:
    with pytest.raises(PlaceError, match=r"^store "):
        Store(f"s3://bucket/{prefix}")
