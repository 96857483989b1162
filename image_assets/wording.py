"""How the same things are said in the same way, wherever they are said to people. Nothing of ours is imported here."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def some(names: Iterable[object], most: int = 5) -> str:
    """The first names, and how many more there are: `a, b and 3 more`.

    Args:
        names: What is named, in its order.
        most: So many are named.
    """
    said = [str(name) for name in names]
    return ", ".join(said[:most]) + (f" and {len(said) - most:,} more" if len(said) > most else "")


def printable_text(text: str, kept: str = "") -> str:
    """Text with a mark in place of every character that cannot be printed, such as an escape or an end of a line.

    Args:
        text: Any.
        kept: Characters that stay all the same.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else "\N{REPLACEMENT CHARACTER}" for char in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean owls?` where one of the known names is close, else nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """`there is no category 'owll'; did you mean owl?`, or what there is instead where none is close.

    Args:
        what: The name is to be of, such as `category`.
        name: That there is not.
        known: Those that there are.
    """
    names = list(known)
    there = f"there are {some(names, 20)}" if names else "there is none"
    return f"there is no {what} {name!r}; {did_you_mean(name, names) or there}"


def in_brief(error: object, most: int = 300) -> str:
    """What somebody else's error says, in one line of so many characters at most."""
    return " ".join(str(error).split())[:most]
