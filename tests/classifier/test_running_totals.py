"""What is kept between days: read back as it was, refused when it is not, and never half written."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import obstore
import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from image_assets.classifier.daily.running_totals import (
    TOTALS,
    Totals,
    UnusableTotals,
    dump_totals,
    parse_totals,
    plan_update,
    read_totals,
    write_totals,
)
from image_assets.classifier.daily.statistics import class_statistics
from image_assets.schema import Partition
from tests.classifier.feature_tables import day
from tests.classifier.synthetic import clusters
from tests.store_files import python_path

PREFIX = "drawn/classifier-statistics"
WIDTH = 6
OWLS, DUCKS, LATER = Partition(day(0), "owl"), Partition(day(0), "duck"), Partition(day(1), "owl")
KEPT = {OWLS: "a" * 64, DUCKS: "b" * 64}


def totals(seed: int = 0, width: int = WIDTH) -> Totals:
    features, labels = clusters(60, width, seed=seed)
    return Totals("e" * 64, KEPT, class_statistics(features, labels, (0, 1, 2)))


def test_what_is_written_is_read_back() -> None:
    objects = MemoryStore()
    assert read_totals(objects, PREFIX) == "no totals were kept yet"
    write_totals(objects, PREFIX, totals())
    found = read_totals(objects, PREFIX)
    assert isinstance(found, Totals)
    assert (found.extractor_digest, found.partitions) == ("e" * 64, KEPT)
    assert found.statistics.scatter.tobytes() == totals().statistics.scatter.tobytes()
    assert dump_totals(found) == dump_totals(totals())


def rewritten(**changes: object) -> bytes:
    """A state with a right digest whose content is another: what only its reader's own checks can notice."""
    buffer = io.BytesIO()
    content = dump_totals(totals())
    magic, _, arrays = content.split(b"\n", 2)
    with np.load(io.BytesIO(arrays)) as found:
        np.savez(buffer, **{**found, **changes})  # pyright: ignore[reportArgumentType]  # arrays by their names
    changed = buffer.getvalue()
    return magic + b"\n" + hashlib.sha256(changed).hexdigest().encode() + b"\n" + changed


SOUND = dump_totals(totals())
DAMAGED = {
    "empty": (b"", "another format"),
    "a page": (b"<html>404</html>", "another format"),
    "only its first line": (SOUND.split(b"\n")[0] + b"\n", "damaged"),
    "cut short": (SOUND[:-1], "damaged"),
    "longer": (SOUND + b"\0", "damaged"),
    "one bit": (SOUND[:900] + bytes([SOUND[900] ^ 1]) + SOUND[901:], "damaged"),
    "a later format": (SOUND.replace(b"statistics 2\n", b"statistics 3\n", 1), "another format"),
    "no arrays": (rewritten(header=np.array([1], np.uint8)), "lacks what it should hold"),
    "pickled": (rewritten(header=np.array([{"a": 1}], object)), "lacks what it should hold"),
    "other shapes": (rewritten(means=np.zeros((2, WIDTH))), "do not fit together: means"),
    "not finite": (rewritten(scatter=np.full((WIDTH, WIDTH), np.nan)), "finite numbers"),
    "strings": (rewritten(counts=np.array(["1", "2", "3"])), "finite numbers"),
    "negative": (rewritten(counts=np.array([1, -2, 3])), "negative"),
    "twice a class": (rewritten(classes=np.array([1, 1, 2])), "disorder"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_or_foreign_file_is_refused_and_said(damage: str) -> None:
    content, message = DAMAGED[damage]
    with pytest.raises(UnusableTotals, match=message):
        parse_totals(content)
    objects = MemoryStore()
    obstore.put(objects, f"{PREFIX}/{TOTALS}", content)
    found = read_totals(objects, PREFIX)
    assert isinstance(found, str)
    assert message in found
    update = plan_update(found, KEPT, "e" * 64, np.arange(3), WIDTH)
    assert update.start is None
    assert update.missing == (DUCKS, OWLS)
    assert message in update.reason


def test_every_byte_counts() -> None:
    for place in range(0, len(SOUND), 97):
        with pytest.raises(UnusableTotals):
            parse_totals(SOUND[:place] + bytes([SOUND[place] ^ 64]) + SOUND[place + 1 :])


@pytest.mark.parametrize(
    ("wanted", "missing", "reason"),
    [
        (KEPT, (), "0 of 2 partitions are new"),
        ({**KEPT, LATER: "c" * 64}, (LATER,), "1 of 3 partitions are new"),
        ({**KEPT, OWLS: "c" * 64}, None, "training images of 1 partitions changed since, the first is 2026-11-01 owl"),
        ({OWLS: "a" * 64}, None, "1 partitions changed since, the first is 2026-11-01 duck"),
        ({}, None, "2 partitions changed since"),
    ],
)
def test_only_what_is_new_is_read(wanted: dict[Partition, str], missing: tuple | None, reason: str) -> None:
    update = plan_update(totals(), wanted, "e" * 64, np.arange(3), WIDTH)
    assert (update.start is None) == (missing is None)
    assert update.missing == (tuple(sorted(wanted)) if missing is None else missing)
    assert reason in update.reason


def test_other_features_or_labels_begin_anew() -> None:
    for changes, reason in (
        (("f" * 64, np.arange(3), WIDTH), "another extractor"),
        (("e" * 64, np.arange(3), WIDTH + 1), "another extractor"),
        (("e" * 64, np.arange(4), WIDTH), r"labels were [0, 1, 2] and are [0, 1, 2, 3]"),
    ):
        update = plan_update(totals(), KEPT, *changes)
        assert update.start is None
        assert reason in update.reason
    roots = plan_update(totals(), KEPT, "e" * 64, np.arange(3), WIDTH, rooted=True)
    assert (roots.start, roots.missing) == (None, (DUCKS, OWLS))
    assert "classifier.transform changed" in roots.reason


WRITER = """
    import sys
    from obstore.store import LocalStore
    from image_assets.classifier.daily.running_totals import write_totals
    from tests.classifier.test_running_totals import PREFIX, totals

    objects, states = LocalStore(sys.argv[1]), [totals(seed, 300) for seed in (1, 2)]
    print("ready", flush=True)
    while True:
        for state in states:
            write_totals(objects, PREFIX, state)
"""


def test_a_writer_that_is_killed_leaves_a_whole_state(tmp_path: Path) -> None:
    objects: ObjectStore = LocalStore(tmp_path)
    write_totals(objects, PREFIX, totals(1, 300))
    known = {dump_totals(totals(seed, 300)) for seed in (1, 2)}
    root = Path(__file__).resolve().parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": python_path(root)},
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        for _ in range(20):
            assert bytes(obstore.get(objects, f"{PREFIX}/{TOTALS}").bytes()) in known
            time.sleep(0.005)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
    assert bytes(obstore.get(objects, f"{PREFIX}/{TOTALS}").bytes()) in known
