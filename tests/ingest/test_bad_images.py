"""196 malformed and unusual files: accepted or rejected as their manifest says, or for a reason in `bad_images`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_assets.images.decode import decode
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.bad_images import DIFFERENCES, JUDGEMENTS, Verdict

pytestmark = pytest.mark.filterwarnings("ignore:::PIL.TiffImagePlugin", "ignore:::PIL.PngImagePlugin")

# How the manifest says what leaves no choice, by the beginning of `should_decode`; the longest that fits counts.
WORDINGS = {"yes": True, "no": False, "refuse": False, "yes/partial": None, "yes if": None, "refuse or warn": None}


def said(should_decode: str) -> bool | None:
    """Whether the manifest wants a file decoded; None where it leaves that open."""
    fitting = [wording for wording in WORDINGS if should_decode.startswith(wording)]
    return WORDINGS[max(fitting, key=len)] if fitting else None


def verdict_on(content: bytes) -> Verdict:
    try:
        decode(content, Limits())
    except Rejected as rejected:
        return rejected.reason
    return "accepted"


def complaints(manifest: dict[str, str], verdicts: dict[str, Verdict]) -> list[str]:
    """Every file whose verdict is neither the manifest's nor the one given a reason for, and every idle reason."""
    judged = {file: verdict for verdict, _, files in JUDGEMENTS for file in files}
    found = []
    for file, should_decode in manifest.items():
        wanted, verdict = said(should_decode), verdicts[file]
        agrees = wanted is not None and wanted == (verdict == "accepted")
        if file in DIFFERENCES and (agrees or verdict != DIFFERENCES[file][0]):
            found.append(f"{file}: listed as a difference, but it is {verdict!r} where {should_decode!r} is wanted")
        elif file in judged and (wanted is not None or verdict != judged[file]):
            found.append(f"{file}: judged {judged[file]!r}, but it is {verdict!r}, and the manifest {should_decode!r}")
        elif file not in DIFFERENCES and file not in judged and not agrees:
            found.append(f"{file}: {verdict!r}, but {should_decode!r} is wanted")
    return found + [f"{file}: not in the manifest" for file in {*DIFFERENCES, *judged} - set(manifest)]


@pytest.fixture(scope="module")
def bad_images(shared_data: Path) -> Path:
    return shared_data / "bad_images"


@pytest.fixture(scope="module")
def manifest(bad_images: Path) -> dict[str, str]:
    with (bad_images / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: row["should_decode"] for row in rows}


@pytest.fixture(scope="module")
def verdicts(bad_images: Path, manifest: dict[str, str]) -> dict[str, Verdict]:
    return {file: verdict_on((bad_images / file).read_bytes()) for file in manifest}


def pixels_of(file: Path) -> np.ndarray:
    return decode(file.read_bytes(), Limits()).pixels


def test_every_file_is_accepted_or_rejected_as_it_should_be(manifest: dict[str, str], verdicts) -> None:
    assert len(manifest) == 196
    assert complaints(manifest, verdicts) == []


def test_a_wrong_verdict_and_an_idle_difference_are_noticed(manifest: dict[str, str], verdicts) -> None:
    wrong = {
        **verdicts,
        "pillow/hopper.jpg": Reason.CORRUPT,  # unlisted
        "pillow/hopper_16bit.pgm": "accepted",  # no longer a difference
        "pillow/bmp__b__badrle.bmp": Reason.CORRUPT,  # no longer a difference either
        "image-rs/jpg__iptc.jpg": Reason.CORRUPT,  # judged otherwise
    }
    noticed = complaints(manifest, wrong)
    assert len(noticed) == 4
    assert {line.split(":")[0] for line in noticed} == {f for f in manifest if wrong[f] != verdicts[f]}
    fewer = {file: text for file, text in manifest.items() if file != "pillow/ultrahdr.jpg"}
    assert complaints(fewer, verdicts) == ["pillow/ultrahdr.jpg: not in the manifest"]


def test_all_orientations_show_the_same_landscape(bad_images: Path) -> None:
    def small(pixels: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(pixels).resize((45, 30), Image.Resampling.BOX)).astype(int)

    upright = small(pixels_of(bad_images / "exif/Landscape_1.jpg"))
    for orientation in range(9):
        file = bad_images / f"exif/Landscape_{orientation}.jpg"
        assert pixels_of(file).shape == (1200, 1800, 3)
        assert np.abs(small(pixels_of(file)) - upright).mean() < 6, orientation
        with Image.open(file) as as_stored:
            turned = orientation > 1
            assert (np.abs(small(np.asarray(as_stored)) - upright).mean() > 20) == turned, "the comparison is blind"


@pytest.mark.parametrize("file", ["hopper_orientation_{}.jpg", "hopper_orientation_{}.webp"])
def test_turned_portraits_stand_upright(bad_images: Path, file: str) -> None:
    upright = pixels_of(bad_images / "pillow/hopper.jpg").astype(int)
    for orientation in (2, 3, 4, 5, 6, 7, 8) if file.endswith("jpg") else (6, 8):
        assert np.abs(pixels_of(bad_images / "pillow" / file.format(orientation)) - upright).mean() < 8, orientation


def test_16_bit_grey_is_scaled_not_clipped(bad_images: Path) -> None:
    file = bad_images / "made/grey16.png"
    with Image.open(file) as image:
        values = np.asarray(image)
    assert values.max() == 65_535
    assert np.array_equal(pixels_of(file), np.repeat((values // 256).astype(np.uint8)[..., None], 3, axis=-1))
    clipped = np.minimum(values, 255)
    assert np.abs(pixels_of(file)[..., 0].astype(int) - clipped).mean() > 50


@pytest.mark.parametrize(
    "name",
    [
        "pil_sample_cmyk.jpg",
        "tiff_strip_cmyk_jpeg.tif",
        "hopper.gif",
        "bmp__g__pal8.bmp",
        "hopper_gray.jpg",
    ],
)
def test_cmyk_palettes_and_grey_look_as_pillow_converts_them(bad_images: Path, name: str) -> None:
    file = bad_images / "pillow" / name
    with Image.open(file) as image:
        assert image.mode in ("CMYK", "P", "L")
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(pixels_of(file), expected)


@pytest.mark.parametrize("name", ["transparent.png", "transparent.webp", "l_trns.png", "../made/LA.png"])
def test_transparent_pictures_lie_on_white(bad_images: Path, name: str) -> None:
    file = bad_images / "pillow" / name
    with Image.open(file) as image:
        rgba = image.convert("RGBA")
    expected = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    assert np.abs(pixels_of(file).astype(int) - np.asarray(expected)).max() <= 1
