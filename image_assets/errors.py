"""What kinds of errors there are, for whoever decides what to do about one. Nothing of the project is imported here."""

from __future__ import annotations


class CanPass(Exception):
    """An error that waiting can mend: a server that is away, a file that is still being written, a commit lost.

    What waiting does not mend, such as a name that is misspelt or a right that is missing, is none of these.
    """


class UsageError(ValueError):
    """What was asked for cannot be done: the message says why and what can."""
