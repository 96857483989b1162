"""From the labels that a dataset file names to the labels whose images a category takes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from image_assets.ingest.source import SourceError

_SHOWN = 5


@dataclass(frozen=True)
class LabelBook:
    """The labels that annotations know.

    Attributes:
        names: Code → name to read, such as /m/07dm6 → Tiger.
        called: What a label may be called in a dataset file → the codes that this means.
        children: Code → codes right below it in a hierarchy.
        origin: The file that says so, for errors.
        unique: Whether a name must mean one label: else it means all that carry it, as a family means its species.
    """

    names: Mapping[str, str]
    called: Mapping[str, Sequence[str]]
    origin: str
    children: Mapping[str, Collection[str]] = field(default_factory=dict)
    unique: bool = False


@dataclass(frozen=True)
class Wanted:
    """A label whose images a category takes; `position` is the category's place in the dataset file."""

    code: str
    name: str
    category: str
    position: int


def wanted_labels(
    categories_from: Mapping[str, Sequence[str]], book: LabelBook, *, with_children: bool, ignore_absent: bool
) -> list[Wanted]:
    """The labels of every category, those below them in the hierarchy included where asked for.

    What a category names belongs to that category, and not, as a child, to another one that names a label above it.
    A child that stands below the labels of two categories belongs to both.

    Raises:
        SourceError: a label is unknown, means several, or is named by two categories.
    """
    named = {
        category: {code for label in labels for code in _codes(label, category, book, ignore_absent)}
        for category, labels in categories_from.items()
    }
    _refuse_contradictions(named, book)
    found = []
    for position, (category, codes) in enumerate(named.items()):
        if not codes:
            raise SourceError(
                f"categories_from.{category}: none of its labels is among the {len(book.names)} of {book.origin}"
            )
        others = set().union(*(codes for other, codes in named.items() if other != category))
        reached = _below(codes, book.children, others) if with_children else codes
        found += [Wanted(code, book.names.get(code, code), category, position) for code in sorted(reached)]
    return found


def _codes(label: str, category: str, book: LabelBook, ignore_absent: bool) -> Sequence[str]:
    codes = book.called.get(label) or ([label] if label in book.names else ())
    if not codes and not ignore_absent:
        raise SourceError(
            f"categories_from.{category}: {book.origin} knows no label {label!r}{_like(label, book.called)}"
        )
    if len(codes) > 1 and book.unique:
        raise SourceError(
            f"categories_from.{category}: {label!r} means {len(codes)} labels in {book.origin}; name the one that is "
            f"meant by its code: {', '.join(sorted(codes)[:_SHOWN])}"
        )
    return codes


def _like(label: str, known: Iterable[str]) -> str:
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(label.casefold(), folded, n=_SHOWN, cutoff=0.6)
    within = [name for name in folded if label.casefold() in name and name not in close]
    found = [folded[name] for name in [*close, *within]][:_SHOWN]
    return f"; similar ones are {', '.join(found)}" if found else ""


def _refuse_contradictions(named: Mapping[str, set[str]], book: LabelBook) -> None:
    owner: dict[str, str] = {}
    for category, codes in named.items():
        for code in sorted(codes):
            if owner.setdefault(code, category) != category:
                raise SourceError(
                    f"categories_from: {owner[code]} and {category} both name {book.names.get(code, code)} ({code}); "
                    "name it once"
                )


def _below(codes: Iterable[str], children: Mapping[str, Collection[str]], others: Collection[str]) -> set[str]:
    reached, waiting = set(codes), list(codes)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in reached and child not in others:
                reached.add(child)
                waiting.append(child)
    return reached
