"""A day of which a fifth is damaged: every file is accounted for, and nothing that cannot be decoded gets in.

R6 of the scorecard: `make torture ROWS=R6` takes 10,000 files.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.asset_checks import raw_images
from image_assets.asset_checks.check import checks_in
from image_assets.engines.engine import LocalEngine
from image_assets.images.decode import decode
from image_assets.images.reasons import Reason
from image_assets.ingest.load import Ingest, IngestReport, IngestTables, ingest_partition
from image_assets.resources.landing import LandingResource
from image_assets.schema import DUPLICATES, QUARANTINE, RAW_IMAGES
from image_assets.settings.stages import Limits
from tests.asset_checks.faults import PLANT, failing, outcome
from tests.pictures import clouds
from tests.platform import FIRST, Platform, small_dataset
from tests.torture.size import record, rounds_of

FILES = rounds_of("R6")
DAMAGED = FILES // 5


def photo(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(clouds(0, seed))).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def cut_short(content: bytes, random: np.random.Generator) -> bytes:
    return content[: int(len(content) * random.uniform(0.05, 0.95))]


def with_flipped_bytes(content: bytes, random: np.random.Generator) -> bytes:
    altered = bytearray(content)
    for at in random.choice(len(content), random.integers(1, 20), replace=False):
        altered[at] ^= int(random.integers(1, 256))
    return bytes(altered)


def decodes(content: bytes) -> bool:
    """What Pillow says, which is asked for every last pixel."""
    try:
        Image.open(io.BytesIO(content)).load()
    except Exception:  # noqa: BLE001  # whatever it raises, it does not decode
        return False
    return True


def is_whole(file: Path) -> bool:
    """Whether the door makes of a damaged file the picture that it was."""
    before = photo(int(file.stem.split("-")[1]))
    now, then = (decode(content, Limits()).pixels for content in (file.read_bytes(), before))
    return np.array_equal(now, then)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, IngestReport]:
    platform = Platform(small_dataset(limits={"quarantine_rate": 0.05}), tmp_path_factory.mktemp("damaged-day"))
    folder = platform.landing / str(FIRST) / "plant"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(FILES):
        content = photo(number)
        if number < DAMAGED // 2:
            (folder / f"cut-{number}.jpg").write_bytes(cut_short(content, random))
        elif number < DAMAGED:
            (folder / f"flipped-{number}.jpg").write_bytes(with_flipped_bytes(content, random))
        else:
            (folder / f"good-{number}.jpg").write_bytes(content)
    source = LandingResource(url=str(platform.landing)).source(platform.dataset)
    tables = IngestTables.of(platform.store, platform.dataset)
    return platform, ingest_partition(PLANT, Ingest(platform.dataset, source, tables, LocalEngine()))


def names(platform: Platform, column: str, kind: str) -> set[str]:
    schema = {"loaded": RAW_IMAGES, "refused": QUARANTINE, "duplicates": DUPLICATES}[column]
    return {name for name in (Path(source).name for source in platform.rows(schema)["source"]) if name.startswith(kind)}


def test_every_file_is_accounted_for_and_every_good_one_is_loaded(day: tuple[Platform, IngestReport]) -> None:
    platform, report = day
    assert report.listed == FILES == report.loaded + report.duplicates + sum(report.quarantined.values())
    assert outcome(platform, raw_images.every_arrival_accounted_for, PLANT).passed
    assert len(names(platform, "loaded", "good")) == FILES - DAMAGED
    assert names(platform, "refused", "good") == set()
    assert "quarantine_rate" in failing(platform, checks_in(raw_images), PLANT)


def test_a_file_that_lost_its_end_never_gets_in(day: tuple[Platform, IngestReport]) -> None:
    platform, _ = day
    assert len(names(platform, "refused", "cut")) == DAMAGED // 2


def test_what_pillow_cannot_decode_is_refused_with_a_reason_and_the_rest_is_another_image(
    day: tuple[Platform, IngestReport],
) -> None:
    """Bytes that were flipped can leave a picture that decodes: nothing can tell but a hash of what it was."""
    platform, report = day
    folder = platform.landing / str(FIRST) / "plant"
    refused = names(platform, "refused", "flipped")
    undecodable = {file.name for file in folder.glob("flipped-*") if not decodes(file.read_bytes())}
    # Where nothing but the end mark is gone, which Pillow insists on, the picture is whole.
    assert {name for name in undecodable - refused if not is_whole(folder / name)} == set()
    assert names(platform, "loaded", "flipped") == {file.name for file in folder.glob("flipped-*")} - refused
    rows = platform.rows(QUARANTINE)
    assert set(rows["reason"]) <= {str(reason) for reason in Reason}
    assert rows.filter(pl.col("detail").str.len_chars() == 0).is_empty()
    counts = Counter(f"{name.split('-')[0]} refused" for name in (Path(one).name for one in rows["source"]))
    record("R6", rounds=FILES, damaged=DAMAGED, loaded=report.loaded, **counts)


def test_a_file_of_which_only_the_end_mark_is_gone_is_whole_and_one_that_lost_samples_is_not(tmp_path: Path) -> None:
    content = photo(7)
    (tmp_path / "flipped-7.jpg").write_bytes(content[:-2] + b"\xa5\xd9")
    assert not decodes((tmp_path / "flipped-7.jpg").read_bytes())
    assert is_whole(tmp_path / "flipped-7.jpg")
    half = len(content) * 3 // 4
    (tmp_path / "flipped-7.jpg").write_bytes(content[:half] + bytes([content[half] ^ 0x10]) + content[half + 1 :])
    assert not is_whole(tmp_path / "flipped-7.jpg")
