"""What a `preprocessor_config.json` says, in the forms in which models are published."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.features.errors import EncoderError
from image_assets.features.pixel_rules import PixelRules, Said, first_said, rules_of
from image_assets.features.preprocess import Resize
from image_assets.features.preprocessor_config import said_by_config, said_by_file

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NORMALISED = {"do_normalize": True, "image_mean": list(MEAN), "image_std": list(STD)}


def rules(config: dict[str, Any]) -> PixelRules:
    return rules_of(said_by_config(json.dumps(config), "config"), "model", takes_levels=False)


@pytest.mark.parametrize(
    ("config", "resize"),
    [
        pytest.param({"size": {"shortest_edge": 256}, "do_center_crop": True, "resample": 3,
                      "crop_size": {"height": 224, "width": 224}}, Resize(224, "crop", "bicubic", 256), id="DINOv2"),
        pytest.param({"size": 224, "do_center_crop": True, "crop_size": 224, "resample": 3},
                     Resize(224, "crop", "bicubic", 224), id="CLIP as it was"),
        pytest.param({"size": {"height": 224, "width": 224}, "resample": 2}, Resize(224, "squash"), id="ViT"),
        pytest.param({"size": 384, "resample": 2}, Resize(384, "squash", "bilinear"), id="ViT as it was"),
        pytest.param({"size": {"height": 256, "width": 256}, "do_center_crop": True, "crop_size": 224},
                     Resize(224, "squash", "bilinear", 256), id="BEiT"),
        pytest.param({"size": {"shortest_edge": 224}, "crop_pct": 0.875, "resample": 3},
                     Resize(224, "crop", "bicubic", 256), id="ConvNeXT"),
        pytest.param({"size": {"shortest_edge": 384}, "crop_pct": 0.875, "resample": 3},
                     Resize(384, "squash", "bicubic"), id="large ConvNeXT"),
        pytest.param({"size": {"height": 224, "width": 224}, "do_center_crop": False, "crop_size": 99},
                     Resize(224, "squash"), id="crop switched off"),
    ],
)  # fmt: skip
def test_pictures_become_squares_as_it_says(config: dict[str, Any], resize: Resize) -> None:
    found = rules({**NORMALISED, **config})
    assert (found.resize, found.mean, found.std, found.rescale) == (resize, MEAN, STD, 1 / 255)


def test_levels_become_numbers_as_it_says() -> None:
    square = {"size": 8}
    assert rules({**square, "do_normalize": False, "image_mean": [9, 9, 9]}) == PixelRules(
        Resize(8, "squash"), rescale=1 / 255
    )
    assert rules({**square, "do_rescale": False, "do_normalize": False}).are_levels
    assert rules({**square, "rescale_factor": 1 / 127.5, "image_mean": 1, "image_std": 1}).mean == (1, 1, 1)
    assert rules({**square, "do_flip_channel_order": True}).colours == "BGR"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"size": 8, "do_pad": True}, "config: asks for do_pad, which is not known here"),
        ({"size": 8, "do_resize": False}, "do_resize is false; pictures have many sizes"),
        ({"size": {"shortest_edge": 8}}, "pictures would be no squares"),
        ({"size": {"height": 8, "width": 9}}, 'size is {"height": 8, "width": 9}; expected'),
        ({"size": "large"}, 'size is "large"; expected'),
        ({"size": True}, "size is true; expected"),
        ({"size": 8, "resample": 1}, "resample is 1; expected 2"),
        ({"size": 8, "do_normalize": True}, "image_mean is null; expected three numbers"),
        ({"size": 8, "image_mean": [0, 0], "image_std": [1, 1]}, r"image_mean is \[0, 0\]; expected three numbers"),
        ({"size": 8, "image_mean": [0, 0, 0], "image_std": [1, 0, 1]}, "deviations must be above 0"),
    ],
)
def test_what_it_asks_for_and_cannot_be_done_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(EncoderError, match=said):
        rules(config)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"preprocessor_config.json: cannot be read"):
        said_by_file(tmp_path / "preprocessor_config.json")
    for content, said in (("{", "no JSON"), ("[]", "found a list"), ('"text"', "found a str")):
        (tmp_path / "file.json").write_text(content)
        with pytest.raises(EncoderError, match=f"file.json: .*{said}"):
            said_by_file(tmp_path / "file.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 300) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["height", "width"]), inner),
)
KEYS = ["size", "crop_size", "do_resize", "do_center_crop", "resample", "image_mean", "image_std", "do_normalize",
        "rescale_factor", "do_rescale", "crop_pct", "do_pad"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_whatever_it_holds_is_understood_or_refused(config: dict[str, Any]) -> None:
    with suppress(EncoderError):
        said = said_by_config(json.dumps(config), "config")
        assert said.rescale is not None
        assert said.rescale > 0


def test_the_first_that_says_something_counts() -> None:
    said = first_said([Said(fit="squash"), Said(image_size=16, fit="crop", resize_to=20), Said(image_size=9)])
    assert (said.image_size, said.fit, said.resize_to) == (16, "squash", None)
    assert first_said([Said(resize_to=30), Said(fit="crop", resize_to=20)]).resize_to == 30
