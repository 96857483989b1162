"""The page of a report: an HTML file that needs nothing else, by day and by night, on paper too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from image_assets.pages.figures import Plot
from image_assets.pages.glossary import Term, terms_in
from image_assets.pages.rendering import ENVIRONMENT

_TEXT_OF_SVG = re.compile(r">([^<>]+)</text>")


@dataclass(frozen=True)
class Table:
    """Numbers that are in sight, where those of `Section.table` are folded away.

    Attributes:
        title: Its heading.
        header: Of the columns.
        rows: Columns are aligned to the right that hold a number, or what is written like one; the first column, which
            names the rows, only where its first row does.
        text: A sentence below the heading; may be empty.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    text: str = ""


@dataclass(frozen=True)
class Picture:
    """Images that belong together, such as one and what it was taken for.

    Attributes:
        jpegs: JPEG files.
        title: A few words.
        text: A line below.
        names: What each of the images is, where they are several views of one: written below each, and read out in
            its place; none, or one for every image.
    """

    jpegs: Sequence[bytes]
    title: str
    text: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, under a heading with a sentence; large ones where small things in them matter."""

    title: str
    text: str
    pictures: Sequence[Picture]
    large: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        key: Where links lead: a-z and _.
        title: Its heading.
        text: A sentence above the plots.
        plots: What it shows.
        table: Header and rows of a table that is folded away below, of all that the plots put together; or None.
        tables: Tables in sight, between the text and the plots.
        galleries: Pictures, below the plots.
    """

    key: str
    title: str
    text: str
    plots: Sequence[Plot] = ()
    table: tuple[Sequence[str], Sequence[Sequence[object]]] | None = None
    tables: Sequence[Table] = ()
    galleries: Sequence[Gallery] = ()


@dataclass(frozen=True)
class _Explained:
    """A section with the terms that it uses, each where it is used first."""

    section: Section
    terms: list[Term]
    tables: list[tuple[Table, list[Term]]]
    plots: list[tuple[Plot, list[Term]]]


def _explained(section: Section) -> _Explained:
    seen: set[str] = set()

    def new(*texts: str) -> list[Term]:
        found = [term for term in terms_in(*texts) if term.name not in seen]
        seen.update(term.name for term in found)
        return found

    return _Explained(
        section,
        new(section.title, section.text),
        [(one, new(one.title, one.text, *one.header, *(str(row[0]) for row in one.rows))) for one in section.tables],
        [(one, new(one.title, one.caption, *_TEXT_OF_SVG.findall(one.svg))) for one in section.plots],
    )


def page(title: str, description: str, figures: dict[str, str], sections: Sequence[Section]) -> str:
    """The page as HTML, with an explanation of every figure and term of the glossary where it is used.

    Args:
        title: What it is about.
        description: A sentence below the title; may be empty.
        figures: Numbers at a glance: what they are, and how they are written.
        sections: Its parts.
    """
    template = ENVIRONMENT.get_template("report.html")
    return template.render(
        title=title,
        description=description,
        figures=[(name, value, terms_in(name)) for name, value in figures.items()],
        parts=[_explained(section) for section in sections],
    )
