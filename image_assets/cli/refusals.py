"""Which errors the command line tells in one line: what the person who gave the command can mend.

Anything else is a fault of ours and is to be seen as such, with its traceback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from image_assets.errors import Explained
from image_assets.places import home_of
from image_assets.store.trouble import in_one_line, trouble_of

_LINE_OF_A_LIST = re.compile(r"(?<![:\n])\n(?!\n)\s*")
"""The end of one of several mistakes, each of which has a line of its own in a message."""


def line_of(error: BaseException, options: Mapping[str, Any]) -> str | None:
    """What is told of an error; None where it is a fault of ours.

    Args:
        error: What ended a command.
        options: What was asked for, which says where to look for a damaged file.
    """
    if isinstance(error, Explained):
        return in_one_line(_LINE_OF_A_LIST.sub("; ", str(error)))
    if isinstance(error, _of_libraries()):
        trouble = trouble_of(error)
        return trouble.said if trouble else in_one_line(f"{type(error).__name__}: {error}")
    if refused := _of_database(error):
        home = home_of(options.get("store") or ".")
        return in_one_line(f"Dagster's home {home} cannot be used: {getattr(refused, 'orig', refused)}")
    if isinstance(error, _of_readers()):
        return _damage(options)
    return None


def _of_libraries() -> tuple[type[Exception], ...]:
    """Errors of disks, buckets and the network."""
    from botocore.exceptions import BotoCoreError, ClientError
    from deltalake.exceptions import DeltaError
    from obstore.exceptions import BaseError

    return BaseError, BotoCoreError, ClientError, DeltaError, OSError


def _of_database(error: BaseException) -> BaseException | None:
    """What SQLite or PostgreSQL said, of which Dagster may tell in words of its own."""
    from sqlalchemy.exc import DBAPIError

    chain: BaseException | None = error
    while chain is not None and not isinstance(chain, DBAPIError):
        chain = chain.__cause__
    return chain


def _of_readers() -> tuple[type[BaseException], ...]:
    """Errors of who reads several files at once and does not say which it cannot read."""
    from polars.exceptions import ComputeError, PanicException

    return ComputeError, PanicException


def _damage(options: Mapping[str, Any]) -> str | None:
    """The files of the store that cannot be read; None where all can."""
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store
    from image_assets.store.tables.store_damage import unreadable_files

    if not (options.get("dataset") and options.get("store")):
        return None
    found = unreadable_files(Store(options["store"]), load_dataset(options["dataset"]).name)
    return "; ".join(map(str, found)) or None
