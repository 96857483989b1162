"""Terms are explained on every page that uses them, once a part, and the glossary in docs says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.pages.figures import Plot
from image_assets.pages.glossary import GLOSSARY, glossary_markdown, terms_in
from image_assets.pages.page import Section, Table, page

DOCS = Path(__file__).resolve().parents[2] / "docs"
_SAID = re.compile(r"What is meant by ([^<]*)\?</summary>")


def test_the_page_in_docs_is_the_one_that_make_docs_writes() -> None:
    assert (DOCS / "glossary.md").read_text(encoding="utf-8") == glossary_markdown(), "run make docs"


def test_every_term_is_there_once_and_found_by_each_of_its_names() -> None:
    names = [name.lower() for term in GLOSSARY for name in term.names]
    assert len(names) == len(set(names))
    for term in GLOSSARY:
        assert term.meaning.endswith(".")
        assert not term.source.endswith(".")
        assert all(terms_in(f"({name.upper()})") == [term] for name in term.names)


def test_the_checks_that_it_names_exist() -> None:
    checks = {check.name for group in CHECK_GROUPS for check in group.checks}
    assert {name for term in GLOSSARY for name in term.checks} <= checks


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("macro F1", ["macro F1"]),
        ("Macro F1 and F1", ["F1", "macro F1"]),
        ("the raw expected calibration error", ["expected calibration error"]),
        ("recalled, AUCs, folders and a bright face", []),
        ("points of accuracy lost", ["accuracy lost"]),
    ],
)
def test_whole_words_count_and_the_longer_name_wins(text: str, names: list[str]) -> None:
    assert [term.name for term in terms_in(text)] == names


def test_a_page_explains_what_it_uses_where_it_is_used_first() -> None:
    svg = "<svg><text>log loss</text><g>drift</g></svg>"
    sections = [
        Section(
            "a",
            "Recall",
            "Nothing else.",
            [Plot("p", "ROC curves", "Recall again.", svg, b"")],
            tables=[Table("Figures", ("figure", "AUC"), [("macro F1", "1"), ("recall", "1")])],
        ),
        Section("b", "Recall once more", ""),
    ]
    html = page("A page", "", {"accuracy": "97 %", "images": "430"}, sections)
    assert _SAID.findall(html) == ["recall", "macro F1, AUC", "ROC curve, log loss", "recall"]
    assert html.count('<span class="heard">accuracy: </span>what is this?') == html.count("what is this?") == 1
    for term in terms_in("accuracy", "recall", "macro F1", "AUC", "ROC curves", "log loss"):
        assert term.meaning.replace("'", "&#39;") in html


def test_a_page_without_terms_explains_nothing() -> None:
    assert '<details class="terms">' not in page("A page", "", {"images": "430"}, [Section("a", "Sizes", "Small.")])
