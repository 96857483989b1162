"""Poor images are found, ordinary ones are not; CleanVision, which is made for this, says the same but where it is said
why not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cleanvision import Imagelab
from PIL import Image, ImageFilter

from image_assets.images.issues import ISSUES
from image_assets.images.metrics import measure
from image_assets.settings.quality import Quality

PLANTED = 12
CLEANVISIONS = {
    "dark": "dark",
    "bright": "light",
    "blurred": "blurry",
    "low_information": "low_information",
    "odd_shape": "odd_aspect_ratio",
    "odd_size": "odd_size",
}


def scaled(factor: float, offset: float = 0) -> Callable[[Image.Image], Image.Image]:
    return lambda image: Image.fromarray((np.asarray(image) * factor + offset).astype(np.uint8))


def blurred(share: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.filter(ImageFilter.GaussianBlur(share * max(image.size)))


def two_tone(image: Image.Image) -> Image.Image:
    levels = np.where(np.asarray(image.convert("L")) > 128, 180, 90)
    return Image.fromarray(levels.astype(np.uint8)).convert("RGB")


FAULTS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "dark": scaled(0.15),
    "bright": scaled(0.04, 244),
    "slightly blurred": blurred(0.01),
    "blurred": blurred(0.02),
    "much blurred": blurred(0.04),
    "one colour": lambda image: Image.new("RGB", image.size, image.resize((1, 1)).getpixel((0, 0))),
    "two-tone": two_tone,
    "strip": lambda image: image.resize((900, 100)),
    "large": lambda image: image.resize((1600, 1200)),
    "small": lambda image: image.resize((32, 24)),
}


@pytest.fixture(scope="module")
def verdicts(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Ours and CleanVision's: one row per image with its fault (or "none"), two columns per issue."""
    folder = tmp_path_factory.mktemp("images")
    paths = sorted((shared_data / "photos").rglob("*.jpg"))
    for number, path in enumerate(paths[::6]):
        Image.open(path).convert("RGB").save(folder / f"none {number}.png", compress_level=0)
    for number, path in enumerate(paths[1 :: len(paths) // PLANTED][:PLANTED]):
        for fault, plant in FAULTS.items():
            plant(Image.open(path).convert("RGB")).save(folder / f"{fault} {number}.png", compress_level=0)
    files = sorted(folder.iterdir())
    lab = Imagelab(data_path=str(folder))
    lab.find_issues({name: {} for name in CLEANVISIONS.values()}, n_jobs=1, verbose=False)
    theirs = {Path(path).name: row for path, row in lab.issues.to_dict("index").items()}
    rows = []
    for file in files:
        pixels = np.asarray(Image.open(file))
        size = {"height": pixels.shape[0], "width": pixels.shape[1]}
        cleanvision = {f"their {ours}": theirs[file.name][f"is_{name}_issue"] for ours, name in CLEANVISIONS.items()}
        rows.append({"fault": file.stem.rsplit(" ", 1)[0], **size, **measure(pixels)._asdict(), **cleanvision})
    return pl.DataFrame(rows).with_columns(issue.found(Quality()).alias(issue.name) for issue in ISSUES)


def found(verdicts: pl.DataFrame, column: str) -> dict[str, int]:
    """Fault → images for which the column is true."""
    return dict(verdicts.filter(column).group_by("fault").len().iter_rows())


EXPECTED = {
    # issue → fault → ours and theirs, at least and at most
    "dark": {"dark": ((12, 12), (12, 12)), "one colour": ((0, 6), (0, 6))},
    "bright": {"bright": ((12, 12), (12, 12))},
    # CleanVision looks at 64 pixels a side, where most blur is gone, and does not call blurred what has few levels.
    "blurred": {
        "slightly blurred": ((0, 8), (0, 4)),
        "blurred": ((10, 12), (0, 6)),
        "much blurred": ((12, 12), (0, 9)),
    },
    # Scaled down, the border between two tones has levels in between: it is no longer two-tone, and ought not to be,
    # as drawings are so. CleanVision takes all three channels' levels at their full size.
    "low_information": {"one colour": ((12, 12), (12, 12)), "two-tone": ((0, 4), (10, 12))},
    "odd_shape": {"strip": ((12, 12), (12, 12))},
    # CleanVision subtracts three interquartile ranges, below which there is nothing; here sizes are divided.
    "odd_size": {"large": ((12, 12), (12, 12)), "small": ((12, 12), (0, 0))},
}


@pytest.mark.parametrize("issue", CLEANVISIONS)
def test_ours_and_cleanvisions_verdicts_differ_only_where_expected(
    issue: str, verdicts: pl.DataFrame, record_property: Callable[[str, object], None]
) -> None:
    agreement = float((verdicts[issue] == verdicts[f"their {issue}"]).to_numpy().mean())
    ours, theirs = found(verdicts, issue), found(verdicts, f"their {issue}")
    record_property("agreement", agreement)
    record_property("found", {"ours": ours, "CleanVision's": theirs})
    for fault in {*ours, *theirs, *EXPECTED[issue]} - {"none"}:
        assert fault in EXPECTED[issue], (fault, ours, theirs)
        for verdict, (least, most) in zip((ours, theirs), EXPECTED[issue][fault], strict=True):
            assert least <= verdict.get(fault, 0) <= most, (fault, ours, theirs)
    assert ours.get("none", 0) == 0, "an ordinary photo is called poor"
    assert agreement > 0.9


def test_brightness_does_not_make_a_picture_blurred() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)).resize((90, 90))
    rows = pl.DataFrame(
        [
            {**measure(np.asarray(one))._asdict(), "width": 90, "height": 90}
            for one in (image, scaled(0.3)(image), scaled(0.3, 170)(image))
        ]
    )
    (blurred_issue,) = (issue for issue in ISSUES if issue.name == "blurred")
    shares = rows.select(blurred_issue.figure).to_series()
    assert shares.to_list() == pytest.approx([shares[0]] * 3, rel=0.05)


def test_an_even_picture_is_poor_in_information_and_not_blurred() -> None:
    row = {**measure(np.full((9, 9, 3), 120, np.uint8))._asdict(), "width": 9, "height": 9}
    verdicts = (
        pl.DataFrame([row]).select(issue.found(Quality()).alias(issue.name) for issue in ISSUES).row(0, named=True)
    )
    assert [name for name, yes in verdicts.items() if yes] == ["low_information"]
