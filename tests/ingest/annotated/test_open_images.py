"""Labels of Open Images choose images: by name, with children, by confidence; wrong files and settings are named."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.ingest.annotated.selection_sql import Step
from image_assets.ingest.source import SourceError
from tests.ingest.annotated.stand_ins import (
    BOX_COLUMNS,
    CLASSES,
    LABEL_COLUMNS,
    chosen,
    counts,
    selection,
    write_csv,
    write_open_images,
)

pd: Any = pandas  # its type stubs know less than it does
V = "verification"
ROWS = {
    "train": [
        ("a1", V, "/m/tiger", 1),
        ("a1", "crowdsource-verification", "/m/tiger", 1),
        ("a1", V, "/m/car", 0),
        ("a2", V, "/m/cub", 1),
        ("a3", "machine", "/m/tiger", 0.7),
        ("a4", V, "/m/tiger", 0),
        ("a5", V, "/m/unheard-of", 1),
    ],
    "validation": [("b1", V, "/m/car", 1), ("b2", V, "/m/car", 1), ("b2", V, "/m/lion", 1), ("b3", V, "/m/wheel", 1)],
    "test": [("c1", V, "/m/lion", 1), ("c1", V, "/m/lion", 0), ("c2", "machine", "/m/car", 1)],
}
LABELS = {"cat": ["Lion", "Tiger"], "car": ["Car"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_open_images(tmp_path / "annotations", ROWS)
    return tmp_path


def test_images_of_all_subsets_are_selected_by_positive_labels_with_those_below(root: Path) -> None:
    found = selection("open_images", root, LABELS)
    assert chosen(found) == {"a1": "cat", "a2": "cat", "b1": "car", "b2": None, "c1": "cat", "c2": "car"}
    rows = {row["key"]: row for row in found.images().collect().iter_rows(named=True)}
    assert rows["b2"]["categories"] == ["cat", "car"]
    assert rows["b2"]["labels"] == ["Car", "Lion"]
    assert rows["a2"]["labels"] == ["Tiger cub, small"]


def test_every_step_is_counted(root: Path) -> None:
    assert counts(selection("open_images", root, LABELS)) == {
        f"{Step.READ}: train-annotations-human-imagelabels-boxable.csv": 7,
        f"{Step.READ}: validation-annotations-human-imagelabels-boxable.csv": 4,
        f"{Step.READ}: test-annotations-human-imagelabels-boxable.csv": 3,
        Step.KNOWN: 13,
        Step.UNKNOWN: 1,
        Step.CHOSEN: 13,
        Step.OTHER_SOURCES: 0,
        Step.WANTED: 12,
        Step.UNWANTED: 1,
        Step.POSITIVE: 8,
        Step.NEGATIVE: 3,
        Step.UNSURE: 1,
        Step.INVALID: 0,
        Step.DISTINCT_LABELS: 7,
        Step.DENIED: 1,
        Step.DISTINCT_IMAGES: 6,
        f"{Step.OF_ONE}: cat": 3,
        f"{Step.OF_ONE}: car": 2,
        Step.OF_SEVERAL: 1,
        f"{Step.SELECTED}: cat": 3,
        f"{Step.SELECTED}: car": 2,
        Step.DROPPED: 1,
    }


@pytest.mark.parametrize(
    ("changes", "b2"),
    [
        ({"several": "drop"}, None),
        ({"several": "own_category", "several_category": "both"}, "both"),
        ({"several": "multi_label"}, "cat"),
    ],
)
def test_an_image_of_several_categories_goes_where_the_dataset_file_says(root: Path, changes: dict, b2: str) -> None:
    assert chosen(selection("open_images", root, LABELS, **changes))["b2"] == b2


def test_the_first_category_is_that_of_the_dataset_file_not_of_the_alphabet(root: Path) -> None:
    turned = {"zoo": ["Lion", "Tiger"], "car": ["Car"]}
    assert chosen(selection("open_images", root, turned, several="multi_label"))["b2"] == "zoo"
    turned = {"car": ["Car"], "zoo": ["Lion", "Tiger"]}
    assert chosen(selection("open_images", root, turned, several="multi_label"))["b2"] == "car"


def test_confidence_sources_and_children_are_settings(root: Path) -> None:
    assert "a3" in chosen(selection("open_images", root, LABELS, confidence=0.7))
    assert "a3" not in chosen(selection("open_images", root, LABELS, confidence=0.71))
    assert "a2" not in chosen(selection("open_images", root, LABELS, with_children=False))
    verified = selection("open_images", root, LABELS, label_sources=[V])
    assert "c2" not in chosen(verified)
    assert counts(verified)[Step.OTHER_SOURCES] == 3


def test_a_label_that_a_category_names_is_not_the_child_of_another_one(root: Path) -> None:
    found = chosen(selection("open_images", root, {"animal": ["Animal"], "tiger": ["/m/tiger"]}))
    assert found == {"a1": "tiger", "a2": "tiger", "b2": "animal", "c1": "animal"}


def test_parts_are_no_children(root: Path) -> None:
    assert "b3" not in chosen(selection("open_images", root, LABELS))


def test_labels_with_a_header_a_byte_order_mark_quotes_and_gzip_are_read(root: Path) -> None:
    folder = root / "annotations"
    write_csv(folder / "class-descriptions-boxable.csv", CLASSES.items(), ("LabelName", "DisplayName"))
    plain = folder / "train-annotations-human-imagelabels-boxable.csv"
    with gzip.open(f"{plain}.gz", "wb") as file:
        file.write(b"\xef\xbb\xbf" + plain.read_bytes())
    plain.unlink()
    found = selection("open_images", root, {"cub": ["Tiger cub, small"]})
    assert chosen(found) == {"a2": "cub"}


def test_columns_may_stand_in_another_order_and_more_may_follow(root: Path) -> None:
    rows = [(1, "d1", "/m/lion", V, "x")]
    header = ("Confidence", "ImageID", "LabelName", "Source", "Later")
    write_csv(root / "annotations" / "oidv7-train-annotations-human-imagelabels.csv", rows, header)
    assert chosen(selection("open_images", root, LABELS))["d1"] == "cat"


def test_a_confidence_that_is_none_is_counted_and_selects_nothing(root: Path) -> None:
    rows = [("d1", V, "/m/lion", ""), ("d2", V, "/m/lion", "nan"), ("d3", V, "/m/lion", 1.5), ("", V, "/m/lion", 1)]
    write_csv(root / "annotations" / "more-imagelabels.csv", rows, LABEL_COLUMNS)
    found = selection("open_images", root, LABELS)
    assert counts(found)[Step.INVALID] == 4
    assert not {"d1", "d2", "d3", "", None} & set(chosen(found))


def test_a_file_whose_confidence_is_in_percent_is_read_so_and_counted(root: Path) -> None:
    rows = [
        ("d1", V, "/m/lion", 100),
        ("d2", V, "/m/lion", 60),
        ("d3", V, "/m/lion", 0),
        ("d4", V, "/m/unheard-of", 70),
    ]
    write_csv(root / "annotations" / "more-imagelabels.csv", rows, LABEL_COLUMNS)
    found = selection("open_images", root, LABELS)
    assert chosen(found)["d1"] == "cat"
    assert not {"d2", "d3"} & set(chosen(found))
    counted = counts(found)
    assert counted[f"{Step.IN_PERCENT}: more-imagelabels.csv"] == 4
    assert (counted[Step.INVALID], counted[Step.UNSURE], counted[Step.NEGATIVE]) == (0, 2, 4)
    labels = pl.read_parquet(found.labels()).filter(key="d1")
    assert labels.select("confidence", "positive").rows() == [(1.0, True)]


@pytest.mark.parametrize("confidence", [1, 0.5, 101, -1])
def test_confidences_that_may_be_percent_or_not_are_refused_where_they_are_above_one(
    root: Path, confidence: float
) -> None:
    rows = [("d1", V, "/m/lion", 100), ("d2", V, "/m/lion", confidence)]
    write_csv(root / "annotations" / "more-imagelabels.csv", rows, LABEL_COLUMNS)
    found = selection("open_images", root, LABELS)
    assert "d1" not in chosen(found)
    assert counts(found)[f"{Step.NO_CONFIDENCE}: more-imagelabels.csv"] == (1 if 0 <= confidence <= 1 else 2)


def test_ids_in_capitals_are_those_of_boxes_in_small_letters(root: Path) -> None:
    write_csv(root / "annotations" / "more-imagelabels.csv", [("00AB0C1D2E3F4A5B", V, "/m/lion", 1)], LABEL_COLUMNS)
    write_csv(root / "annotations" / "train-annotations-bbox.csv", [("00ab0c1d2e3f4a5b", *BOX)], BOX_COLUMNS)
    found = selection("open_images", root, LABELS)
    assert chosen(found)["00ab0c1d2e3f4a5b"] == "cat"
    assert pl.read_parquet(found.boxes())["key"].to_list() == ["00ab0c1d2e3f4a5b"]


def test_all_labels_of_the_selected_images_are_kept_positive_and_negative_apart(root: Path) -> None:
    rows = pl.read_parquet(selection("open_images", root, LABELS, confidence=0.9).labels())
    found = set(rows.select("key", "name", "positive").iter_rows())
    assert ("a1", "Car", False) in found
    assert ("c1", "Lion", True) in found
    assert ("c1", "Lion", False) in found
    assert not {"a3", "a4", "a5", "b2"} & set(rows["key"])


BOX = (V, "/m/lion", 1, 0.1, 0.5, 0.2, 0.6, 1, 0, -1, 0, 1)


def test_boxes_of_the_selected_images_are_joined_to_names_and_flags(root: Path) -> None:
    boxes = [("a1", *BOX), ("a1", V, "/m/car", *BOX[2:]), ("a1", V, "/m/unheard-of", *BOX[2:]), ("b2", *BOX)]
    write_csv(root / "annotations" / "train-annotations-bbox.csv", boxes, BOX_COLUMNS)
    rows = pl.read_parquet(selection("open_images", root, {"cat": ["Lion", "Tiger"], "car": ["Car"]}).boxes())
    assert rows.select("key", "name", "wanted").rows() == [
        ("a1", "Car", True),
        ("a1", "Lion", True),
        ("a1", "/m/unheard-of", False),
    ]
    flags = rows.select("occluded", "truncated", "group_of", "depiction", "inside").row(0)
    assert flags == (True, False, None, False, True)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"cat": ["Tigger"]}, r"categories_from\.cat: class-desc.*no label 'Tigger'; similar ones are Tiger"),
        ({"cat": ["cub"]}, r"no label 'cub'; similar ones are .*Tiger cub, small"),
        ({"cat": ["Twin"]}, r"'Twin' means 2 labels .*by its code: /m/twin1, /m/twin2"),
        ({"cat": ["Cat"], "pet": ["/m/cat"]}, r"cat and pet both name Cat \(/m/cat\)"),
    ],
)
def test_a_label_that_cannot_be_meant_is_an_error_that_helps(root: Path, labels: dict, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        selection("open_images", root, labels).images()


def test_absent_labels_may_be_passed_over_but_not_all_of_a_category(root: Path) -> None:
    found = selection("open_images", root, {"cat": ["Lion", "Tigger"]}, absent_labels="ignore")
    assert set(chosen(found)) == {"b2", "c1"}
    with pytest.raises(SourceError, match=r"categories_from\.cat: none of its labels is among the 10"):
        selection("open_images", root, {"cat": ["Tigger"]}, absent_labels="ignore").images()


LABEL_FILE = "test-annotations-human-imagelabels-boxable.csv"
CLASS_FILE = "class-descriptions-boxable.csv"
HEADER = ",".join(LABEL_COLUMNS)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (LABEL_FILE, "ImageID,Source,Confidence\nx,v,1\n", r"line 1: no column LabelName; found ImageID, Source, Conf"),
        (LABEL_FILE, "", r"line 1: no column ImageID, Source, LabelName, Confidence; found nothing"),
        (LABEL_FILE, f"{HEADER},ImageID\n", r"line 1: a column is there twice"),
        (LABEL_FILE, f"{HEADER}\nx,v,/m/cat,1\ny,v,/m/cat,high\n", r"csv, line 3, column Confidence: .*\"high\""),
        (LABEL_FILE, f"{HEADER}\nx,v,/m/cat,1\ny,v\n", r"csv, line 3: .*Expected Number of Columns: 4 Found: 2"),
        (LABEL_FILE, f"{HEADER}\nx,v,/m/cat,1,5\n", r"csv, line 2: .*Expected Number of Columns: 4 Found: 5"),
        (LABEL_FILE, f'{HEADER}\nx,"v,/m/cat,1\n', r"csv, line 2: .*quote"),
        (LABEL_FILE, f"{HEADER}\r\nx,v,/m/cat,1\r\ny,v,/m/cat,1\n", r"csv: its lines cannot .* end in several ways"),
        (LABEL_FILE, b"\xff\xfe\x00", r"cannot be read as a CSV file"),
        (
            LABEL_FILE,
            f'{HEADER}\nx,"v,/m/cat,1\ny,v",/m/cat,1\n',
            r"csv: a text of several lines, so a quotation mark nev",
        ),
        (LABEL_FILE, f"{HEADER}\nx,v,/m/cat,1\n".replace(",", ";"), r"line 1: no column .*parted by commas, in UTF-8"),
        (LABEL_FILE, f"{HEADER}\nx,v,/m/cat,1\n".encode("utf-16"), r"cannot be read as a CSV file: .*save it as UTF-8"),
        (
            CLASS_FILE,
            '/m/cat,Cat\n/m/lion,"Lion\n',
            r"boxable\.csv, after line 1: cannot be read as class descriptions",
        ),
        (CLASS_FILE, "/m/cat;Cat\n", r"line 1: expected a label's code and name such as /m/07dm6,Tiger; found"),
        ("bbox_labels_600_hierarchy.json", '{"LabelName": "a", "LabelName": "b"}', r"'LabelName' is there twice"),
        (CLASS_FILE, "/m/cat,Cat\n/m/lion\n", r"boxable\.csv, line 2: expected a label's code and name"),
        (CLASS_FILE, "/m/cat,Cat\n/m/cat,Dog\n", r"line 2: /m/cat is called 'Dog' here and 'Cat' before"),
        (CLASS_FILE, b"\xff\xfe\x00", r"cannot be read as class descriptions"),
        ("bbox_labels_600_hierarchy.json", "[1", r"cannot be read as a label hierarchy"),
        ("bbox_labels_600_hierarchy.json", "[1]", r"expected objects with LabelName and Subcategory"),
        ("bbox_labels_600_hierarchy.json", "[" * 100_000, r"cannot be read as a label hierarchy"),
    ],
)
def test_a_file_of_another_form_is_named_with_line_and_column(
    root: Path, file: str, content: str | bytes, said: str
) -> None:
    (root / "annotations" / file).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SourceError, match=f"(?s){said}"):
        selection("open_images", root, LABELS).images()


def test_missing_files_and_folders_are_named(root: Path) -> None:
    for file in (root / "annotations").glob("*imagelabels*"):
        file.unlink()
    with pytest.raises(SourceError, match=r"no file of image labels here; looked for \*imagelabels\*\.csv"):
        selection("open_images", root, LABELS).images()
    with pytest.raises(SourceError, match="no such folder; put the annotation files there"):
        selection("open_images", root, LABELS, annotations=str(root / "nowhere")).images()


def test_a_wrong_box_file_does_not_hold_up_the_selection(root: Path) -> None:
    write_csv(root / "annotations" / "train-annotations-bbox.csv", [], LABEL_COLUMNS)
    found = selection("open_images", root, LABELS)
    assert chosen(found)
    with pytest.raises(SourceError, match="no column XMin, XMax"):
        found.boxes()


def test_quotes_and_patterns_in_names_are_taken_as_they_are(tmp_path: Path) -> None:
    root = tmp_path / "it's [a] *strange* place?"
    write_open_images(root / "annotations", ROWS)
    assert len(chosen(selection("open_images", root, LABELS))) == 6


label_rows = st.lists(
    st.tuples(
        st.sampled_from([f"i{n}" for n in range(8)]),
        st.sampled_from([V, "machine"]),
        st.sampled_from([*CLASSES, "/m/unheard-of"]),
        st.sampled_from([0, 0.5, 1]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=25, deadline=None)
@given(rows=label_rows, several=st.sampled_from(["drop", "multi_label"]))
def test_any_labels_give_what_pandas_makes_of_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list, several: str
) -> None:
    root = tmp_path_factory.mktemp("any")
    write_open_images(root / "annotations", {"train": rows[::2], "validation": rows[1::2]})
    frame = pd.DataFrame(rows, columns=list(LABEL_COLUMNS))
    frame["category"] = frame["LabelName"].map(
        {"/m/cat": "cat", "/m/lion": "cat", "/m/tiger": "cat", "/m/cub": "cat", "/m/carnivore": "cat", "/m/car": "car"}
    )
    positive = frame[frame["category"].notna() & (frame["Confidence"] >= 1)]
    expected = {}
    for key, found in positive.groupby("ImageID")["category"]:
        several_at_once = found.nunique() > 1
        expected[key] = None if several_at_once and several == "drop" else "car" if "car" in set(found) else "cat"
    assert chosen(selection("open_images", root, {"car": ["Car"], "cat": ["Carnivore"]}, several=several)) == expected


def test_the_hierarchy_may_be_missing(root: Path) -> None:
    (root / "annotations" / "bbox_labels_600_hierarchy.json").unlink()
    assert "a2" not in chosen(selection("open_images", root, LABELS))


def test_a_label_may_stand_below_two(root: Path) -> None:
    twice = {"LabelName": "/m/e", "Subcategory": [{"LabelName": "/m/cat", "Subcategory": [{"LabelName": "/m/cub"}]}]}
    (root / "annotations" / "more-hierarchy.json").write_text(json.dumps(twice))
    assert chosen(selection("open_images", root, {"tiger": ["Tiger"], "cat": ["Cat"]}))["a2"] is None
