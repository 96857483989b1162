"""The benchmark of cores: what is measured is done for every photo, whatever the number of processes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.cores.__main__ import Figure, _numbers, _say, _shares
from benchmarks.cores.contestant import done
from benchmarks.cores.photos import photos
from benchmarks.cores.work import WORK
from image_assets.engines.processes import drop_pool
from image_assets.environment import PROCESSES


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return photos(None, tmp_path_factory.mktemp("photos"), 40)


def test_drawn_photos_are_as_large_as_real_ones_and_all_different(drawn: list[Path]) -> None:
    assert len({path.read_bytes() for path in drawn}) == 40
    assert 30_000 < np.mean([path.stat().st_size for path in drawn]) < 120_000


def test_every_photo_has_its_row(drawn: list[Path]) -> None:
    for name, (work, _) in WORK.items():
        rows = pa.Table.from_batches([batch for batch, _ in work(drawn, 2)])
        assert rows.num_rows == 40, name
        if name == "engine":
            features = np.array(rows["features"].to_pylist())
            assert features.shape == (40, 512)
            assert features.std(axis=0).max() > 0.01


def test_a_unit_is_done_by_several_processes_and_a_missing_row_is_seen(
    drawn: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROCESSES.name, "2")
    done("door", drawn, 2)
    drop_pool()
    monkeypatch.setenv(PROCESSES.name, "1")
    monkeypatch.setitem(WORK, "door", (lambda files, threads: WORK["engine"][0](files[1:], threads), 32))
    with pytest.raises(SystemExit, match="39 rows of 40 files"):
        done("door", drawn, 2)


def test_every_number_of_processes_that_shares_the_cores_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert (_numbers(16), _numbers(6), _numbers(1)) == ([1, 2, 4, 8, 16], [1, 2, 4, 6], [1])
    assert (_shares(16), _shares(6), _shares(1)) == ([1, 2, 4, 8, 16], [1, 2, 6], [1])
    _say([Figure("door", 8, 8, 1_000, ceiling=True), Figure("door", 8, 2, 900)], sys.stdout)
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["door", "8", "cores", "independent", "1,000/s", "1.00"]
    assert said[1].split() == ["door", "8", "cores", "2", "×", "4", "900/s", "0.90"]
