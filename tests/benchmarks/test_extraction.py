"""The benchmark of extraction: its inputs are as said, it catches who did not do the work, its ratios are right."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from benchmarks.extraction import agreement, report
from benchmarks.extraction.inputs import NoPhotos, repeat_photos, with_comment
from benchmarks.extraction.measure import Run
from tests.pictures import picture

ROOT = Path(__file__).resolve().parents[2]


def land_jpegs(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(number):
        Image.open(BytesIO(picture(seed % 3, seed, 160))).save(folder / f"{seed}.jpg")


def test_photos_are_repeated_in_other_bytes_with_the_same_pixels(tmp_path: Path) -> None:
    land_jpegs(tmp_path / "few", 3)
    repeat_photos(tmp_path / "few", 7, tmp_path / "many")
    many = sorted((tmp_path / "many").rglob("*.jpg"))
    assert len({path.read_bytes() for path in many}) == 7
    for number, path in enumerate(many):
        original = tmp_path / "few" / f"{number % 3}.jpg"
        np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(original)))


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoPhotos, match=r"no JPEG files in .*name a folder of photos with --photos"):
        repeat_photos(tmp_path, 7, tmp_path / "many")


def test_a_comment_is_a_segment_of_its_own() -> None:
    assert with_comment(b"\xff\xd8\xff\xe0rest", "ab") == b"\xff\xd8\xff\xfe\x00\x04ab\xff\xe0rest"


def write(path: Path, ids: list[str], features: np.ndarray) -> Path:
    frame = pl.DataFrame({"image_id": ids, "features": features.astype(np.float32)})
    frame.cast({"features": pl.Array(pl.Float32, features.shape[1])}).write_parquet(path)
    return path


def test_contestants_that_did_not_do_the_work_are_caught(tmp_path: Path) -> None:
    ids = [str(number) for number in range(40)]
    features = np.random.default_rng(0).random((40, 8)) + np.eye(40, 8) * 5
    reference = write(tmp_path / "reference.parquet", ids, features)
    same = write(tmp_path / "same.parquet", ids[::-1], features[::-1])
    assert agreement.check("same", same, reference, 40) == pytest.approx(1)
    wrong = {
        "missing": (ids[1:], features[1:]),
        "double": ([*ids[1:], ids[1]], features),
        "other photos": ([f"x{one}" for one in ids], features),
        "not finite": (ids, np.where(np.eye(40, 8) > 0, np.nan, features)),
        "other features": (ids, np.roll(features, 3, axis=1) * [1, -1, 1, -1, 1, -1, 1, -1]),
    }
    for name, (image_ids, values) in wrong.items():
        output = write(tmp_path / "wrong.parquet", image_ids, values)
        with pytest.raises(agreement.Disagreement, match=name):
            agreement.check(name, output, reference, 40)


def runs(small: float, large: float, worked: float) -> list[tuple[Run, Run]]:
    """Three rounds of 100 and 400 images, one of them disturbed."""
    calm = (Run(100, small, small - 1, 10**8), Run(400, large, worked, 10**8))
    disturbed = (Run(100, small, small - 1, 10**8), Run(400, 10 * large, 10 * worked, 2 * 10**8))
    return [calm, disturbed, calm]


def test_ratios_leave_start_up_out_and_one_disturbed_round_too() -> None:
    found = {
        name: report.figures(rounds)
        for name, rounds in {
            "decode_only": runs(2, 3, 1),
            "model_only": runs(2, 4, 1),
            "engine": runs(2, 5, 2),  # 100 images/s when it runs, 80 of the whole
            "ray_data": runs(14, 20, 8),  # 50 images/s when it runs, 20 of the whole
        }.items()
    }
    assert found["engine"] == report.Figures(400, 80, 100, 200, 200)
    assert report.ceiling(found) == pytest.approx(200)
    goals = {goal.what: goal for goal in report.goals(found)}
    assert goals["engine ÷ ceiling"].ratio == pytest.approx(1)
    assert goals["engine ÷ Ray Data"].ratio == pytest.approx(2)
    assert goals["engine ÷ Ray Data"].reached
    assert goals["engine ÷ Ray Data, whole run"].ratio == pytest.approx(4)
    assert "engine ÷ tf.data" not in goals
    slow = {**found, "engine": report.figures(runs(2, 8, 7))}
    assert not {goal.what: goal.reached for goal in report.goals(slow)}["engine ÷ Ray Data"]


@pytest.mark.long
def test_the_benchmark_runs_and_says_who_does_not_take_part(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="the extra tensorflow is not installed: no model to measure with")
    land_jpegs(tmp_path / "photos", 12)
    options = ["--photos", "photos", "--images", "48", "--rounds", "1", "--work", "work", "--json", "found.json"]
    names = ["decode_only", "model_only", "engine", "daft_ours"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.extraction", *options, "--contestants", ",".join(names)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert [name for name in found["contestants"] if name != "daft_ours"] == ["decode_only", "model_only", "engine"]
    assert [one["images"] for one in found["contestants"].values()][:3] == [48, 48, 48]
    assert found["goals"][0]["what"] == "engine ÷ ceiling"
    told = "daft_ours does not take part: daft is not installed" in run.stdout
    assert told == ("daft_ours" not in found["contestants"])


def test_an_unknown_contestant_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.extraction", "--contestants", "engine,horse"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "no such contestants: horse; there are decode_only" in run.stderr
