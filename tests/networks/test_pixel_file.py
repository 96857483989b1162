"""Pictures in a file: each is put there once, and what is damaged is not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from image_assets.networks.errors import DamagedPixelsError
from image_assets.networks.pixel_file import PixelFile, PixelRows, filled
from tests.networks.conftest import SIDE

SHAPE = (SIDE, SIDE, 1)


def ids(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"image_id": [f"{number:064x}" for number in numbers]})


class Maker:
    """Makes pictures of one grey level each, and remembers of which ids."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, missing: pl.DataFrame) -> list[tuple[list[str], np.ndarray]]:
        numbers = [int(one, 16) for one in missing["image_id"]]
        self.made += numbers
        return [(missing["image_id"].to_list(), np.stack([np.full(SHAPE, one, np.uint8) for one in numbers]))]


def test_pictures_are_read_in_the_order_that_is_asked_for(rows: PixelRows, pictures: np.ndarray) -> None:
    np.testing.assert_array_equal(rows.read(), pictures)
    np.testing.assert_array_equal(rows[np.array([7, 2, 2])].read(), pictures[[7, 2, 2]])
    np.testing.assert_array_equal(rows[5:9][np.array([False, True, False, True])].read(), pictures[[6, 8]])
    np.testing.assert_array_equal(np.concatenate(list(rows.batches(13))), pictures)


def test_only_pictures_that_are_missing_are_made(tmp_path: Path) -> None:
    file, make = PixelFile(tmp_path / "x.pixels", SHAPE), Maker()
    filled(file, ids(1, 2), make)
    found = filled(file, ids(3, 2, 1), make)
    assert make.made == [1, 2, 3]
    assert found.read()[:, 0, 0, 0].tolist() == [3, 2, 1]


def test_what_a_killed_process_left_behind_the_index_is_written_over(tmp_path: Path) -> None:
    file, make = PixelFile(tmp_path / "x.pixels", SHAPE), Maker()
    filled(file, ids(1), make)
    with open(file.path, "ab") as stream:
        stream.write(b"half a picture")
    assert filled(file, ids(1, 2), make).read()[:, 0, 0, 0].tolist() == [1, 2]


def test_a_file_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    file, make = PixelFile(tmp_path / "x.pixels", SHAPE), Maker()
    filled(file, ids(1, 2), make)
    file.path.write_bytes(file.path.read_bytes()[:-1])
    assert filled(file, ids(1, 2), make).read()[:, 0, 0, 0].tolist() == [1, 2]
    assert make.made == [1, 2, 1, 2]


def test_a_picture_that_was_altered_is_refused(rows: PixelRows, tmp_path: Path) -> None:
    file = tmp_path / "some.pixels"
    content = bytearray(file.read_bytes())
    content[5 * SIDE * SIDE] ^= 1
    file.write_bytes(content)
    rows[0:5].read()
    with pytest.raises(DamagedPixelsError, match=r"some\.pixels is damaged at its picture 5; remove the file"):
        rows.read()


def test_a_file_of_mostly_unused_pictures_is_made_anew_and_who_reads_it_keeps_it(tmp_path: Path) -> None:
    file, make = PixelFile(tmp_path / "x.pixels", SHAPE), Maker()
    before = filled(file, ids(*range(9)), make)
    after = filled(file, ids(4, 20), make)
    assert after.read()[:, 0, 0, 0].tolist() == [4, 20]
    assert file.path.stat().st_size == 2 * SIDE * SIDE
    assert before.read()[:, 0, 0, 0].tolist() == list(range(9))


def test_a_picture_that_nobody_makes_has_no_place(tmp_path: Path) -> None:
    found = filled(PixelFile(tmp_path / "x.pixels", SHAPE), ids(1, 2), lambda missing: [])
    assert found.places.tolist() == [-1, -1]


@pytest.mark.parametrize("name", ["x.pixels", "x.lock"])
def test_a_link_in_its_place_is_refused_and_what_it_leads_to_left_alone(tmp_path: Path, name: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"as it was")
    (tmp_path / name).symlink_to(theirs)
    with pytest.raises(OSError, match=f"symbolic links: .*{name}"):
        filled(PixelFile(tmp_path / "x.pixels", SHAPE), ids(1), Maker())
    assert theirs.read_bytes() == b"as it was"
