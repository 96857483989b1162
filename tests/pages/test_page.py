"""A page shows text as text, wherever it stands, and a template that is not given all it names is no page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from image_assets.pages import page as pages
from image_assets.pages.figures import Plot
from image_assets.pages.glossary import terms_in
from image_assets.pages.page import Gallery, Picture, Section, Table, page
from image_assets.pages.rendering import ENVIRONMENT, MARKDOWN
from image_assets.wording import printable_text
from tests.exploration.references import references

TEMPLATES = Path(pages.__file__).parent / "templates"
HOSTILE = '</title></style><script>alert("1")</script><img src=x onerror=alert(1)>\x00&amp;\'{{ 1 + 1 }}'
ANYTHING = st.text() | st.just(HOSTILE) | st.text("<>/&\"'{}%= ab\n\x00", min_size=1)


class Parsed(HTMLParser):
    """Tags with their attributes' names, and the text of everything but the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page_of(text: str) -> str:
    """A page that has a text everywhere where one can stand."""
    pictures = [Picture([b"1", b"2"], text, f"is {text}")]
    section = Section(
        "parts",
        text,
        text,
        [Plot("plot", text, text, "<svg></svg>", b"")],
        ((text, "n"), [(f"a {text}", 1_234)]),
        [Table(text, (text, text), [("97.3 %", f"b {text}")], f"below {text}")],
        [Gallery(text, text, pictures)],
    )
    return page(text, text, {text: text}, [section])


@given(ANYTHING)
def test_text_is_text_wherever_it_stands(text: str) -> None:
    assume(not terms_in(text))  # such as "95 %": a page explains it, and has the tags of the explanation too
    html = page_of(text)
    found = Parsed(html)
    assert found.tags == Parsed(page_of("plain")).tags
    assert references(html) == []
    written = [line for line in "".join(found.texts).splitlines() if line]
    for piece in (f"a {text}", f"b {text}", f"below {text}", f"is {text}"):
        assert any(printable_text(piece) in line for line in written)


def test_a_template_that_does_not_escape_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ENVIRONMENT", ENVIRONMENT.overlay(autoescape=False))
    with pytest.raises(AssertionError):
        assert Parsed(page_of(HOSTILE)).tags == Parsed(page_of("plain")).tags
    assert references(page_of(HOSTILE)) != []


@given(ANYTHING)
def test_text_in_markdown_is_a_line_without_markup(text: str) -> None:
    line = MARKDOWN.from_string("{{ text }}").render(text=text)
    assert "\n" not in line
    assert re.findall(r"[`*_[\]|#<>]", re.sub(r"\\.", "", line)) == []


def test_of_all_that_a_page_shows_only_a_plot_is_taken_for_html() -> None:
    marked = [
        found for file in TEMPLATES.glob("*.html") for found in re.findall(r"\{\{[^}]*safe[^}]*\}\}", file.read_text())
    ]
    assert marked == ["{{ plot.svg|safe }}"]


def test_what_a_template_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'description' is undefined"):
        ENVIRONMENT.get_template("report.html").render(title="", figures={}, sections=[])


def test_columns_of_numbers_are_aligned_to_the_right() -> None:
    rows = [("plant", 1_234, "97.3 %", "0.91 – 0.94", 0.5), ("animal", 7, "", "", 1)]
    html = page("", "", {}, [Section("a", "", "", tables=[Table("", ("name", *"nsid"), rows)])])
    assert (
        "<tr><td>plant</td><td class=number>1,234</td><td class=number>97.3 %</td>"
        "<td class=number>0.91 – 0.94</td><td class=number>0.5</td></tr>" in html
    )
    assert "<th>name</th><th class=number>n</th>" in html
    later = page(
        "", "", {}, [Section("a", "", "", tables=[Table("", ("flag", "share"), [("a", "none"), ("1", "5 %")])])]
    )
    assert "<tr><td>a</td><td class=number>none</td>" in later
    assert "<tr><td>1</td><td class=number>5 %</td>" in later
    assert "<th>95 %</th>" in page("", "", {}, [Section("a", "", "", tables=[Table("", ("95 %",), [])])])
