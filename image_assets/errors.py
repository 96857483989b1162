"""What kinds of errors there are, for whoever decides what to do about one. Nothing of the project is imported here."""

from __future__ import annotations


class CanPass(Exception):
    """An error that waiting can mend: a server that is away, a file that is still being written, a commit lost.

    What waiting does not mend, such as a name that is misspelt or a right that is missing, is none of these.
    """


class Explained(Exception):
    """An error whose message says all that a person has to know: what is wrong, where, and what to do.

    The command line tells it in one line, whoever raised it.
    """


class UsageError(Explained, ValueError):
    """What was asked for cannot be done: the message says why and what can."""
