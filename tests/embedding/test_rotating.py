"""A map in space turns once, in the colours of its categories."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from image_assets.embedding.rotating import rotating_map

RANDOM = np.random.default_rng(0)


def frames(animation: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(animation)) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(np.asarray(picture.convert("RGB")).astype(int))
        return found


def middle_of(coloured: np.ndarray) -> float:
    return float(np.flatnonzero(coloured.any(axis=0)).mean())


def test_what_is_on_the_right_is_on_the_left_after_half_a_turn_and_back_after_a_whole_one() -> None:
    places = np.concatenate([RANDOM.normal([5, 0, 0], 0.2, (50, 3)), RANDOM.normal([-5, 0, 0], 0.2, (50, 3))])
    turning = frames(rotating_map(places, ["animal"] * 50 + ["human"] * 50))
    assert len(turning) == 72
    blue = [picture[..., 2] > picture[..., 0] + 60 for picture in turning]
    assert middle_of(blue[0]) > 400
    red = turning[18][..., 0] > turning[18][..., 2] + 60
    assert 200 < middle_of(red) < 280  # it hides the other
    assert not blue[18].any()
    assert middle_of(blue[36]) < 80
    assert (turning[0] == 255).mean() > 0.9


def test_the_near_point_is_over_the_far_one() -> None:
    near_first = rotating_map(np.array([[0, 0, 1.0], [0, 0, -1.0]]), ["animal", "human"])
    middle = frames(near_first)[0][239:242, 239:242].reshape(-1, 3).mean(axis=0)
    assert middle[2] > middle[0]  # animals are blue


def test_the_same_map_gives_the_same_bytes_also_of_one_point() -> None:
    places = RANDOM.normal(size=(30, 3))
    assert rotating_map(places, ["a"] * 30) == rotating_map(places, ["a"] * 30)
    assert len(frames(rotating_map(places[:1], ["a"]))) >= 1
