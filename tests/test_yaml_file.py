"""What YAML would drop or take for something else is refused, with its line."""

from pathlib import Path

import pytest

from image_assets.dataset import DatasetError, load_dataset
from image_assets.yaml_file import YamlError, read_yaml

_HEAD = "name: t\nstart_day: 2026-11-01\n"


def _file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "d.yaml"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a"),
        ("categories:\n  owl: 0\n  duck: 1\n  owl: 2\n", 4, "owl"),
        ("one: {x: 1, x: 2}\n", 1, "x"),
        ("list:\n- {y: 1}\n- {y: 1,\n   y: 2}\n", 4, "y"),
    ],
)
def test_a_key_that_stands_twice_is_refused_at_any_depth(tmp_path: Path, text: str, line: int, key: str) -> None:
    with pytest.raises(YamlError, match=f"line {line}: the key '{key}' stands there twice"):
        read_yaml(_file(tmp_path, text))


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "true", "1", "1.5", "2026-11-19", "null"])
def test_a_key_that_yaml_takes_for_something_else_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(YamlError, match="put it in quotes"):
        read_yaml(_file(tmp_path, f"categories: {{{word}: 0}}\n"))
    assert read_yaml(_file(tmp_path, f'categories: {{"{word}": 0}}\n')) == {"categories": {word: 0}}


@pytest.mark.parametrize(("written", "taken"), [("010", 8), ("-017", -15), ("1:30", 90), ("10:30:00", 37800)])
def test_a_number_that_yaml_takes_for_another_is_refused(tmp_path: Path, written: str, taken: int) -> None:
    with pytest.raises(YamlError, match=f"line 2: YAML takes {written} for the number {taken}"):
        read_yaml(_file(tmp_path, f"a: 0\nb: {written}\n"))


@pytest.mark.parametrize("written", ["2026-11-31", "2026-02-29", "2026-13-01", "2026-11-01 25:00:00", "!!int owl"])
def test_a_day_that_there_is_not_is_told_with_its_line(tmp_path: Path, written: str) -> None:
    with pytest.raises(DatasetError, match=r"d\.yaml: line 3: YAML takes \S.* for a (timestamp|int), and it is none: "):
        load_dataset(_file(tmp_path, f"name: t\ncategories: {{owl: 0}}\nstart_day: {written}\n"))


def test_sections_without_end_are_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="lie in each other too deep"):
        load_dataset(_file(tmp_path, f"name: {'[' * 5_000}{']' * 5_000}\n"))


def test_numbers_that_mean_what_they_look_like_are_taken(tmp_path: Path) -> None:
    text = "a: [0, 7, 007, -5, 1_000, 0x10, 0b11, 10]\n"
    assert read_yaml(_file(tmp_path, text)) == {"a": [0, 7, 7, -5, 1000, 16, 3, 10]}


def test_keys_may_be_merged_in(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\n"
    assert read_yaml(_file(tmp_path, text)) == {"base": {"a": 1, "b": 2}, "own": {"a": 1, "b": 3}}


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    path = _file(tmp_path, _HEAD + "categories: {owl: 0}\n", "utf-8-sig")
    assert load_dataset(path).categories == {"owl": 0}


def test_another_encoding_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="save the file as UTF-8"):
        load_dataset(_file(tmp_path, _HEAD + "description: Käuze\n", "latin-1"))


def test_a_misspelt_key_gets_a_suggestion(tmp_path: Path) -> None:
    for text, meant in (("categorys: {owl: 0}", "categories"), ("limits: {max_byte: 3}", "max_bytes")):
        with pytest.raises(DatasetError, match=rf"unknown key; did you mean {meant}\?"):
            load_dataset(_file(tmp_path, _HEAD + "categories: {owl: 0}\n" + text + "\n"))


def test_a_wrong_key_of_a_candidate_is_told_once(tmp_path: Path) -> None:
    text = _HEAD + "categories: {owl: 0}\nclassifier: {candidates: [{kind: logistic_regression, regularisaton: 1}]}\n"
    with pytest.raises(DatasetError) as told:
        load_dataset(_file(tmp_path, text))
    assert "did you mean regularisation?" in str(told.value)
    assert "at least 1 item" not in str(told.value)


def test_an_empty_list_is_still_refused(tmp_path: Path) -> None:
    text = _HEAD + "categories: {owl: 0}\nclassifier: {candidates: []}\n"
    with pytest.raises(DatasetError, match="at least 1 item"):
        load_dataset(_file(tmp_path, text))


def test_a_preferred_category_must_exist(tmp_path: Path) -> None:
    text = _HEAD + "categories: {zebra: 0, owl: 1}\nlabel_conflicts: {rule: prefer, prefer: [zebr]}\n"
    with pytest.raises(DatasetError, match=r"'zebr', which is no category; did you mean zebra\?"):
        load_dataset(_file(tmp_path, text))
    with pytest.raises(DatasetError, match="needs the categories to prefer"):
        load_dataset(_file(tmp_path, text.replace(", prefer: [zebr]", "")))
    assert load_dataset(_file(tmp_path, text.replace("zebr]", "zebra]"))).label_conflicts.prefer == ("zebra",)
