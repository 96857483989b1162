"""The page: an HTML file that needs nothing else, by day and by night, on paper too."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from image_assets.markdown import data_url
from image_assets.pages.figures import Plot

_WRITTEN_NUMBER = re.compile(r"[\d.,%–−± ]*\d[\d.,%–−± ]*")
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --soft: #57606a; --faint: #c9ced6;
  --card: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #14181d; --soft: #9aa5b1; --faint: #4a535d; --card: #1d232a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--faint); font-size: 1.35rem; }
h3 { margin: 0 0 .5rem; font-size: 1.05rem; }
p { margin: .25rem 0 1rem; max-width: 46rem; }
p.lead, figcaption { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
a { color: inherit; text-underline-offset: .2em; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
dl div { padding: .75rem 1rem; border-radius: .5rem; background: var(--card); }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0 2.5rem; }
figure svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: .5rem; max-width: 46rem; font-size: .95rem; }
details { margin: 0 0 2rem; }
summary { cursor: pointer; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .75rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--faint); text-align: left; }
td.number, th.number { text-align: right; }
.scroll + h3, ul.gallery + h3 { margin-top: 1.75rem; }
ul.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; padding: 0;
  margin: 1rem 0 2rem; list-style: none; }
ul.gallery li { padding: .6rem; border-radius: .5rem; background: var(--card); font-size: .85rem; line-height: 1.35;
  overflow-wrap: anywhere; break-inside: avoid; }
ul.gallery div { display: flex; flex-wrap: wrap; gap: .4rem; margin-bottom: .4rem; }
ul.gallery img { width: 4.6rem; height: 4.6rem; object-fit: contain; background: var(--paper); border-radius: .25rem; }
ul.gallery span { display: block; color: var(--soft); }
@media print {
  :root { color-scheme: light; --ink: #000000; --paper: #ffffff; --soft: #333333; --faint: #bbbbbb; --card: #f3f3f3; }
  body { max-width: none; padding: 0; font-size: 11pt; }
  nav { display: none; }
  figure, dl { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""


@dataclass(frozen=True)
class Table:
    """Numbers that are in sight, where those of `Section.table` are folded away.

    Attributes:
        title: Its heading.
        header: Of the columns.
        rows: Columns are aligned to the right whose first row holds a number, or is written like one.
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
    """

    jpegs: Sequence[bytes]
    title: str
    text: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, under a heading with a sentence."""

    title: str
    text: str
    pictures: Sequence[Picture]


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


def page(title: str, description: str, figures: dict[str, str], sections: Sequence[Section]) -> str:
    """The page as HTML.

    Args:
        title: What it is about.
        description: A sentence below the title; may be empty.
        figures: Numbers at a glance: what they are, and how they are written.
        sections: Its parts.
    """
    links = "".join(f'<li><a href="#{one.key}">{_text(one.title)}</a></li>' for one in sections)
    numbers = "".join(f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in figures.items())
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # Even if something slipped in that refers to elsewhere, a browser would not fetch it.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
            'img-src data:">',
            f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<header>",
            f'<h1>{_text(title)}</h1>\n<p class="lead">{_text(description)}</p>\n</header>',
            f'<dl>{numbers}</dl>\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main>',
            *(_section(one) for one in sections),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _section(section: Section) -> str:
    figures = "\n".join(
        f'<figure id="{plot.key}">\n<h3>{_text(plot.title)}</h3>\n{plot.svg}\n'
        f"<figcaption>{_text(plot.caption)}</figcaption>\n</figure>"
        for plot in section.plots
    )
    tables = "".join(_open_table(table) for table in section.tables)
    pictures = "".join(_gallery(gallery) for gallery in section.galleries)
    return (
        f'<section id="{section.key}">\n<h2>{_text(section.title)}</h2>\n<p>{_text(section.text)}</p>\n'
        f"{tables}{figures}\n{pictures}{_folded_table(section)}</section>"
    )


def _gallery(gallery: Gallery) -> str:
    entries = "".join(
        f"<li><div>{''.join(_image(jpeg) for jpeg in one.jpegs)}</div>{_text(one.title)}"
        f"{f'<span>{_text(one.text)}</span>' if one.text else ''}</li>\n"
        for one in gallery.pictures
    )
    return f'<h3>{_text(gallery.title)}</h3>\n<p>{_text(gallery.text)}</p>\n<ul class="gallery">{entries}</ul>\n'


def _image(jpeg: bytes) -> str:
    return f'<img alt="" src="{data_url(jpeg)}">'


def _open_table(table: Table) -> str:
    text = f"<p>{_text(table.text)}</p>\n" if table.text else ""
    return f"<h3>{_text(table.title)}</h3>\n{text}{_cells(table.header, table.rows)}\n"


def _folded_table(section: Section) -> str:
    if section.table is None:
        return ""
    header, rows = section.table
    return f"<details><summary>The numbers, {len(rows):,} rows</summary>\n{_cells(header, rows)}</details>\n"


def _cells(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numeric = [bool(rows) and _is_number(rows[0][i]) for i in range(len(header))]
    head = "".join(_cell("th", name, number) for name, number in zip(header, numeric, strict=True))
    body = "".join(
        f"<tr>{''.join(_cell('td', value, number) for value, number in zip(row, numeric, strict=True))}</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _is_number(value: object) -> bool:
    """Whether it is one, or is written like one: 1,234, 97.3 %, 0.91 – 0.94."""
    return not isinstance(value, str) or bool(_WRITTEN_NUMBER.fullmatch(value))


def _cell(tag: str, value: object, number: bool) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return f"<{tag}{' class=number' if number else ''}>{_text(text)}</{tag}>"


def _text(text: str) -> str:
    return html.escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text))
