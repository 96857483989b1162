"""Files are matched with the names of the annotations where it is certain which image they are; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.ingest.annotated.arrived import arrived_images
from image_assets.ingest.annotated.matching import Matcher
from image_assets.ingest.annotated.names import folded
from image_assets.ingest.annotated.source import AnnotatedSource
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import SourceFile, SourceReadError, printable
from image_assets.settings.sources import CocoSource, OpenImagesSource
from tests.ingest.annotated.stand_ins import write_coco, write_open_images

DAY = dt.date(2026, 11, 3)
OWL, DUCK, OTHER = 1, 2, 3
CATEGORIES = [{"id": OWL, "name": "owl"}, {"id": DUCK, "name": "duck"}, {"id": OTHER, "name": "crow"}]


def landed(root: Path, images: dict[str, int], files: Sequence[str]) -> AnnotatedSource:
    """A source whose annotations name these images, with their label, and whose day has these files."""
    named = [{"id": number, "file_name": name} for number, name in enumerate(images)]
    labels = [{"id": n, "image_id": n, "category_id": label} for n, label in enumerate(images.values())]
    write_coco(root / "annotations" / "a.json", named, labels, CATEGORIES)
    for name in files:
        file = root / str(DAY) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    spec = CocoSource.model_validate({"kind": "coco", "categories_from": {"owl": ["owl"], "duck": ["duck"]}})
    source = open_source(spec, str(root))
    assert isinstance(source, AnnotatedSource)
    return source


def outcomes(source: AnnotatedSource) -> dict[str, str]:
    """File → its category, or the reason for which it is refused; files that are no selected image are not there."""
    found = {}
    for category in ("owl", "duck"):
        for file in source.list_files(DAY, category).files:
            name = file.source.partition("/")[2]
            try:
                source.read(file, 1000)
                found[name] = category
            except SourceReadError as error:
                found[name] = str(error.reason)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "train\\im1.png",
        "C:\\data\\train\\im1.png",
        "C:/data/train/im1.png",
        "\\\\server\\share\\train\\im1.png",
        "i%6D1.png",
        "train%2Fim1.png",
        "IM1.PNG",
        "Train\\Im1.Png",
        "./train//im1.png",
        " train/im1.png ",
        "somewhere/else/im1.png",
    ],
)
def test_a_name_that_is_spelt_otherwise_is_matched_where_it_is_the_only_one(tmp_path: Path, name: str) -> None:
    source = landed(tmp_path, {name: OWL, "im2.png": DUCK}, ["train/im1.png", "train/im2.png", "train/im3.png"])
    assert outcomes(source) == {"train/im1.png": "owl", "train/im2.png": "duck"}
    assert source.list_files(DAY, "owl").unselected == 1


@pytest.mark.parametrize("turned", [False, True])
def test_letters_may_be_put_together_in_either_way(tmp_path: Path, turned: bool) -> None:
    forms = [unicodedata.normalize(form, "été/Käuzchen.png") for form in ("NFC", "NFD")]
    name, file = reversed(forms) if turned else forms
    source = landed(tmp_path, {name: OWL}, [file])
    assert list(outcomes(source).values()) == ["owl"]


def test_a_name_as_it_is_written_goes_before_one_that_is_spelt_otherwise(tmp_path: Path) -> None:
    source = landed(
        tmp_path, {"im1.png": OWL, "IM1.png": DUCK, "i%6D1.png": OTHER}, ["im1.png", "IM1.png", "i%6D1.png"]
    )
    assert outcomes(source) == {"im1.png": "owl", "IM1.png": "duck"}


def test_a_file_that_may_be_several_images_is_refused(tmp_path: Path) -> None:
    source = landed(tmp_path, {"im1.png": OWL, "IM1.png": DUCK}, ["Im1.png"])
    assert outcomes(source) == {"Im1.png": "ambiguous_name"}
    (file,) = source.list_files(DAY, "duck").files
    with pytest.raises(SourceReadError, match=r"Im1\.png: it may be any of 2 images of the annotations: IM1\.png, im1"):
        source.read(file, 1000)


def test_a_file_is_not_an_image_of_another_folder_whose_name_another_file_has(tmp_path: Path) -> None:
    source = landed(tmp_path, {"train/im1.png": OWL}, ["train/im1.png", "val/im1.png"])
    assert outcomes(source) == {"train/im1.png": "owl"}


def test_an_image_that_is_not_selected_takes_its_file_from_others(tmp_path: Path) -> None:
    source = landed(tmp_path, {"train/im1.png": OTHER, "im1.png": OWL}, ["train/im1.png", "val/im1.png"])
    assert outcomes(source) == {"val/im1.png": "owl"}


def test_several_files_of_one_name_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    source = landed(tmp_path, {"im1.png": OWL, "im2.png": DUCK}, ["a/im1.png", "b/im1.png", "a/im2.png", "b/im2.png"])
    assert outcomes(source) == dict.fromkeys(("a/im1.png", "b/im1.png", "a/im2.png", "b/im2.png"), "ambiguous_name")
    for folder in "ab":
        (tmp_path / str(DAY) / folder / "im2.png").write_bytes(b"same")
    assert outcomes(source)["b/im2.png"] == outcomes(source)["a/im2.png"] == "duck"
    (file, *_) = source.list_files(DAY, "owl").files
    with pytest.raises(
        SourceReadError, match=r"image im1\.png .* may be .*/b/im1\.png as well, and their content diff"
    ):
        source.read(file, 1000)


def test_a_day_of_which_no_file_is_selected_is_named(tmp_path: Path) -> None:
    source = landed(tmp_path, {"im1.png": OWL}, ["x/other.png", "x/stranger.png"])
    named = f"2 files that are no selected images of the annotations, such as {DAY}/x/other.png"
    assert source.categories(DAY) == [f"{named} (compare their names with those in the annotation files)"]
    assert landed(tmp_path, {"im1.png": OWL}, ["im1.png"]).categories(DAY) == ["owl"]


def test_ids_of_open_images_mean_the_same_in_capitals(tmp_path: Path) -> None:
    ids = ["00AB0C1D2E3F4A5B", "11ab0c1d2e3f4a5b", "Short"]
    rows = [(one, "verification", "/m/lion", 1) for one in ids]
    write_open_images(tmp_path / "annotations", {"train": rows})
    for name in ("00ab0c1d2e3f4a5b.jpg", "11AB0C1D2E3F4A5B.JPG", "SHORT.jpg"):
        (tmp_path / str(DAY)).mkdir(exist_ok=True)
        (tmp_path / str(DAY) / name).write_bytes(b"x")
    spec = OpenImagesSource.model_validate({"kind": "open_images", "categories_from": {"cat": ["Lion"]}})
    source = open_source(spec, str(tmp_path))
    assert isinstance(source, AnnotatedSource)
    assert len(source.list_files(DAY, "cat").files) == 3
    matcher = source.selection.matcher()
    assert matcher.key_of(f"{DAY}/11AB0C1D2E3F4A5B.JPG") == "11ab0c1d2e3f4a5b"
    assert matcher.key_of(f"{DAY}/00AB0C1D2E3F4A5B.jpg") == "00ab0c1d2e3f4a5b"


names = st.lists(st.sampled_from(["a", "A", "b", "%41", "ä", "a\u0308", "x\\a"]), min_size=1, max_size=3).map("/".join)


@given(names, names)
def test_folding_is_the_same_for_what_is_folded_and_knows_no_order(one: str, other: str) -> None:
    key = "/".join(map(printable, one.split("/")))
    assert folded(folded(key)) == folded(key)
    assert (folded(one) == folded(other)) == (folded(other) == folded(one))


@given(st.lists(names, max_size=5, unique=True), st.lists(names, max_size=5, unique=True))
def test_a_certain_match_is_one_file_for_one_image(keys: list[str], paths: list[str]) -> None:
    called: dict[str, list[str]] = {}
    for key in keys:
        called.setdefault(folded(key).rpartition("/")[2], []).append(key)
    matcher = Matcher(False, dict.fromkeys(keys, "owl"), called)
    files = [SourceFile(f"{DAY}/{path}", 1, "", path) for path in paths]
    certain = [one.file for one in arrived_images(files, matcher) if one.file in files]
    matched = [matcher.key_of(file.source) for file in certain]
    assert None not in matched
    assert len(set(matched)) == len(matched)
    for file in files:
        if file.source.partition("/")[2] in keys:
            assert matcher.key_of(file.source) == file.source.partition("/")[2]
