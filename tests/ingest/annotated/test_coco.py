"""JSON of COCO's form, as COCO and iNaturalist have it: streamed, selected, boxes in fractions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.ingest.annotated.coco_json import image_key_of
from image_assets.ingest.annotated.matching import Matcher
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.ingest.source import SourceError
from tests.ingest.annotated.stand_ins import chosen, counts, selection, write_coco

IMAGES = [
    {"id": 1, "file_name": "train_val2019/Insects/7/a.jpg", "width": 100, "height": 50},
    {"id": 2, "file_name": "train_val2019/Insects/8/b.jpg", "width": 100, "height": 50},
    {"id": 3, "file_name": "train_val2019/Birds/9/a.jpg", "width": 100, "height": 50},
    {"id": 4, "file_name": "train_val2019/Birds/9/c.jpg"},
]
ANNOTATIONS = [
    {"id": 1, "image_id": 1, "category_id": 7},
    {"id": 2, "image_id": 2, "category_id": 8},
    {"id": 3, "image_id": 3, "category_id": 9},
    {"id": 4, "image_id": 4, "category_id": 9},
    {"id": 5, "image_id": 4, "category_id": 7},
    {"id": 6, "image_id": 99, "category_id": 7},
    {"id": 7, "image_id": 1, "category_id": 77},
]
CATEGORIES = [
    {"id": 7, "name": "Argia apicalis", "supercategory": "Insects", "family": "Coenagrionidae"},
    {"id": 8, "name": "Libellula luctuosa", "supercategory": "Insects", "family": "Libellulidae"},
    {"id": 9, "name": "Larus", "supercategory": "Birds"},
]
FAMILIES: dict[str, Any] = {"fields": ["family", "name"]}
LABELS = {"damselfly": ["Coenagrionidae"], "gull": ["Larus"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_coco(tmp_path / "annotations" / "train2019.json", IMAGES, ANNOTATIONS, CATEGORIES)
    return tmp_path


def test_images_are_selected_by_any_field_of_their_category(root: Path) -> None:
    keys = [image["file_name"] for image in IMAGES]
    assert chosen(selection("coco", root, LABELS, **FAMILIES)) == {keys[0]: "damselfly", keys[2]: "gull", keys[3]: None}
    by_super = selection("coco", root, {"insect": ["Insects"], "gull": ["Larus"]}, several="multi_label")
    assert list(chosen(by_super).values()) == ["gull", "insect", "insect", "insect"]


def test_every_step_is_counted(root: Path) -> None:
    found = counts(selection("coco", root, LABELS, **FAMILIES))
    steps = (Step.KNOWN, Step.UNKNOWN, Step.WANTED, Step.UNWANTED, Step.POSITIVE, Step.INVALID, Step.DISTINCT_IMAGES)
    assert found[f"{Step.READ}: train2019.json"] == 7
    assert [found[step] for step in steps] == [6, 1, 5, 1, 4, 1, 3]
    assert found[f"{Step.NO_IMAGE}: train2019.json"] == 1
    assert found[f"{Step.NO_CATEGORY}: train2019.json"] == 1
    assert found[Step.OF_SEVERAL] == found[Step.DROPPED] == 1


def with_scores(*scores: float) -> list[dict[str, Any]]:
    return [{**one, "score": score, "bbox": [0, 0, 10, 10]} for one, score in zip(ANNOTATIONS[:4], scores, strict=True)]


@pytest.mark.parametrize(
    ("confidence", "taken", "none_sure"),
    [(1.0, [], 3), (0.8, ["gull"], 0), (0.5, ["damselfly", "gull"], 0), (0.3, ["damselfly", "gull", "gull"], 0)],
)
def test_what_a_model_found_counts_from_the_confidence_on_as_label_and_as_box(
    root: Path, confidence: float, taken: list[str], none_sure: int
) -> None:
    (root / "annotations" / "train2019.json").unlink()
    write_coco(root / "annotations" / "found.json", IMAGES, with_scores(0.5, 0.02, 0.9, 0.3), CATEGORIES)
    found = selection("coco", root, LABELS, **FAMILIES, confidence=confidence)
    counted = counts(found)
    assert sorted(map(str, chosen(found).values())) == taken
    assert (counted[Step.POSITIVE], counted[Step.UNSURE]) == (len(taken), 3 - len(taken))
    assert counted.get(f"{Step.NONE_SURE}: found.json", 0) == none_sure
    assert pl.read_parquet(found.boxes()).height == len(taken)


def test_only_the_file_of_which_no_label_counts_is_told(root: Path) -> None:
    write_coco(root / "annotations" / "found.json", IMAGES, with_scores(0.5, 0.02, 0.9, 0.3), CATEGORIES)
    counted = counts(selection("coco", root, LABELS, **FAMILIES))
    assert counted[f"{Step.NONE_SURE}: found.json"] == counted[Step.UNSURE] == 3
    assert f"{Step.NONE_SURE}: train2019.json" not in counted


def category_of(matcher: Matcher, path: str) -> str | None:
    return matcher.categories.get(matcher.key_of(path) or "")


def test_a_file_is_found_by_the_end_of_its_path_or_by_a_name_that_is_the_only_one(root: Path) -> None:
    matcher = selection("coco", root, LABELS, **FAMILIES).matcher()
    assert category_of(matcher, "2026-11-03/train_val2019/Insects/7/a.jpg") == "damselfly"
    assert category_of(matcher, "2026-11-03/deep/train_val2019/Birds/9/a.jpg") == "gull"
    assert category_of(matcher, "2026-11-03/a.jpg") is None, "two images are called so"
    assert category_of(matcher, "2026-11-03/b.jpg") is None, "it is not selected"
    everything = selection("coco", root, {"insect": ["Insects"], "bird": ["Birds"]}, several="multi_label").matcher()
    assert category_of(everything, "2026-11-03/elsewhere/b.jpg") == "insect"
    assert category_of(everything, "2026-11-03/c.jpg") == "insect"
    assert category_of(everything, "2026-11-03") is None


def test_names_that_came_later_replace_those_of_the_annotations(root: Path) -> None:
    hidden = [{"id": one["id"], "name": str(one["id"]), "supercategory": one["supercategory"]} for one in CATEGORIES]
    write_coco(root / "annotations" / "train2019.json", IMAGES, ANNOTATIONS, hidden)
    with pytest.raises(SourceError, match="knows no label 'Coenagrionidae'"):
        selection("coco", root, LABELS, **FAMILIES).images()
    (root / "annotations" / "categories.json").write_text(json.dumps(CATEGORIES))
    found = selection("coco", root, LABELS, names="categories.json", **FAMILIES)
    assert chosen(found)["train_val2019/Insects/7/a.jpg"] == "damselfly"
    (root / "annotations" / "categories.json").write_text('[{"id": 7, "name": "a", "name": "b"}]')
    with pytest.raises(SourceError, match=r"categories\.json: .*'name' is there twice"):
        selection("coco", root, LABELS, names="categories.json", **FAMILIES).images()
    (root / "annotations" / "categories.json").write_text('[{"id": 7, "name": "a"}, {"id": 7, "name": "b"}]')
    with pytest.raises(SourceError, match=r"categories\.json: categories: id 7 is there twice, as .*a.* and as .*b"):
        selection("coco", root, LABELS, names="categories.json", **FAMILIES).images()
    (root / "annotations" / "categories.json").write_text('{"categories": 5}')
    with pytest.raises(SourceError, match=r"categories\.json: cannot be read as a list of categories"):
        selection("coco", root, LABELS, names="categories.json", **FAMILIES).images()


def test_files_are_united_and_an_image_in_both_is_one(root: Path) -> None:
    more = [{"id": 1, "file_name": "./train_val2019/Insects/7/a.jpg"}, {"id": 2, "file_name": "val/z.jpg"}]
    labels = [{"id": 1, "image_id": 1, "category_id": 7}, {"id": 2, "image_id": 2, "category_id": 9}]
    write_coco(root / "annotations" / "val2019.json", more, labels, CATEGORIES)
    found = selection("coco", root, LABELS, **FAMILIES)
    assert chosen(found)["val/z.jpg"] == "gull"
    assert found.images().select(pl.len()).collect().item() == 4
    other = [{**CATEGORIES[0], "name": "Something else"}]
    write_coco(root / "annotations" / "val2019.json", more, labels, other)
    with pytest.raises(SourceError, match=r"category 7 is another one than in the other files"):
        selection("coco", root, LABELS, **FAMILIES).images()


def with_box(*box: float, **more: object) -> list[dict[str, Any]]:
    return [{"id": 1, "image_id": 1, "category_id": 7, "bbox": list(box), **more}]


def boxes_of(root: Path, annotations: list[dict[str, Any]], images: list[dict[str, Any]] = IMAGES) -> pl.DataFrame:
    write_coco(root / "annotations" / "train2019.json", images, annotations, CATEGORIES)
    labels = {"damselfly": ["Coenagrionidae"]}
    return pl.read_parquet(selection("coco", root, labels, **FAMILIES).boxes())


def test_boxes_become_fractions_and_crowds_groups(root: Path) -> None:
    row = boxes_of(root, with_box(10, 5, 50, 20, iscrowd=1)).row(0, named=True)
    assert [row[side] for side in ("xmin", "xmax", "ymin", "ymax")] == [0.1, 0.6, 0.1, 0.5]
    assert (row["group_of"], row["occluded"], row["name"], row["wanted"]) == (True, None, "Argia apicalis", True)


@pytest.mark.parametrize(
    ("box", "sides"),
    [
        ((-0.4, 0, 100.9, 50.2), [0, 1, 0, 1]),
        ((-0.0, 0, 10, 10), [0, 0.1, 0, 0.2]),
        ((-1.1, 0, 10, 10), [-0.011, 0.089, 0, 0.2]),
        ((0, 0, 101.5, 50), [0, 1.015, 0, 1]),
    ],
)
def test_a_side_within_a_pixel_of_the_edge_is_the_edge(root: Path, box: tuple, sides: list) -> None:
    row = boxes_of(root, with_box(*box)).row(0, named=True)
    assert [row[side] for side in ("xmin", "xmax", "ymin", "ymax")] == pytest.approx(sides)


def test_annotations_without_boxes_have_none_and_without_a_size_no_fractions(root: Path) -> None:
    assert boxes_of(root, ANNOTATIONS).is_empty()
    unsized = [{"id": 1, "file_name": "a.jpg"}]
    assert boxes_of(root, with_box(1, 1, 5, 5), unsized)["xmin"].is_nan().all()


TEXT = json.dumps({"images": IMAGES, "annotations": ANNOTATIONS, "categories": CATEGORIES})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TEXT[: TEXT.index('"annotations"') + 40], r"train2019\.json: categories, after entry 0: .*lost its end"),
        (TEXT[:-1], r"categories, after entry 3: .*(damaged|lost its end)"),
        (TEXT + "]", r"damaged or has lost its end"),
        ("", r"damaged or has lost its end"),
        ("[]", r"has no list 'categories'"),
        (json.dumps({"images": [], "categories": []}), r"has no list 'annotations'; expected are images, annotations"),
        (json.dumps({"annotations": [], "categories": CATEGORIES}), r"has no list 'images'"),
        (
            json.dumps({"images": IMAGES, "annotations": ANNOTATIONS, "categories": []}),
            r"train2019\.json: the list 'categories' is empty",
        ),
        (
            TEXT.replace('"category_id": 9', '"caption": 9'),
            r"annotations, entry 3: expected .* as category_id, found None",
        ),
        (TEXT.replace('"train_val2019/Birds/9/c.jpg"', "5"), r"images, entry 4: expected a file_name, found 5"),
        (TEXT.replace('{"id": 2, "image_id": 2, "category_id": 8}', "8"), r"annotations, entry 2: expected an object"),
        (
            TEXT.replace('"id": 2, "image_id": 2', '"id": 2, "image_id": 2, "image_id": 3'),
            r"annotations, entry 2: the key 'image_id' is there twice",
        ),
        (TEXT[:-1] + ', "annotations": []}', r"train2019\.json: the list 'annotations' is there twice"),
        (TEXT.encode("utf-16"), r"It is UTF-16: save it as UTF-8"),
        (TEXT.encode("utf-16-be"), r"It is UTF-16: save it as UTF-8"),
        (TEXT.replace("Larus", "L\xe4rus").encode("latin-1"), r"It is no UTF-8: save it as UTF-8"),
        (TEXT.replace('"id": 9, "name"', '"id": 8, "name"'), r"categories: id 8 is there twice, as .*Libellula.*Larus"),
        (
            TEXT.replace('"category_id": 8', '"category_id": 8, "iscrowd": "0"'),
            r"expected 0 or 1 as iscrowd, found '0'",
        ),
        (TEXT.replace('"category_id": 8', '"category_id": 8, "score": "1"'), r"expected a number as score, found '1'"),
        (TEXT.replace('"width": 100', '"width": "100"'), r"images, entry 1: expected a number as width, found '100'"),
        (TEXT.replace('"height": 50', '"height": true'), r"images, entry 1: expected a number as height, found True"),
        (TEXT.replace('"category_id": 8', '"category_id": 8, "bbox": [1, 2]'), r"expected a bbox of four numbers"),
        (TEXT.replace('"category_id": 8', '"category_id": 8, "bbox": [1, 2, 3, NaN]'), r"NaN and Infinity are no JSON"),
        (TEXT.replace('"image_id": 2', '"image_id": 2.5'), r"expected a whole number or text as image_id, found 2\.5"),
        (TEXT.replace('"image_id": 2', '"image_id": 1e17'), r"a whole number or text as image_id, found 1e\+17"),
        (TEXT.replace('"id": 2', f'"id": {2**64}'), r"more than 63 bits are not read: write ids of that"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_place(root: Path, content: str | bytes, said: str) -> None:
    assert content != TEXT
    (root / "annotations" / "train2019.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SourceError, match=f"(?s){said}"):
        selection("coco", root, LABELS, **FAMILIES).images()


def test_a_list_of_the_same_name_within_something_else_is_no_repetition(root: Path) -> None:
    before = chosen(selection("coco", root, LABELS, **FAMILIES))
    file = root / "annotations" / "train2019.json"
    file.write_text(TEXT[:-1] + ', "licences": [{"images": [1], "annotations": [2]}]}')
    assert chosen(selection("coco", root, LABELS, **FAMILIES)) == before


def test_an_empty_list_is_no_missing_one(root: Path) -> None:
    write_coco(root / "annotations" / "train2019.json", IMAGES, [], CATEGORIES)
    assert chosen(selection("coco", root, LABELS, **FAMILIES)) == {}


def test_every_cut_through_a_file_is_noticed(root: Path) -> None:
    for end in range(0, len(TEXT), 37):
        (root / "annotations" / "train2019.json").write_text(TEXT[:end])
        with pytest.raises(SourceError):
            selection("coco", root, LABELS, **FAMILIES).images()


names = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(names, min_size=1, max_size=4))
def test_a_key_leads_nowhere_upwards_and_is_one_line(parts: list[str]) -> None:
    key = image_key_of("/".join(parts))
    assert not {"..", ".", ""} & set(key.split("/")) or key == ""
    assert "\n" not in key
    assert image_key_of("../" + "/".join(parts)) == key


def test_a_byte_order_mark_changes_nothing(root: Path) -> None:
    before = chosen(selection("coco", root, LABELS, **FAMILIES))
    file = root / "annotations" / "train2019.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert chosen(selection("coco", root, LABELS, **FAMILIES)) == before


def test_ids_of_a_table_with_gaps_are_the_numbers_that_they_were(root: Path) -> None:
    before = chosen(selection("coco", root, LABELS, **FAMILIES))
    gaps = [one | {"image_id": float(one["image_id"]), "category_id": str(one["category_id"])} for one in ANNOTATIONS]
    named = [one | {"id": float(one["id"])} for one in CATEGORIES]
    write_coco(root / "annotations" / "train2019.json", IMAGES, gaps, named)
    assert chosen(selection("coco", root, LABELS, **FAMILIES)) == before


@pytest.mark.parametrize("entry", [IMAGES[0] | {"file_name": "other.jpg"}, IMAGES[0] | {"width": 50, "height": 100}])
def test_an_id_of_several_images_is_refused(root: Path, entry: dict[str, Any]) -> None:
    write_coco(root / "annotations" / "train2019.json", [*IMAGES, entry], ANNOTATIONS, CATEGORIES)
    with pytest.raises(SourceError, match=r"train2019\.json: images: id 1 is there 2 times.* 1 ids are ambiguous"):
        selection("coco", root, LABELS, **FAMILIES).images()


def test_files_of_one_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    for folder, label in (("train", 7), ("valid", 9)):
        named = [{"id": 1, "file_name": f"{folder}1.jpg"}]
        write_coco(
            tmp_path / "annotations" / folder / "_annotations.coco.json",
            named,
            [{"id": 1, "image_id": 1, "category_id": label}],
            CATEGORIES,
        )
    found = selection("coco", tmp_path, LABELS, **FAMILIES)
    assert chosen(found) == {"train1.jpg": "damselfly", "valid1.jpg": "gull"}
    assert counts(found)[f"{Step.READ}: valid/_annotations.coco.json"] == 1


@pytest.mark.parametrize(
    ("width", "height", "is_refused"),
    [(50, 50, True), (100, 60, True), (50, 25, False), (50, 100, False), (333, 166, False)],
    ids=["square", "less wide", "smaller", "turned", "larger and rounded"],
)
def test_one_name_of_pictures_of_different_shapes_is_refused(
    root: Path, width: int, height: int, is_refused: bool
) -> None:
    other = [{"id": 5, "file_name": IMAGES[0]["file_name"], "width": width, "height": height}]
    write_coco(root / "annotations" / "val2019.json", other, [], CATEGORIES)
    found = selection("coco", root, LABELS, **FAMILIES)
    if is_refused:
        said = rf"a\.jpg is 100 × 50 in train2019\.json and {width} × {height} in val2019\.json; 1 names stand for diff"
        with pytest.raises(SourceError, match=said):
            found.images()
    else:
        assert chosen(found)[str(IMAGES[0]["file_name"])] == "damselfly"


def test_an_image_that_is_listed_twice_alike_is_one_image(root: Path) -> None:
    before = counts(selection("coco", root, LABELS, **FAMILIES))
    write_coco(root / "annotations" / "train2019.json", [*IMAGES, IMAGES[0]], ANNOTATIONS, CATEGORIES)
    assert counts(selection("coco", root, LABELS, **FAMILIES)) == before


def test_a_large_file_is_streamed(tmp_path: Path) -> None:
    """The parsed file is far larger than the memory that reading it adds."""
    images = [{"id": n, "file_name": f"{n:012d}.jpg", "width": 640, "height": 480} for n in range(20_000)]
    filler = [[float(n) for n in range(200)]]
    labels = [{"id": n, "image_id": n, "category_id": 7, "segmentation": filler} for n in range(20_000)]
    file = write_coco(tmp_path / "big.json", images, labels, CATEGORIES)
    streamed = _grown(
        "from image_assets.ingest.annotated.coco_json import parse_files",
        "parse_files({FILE.name: FILE}, FILE.parent)",
        file,
    )
    whole = _grown("import json", "json.loads(FILE.read_bytes())", file)
    assert streamed < whole / 2
    assert pl.scan_parquet(tmp_path / "annotations.parquet").select(pl.len()).collect().item() == 20_000


def _grown(prepare: str, work: str, file: Path) -> int:
    """Bytes by which the most memory that a process of its own ever had grows while it does the work."""
    peak = "int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) * 1024"
    lines = ["from pathlib import Path", prepare, f"FILE = Path({str(file)!r})"]
    code = "\n".join([*lines, f"before = {peak}", work, f"print({peak} - before)"])
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def test_boxes_that_are_fractions_are_refused(root: Path) -> None:
    fractions = [{**one, "bbox": [0.1, 0.2, 0.5, 0.8]} for one in ANNOTATIONS]
    write_coco(root / "annotations" / "train2019.json", IMAGES, fractions, CATEGORIES)
    with pytest.raises(
        SourceError, match=r"train2019\.json: annotations: all 7 boxes .*\[0\.1, 0\.2, 0\.5, 0\.8\]: .*pixels"
    ):
        selection("coco", root, LABELS, **FAMILIES).images()


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [0, 0, 1, 1], [0.5, 0.5, 20, 10]])
def test_boxes_of_nothing_and_of_a_pixel_are_no_fractions(root: Path, box: list[float]) -> None:
    placed = [{**one, "bbox": box} for one in ANNOTATIONS]
    write_coco(root / "annotations" / "train2019.json", IMAGES, placed, CATEGORIES)
    assert chosen(selection("coco", root, LABELS, **FAMILIES))
