"""Where Dagster records runs: the folder of `DAGSTER_HOME`, or one beside a local store."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from sqlalchemy.exc import ArgumentError
from yaml import YAMLError

from image_assets.alone import alone
from image_assets.errors import UsageError
from image_assets.orchestration.dagster_internals import CheckError
from image_assets.orchestration.home_files import INSTANCE_FILE, SETTINGS_FILE
from image_assets.places import PlaceError, home_of, make_folder, refuse_read_only
from image_assets.store.trouble import of_file
from image_assets.whole_files import write_whole

# Dagster takes its home's path for a pattern when it looks for dagster.yaml, and for a part of a URL in SQLite's.
_NOT_IN_HOME = re.compile(r"[*?\[\]\ud800-\udfff]|%[0-9A-Fa-f]{2}")
_WHAT = "Dagster's home"


class HomeReadOnly(PlaceError):
    """The home may be read, and Dagster writes even to open it."""


def open_instance(store_url: str) -> dg.DagsterInstance:
    """The instance of `DAGSTER_HOME`, or one in the folder `dagster` beside a local store.

    Raises:
        UsageError: the store is a bucket and `DAGSTER_HOME` is not set.
        PlaceError: Dagster cannot have its home there, or what its `dagster.yaml` says cannot be used.
    """
    path = usable_home(store_url)
    make_folder(path, _WHAT)
    # Of two first commands at once, one makes the home and the other finds it whole.
    with alone(path):
        if not (path / SETTINGS_FILE).exists():
            with of_file(path / SETTINGS_FILE):
                write_whole(path / SETTINGS_FILE, INSTANCE_FILE.encode())
        # What a run plans to do is written at once.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
        return _opened(path / SETTINGS_FILE)


def existing_instance(store_url: str) -> dg.DagsterInstance | None:
    """The instance that `open_instance` would open; None where it would have to be made or cannot be told.

    Raises:
        HomeReadOnly: there is one, and its records may only be read.
        PlaceError: Dagster cannot have its home there.
    """
    path = home_of(store_url)
    if path is None or not (path / SETTINGS_FILE).exists():
        return None
    databases = [path, *path.glob("*/*.db")] if any(path.glob("*/*.db")) else []
    if not all(os.access(one, os.W_OK) and os.access(one.parent, os.X_OK) for one in databases):
        raise HomeReadOnly(f"{_WHAT} {str(path)!r}: it may only be read, and Dagster writes even to open it")
    return open_instance(store_url)


def usable_home(store_url: str) -> Path:
    """Where runs of a store are recorded; the folder need not be there yet.

    Raises:
        UsageError: the store is a bucket and `DAGSTER_HOME` is not set.
        PlaceError: Dagster cannot have its home there.
    """
    path = home_of(store_url)
    if path is None:
        raise UsageError(f"the store {store_url} is no local folder: set DAGSTER_HOME to say where runs are recorded")
    unusable = _NOT_IN_HOME.search(str(path))
    if unusable:
        raise PlaceError(
            f"{_WHAT} {str(path)!r}: Dagster cannot use a folder with {unusable[0]!r} in its path; set DAGSTER_HOME to "
            "another"
        )
    if not (path / SETTINGS_FILE).exists():
        refuse_read_only(path, _WHAT)
    return path


def _opened(file: Path) -> dg.DagsterInstance:
    """The instance that a `dagster.yaml` describes, which somebody may have written by hand."""
    try:
        with _no_warnings_of_retries():
            # By its place and not by the variable: another store of the same process has a home of its own.
            return dg.DagsterInstance.from_config(str(file.parent))
    except (ModuleNotFoundError, CheckError) as error:
        # Dagster tells of a class that it cannot import by an error that is raised while the other is handled.
        missing = error if isinstance(error, ModuleNotFoundError) else error.__context__
        if not isinstance(missing, ModuleNotFoundError):
            raise
        raise PlaceError(f"{file}: {_missing(missing.name or '')}") from error
    except ArgumentError as error:
        raise PlaceError(f"{file}: {error}; expected postgresql+psycopg2://user:password@host/database") from error
    except (dg.DagsterInvalidConfigError, YAMLError) as error:
        reasons = [str(one.message).split("\n\nStack Trace")[0] for one in getattr(error, "errors", [])]
        said = re.sub(r"[\w.]+Error: ", "", " ".join("; ".join(reasons or [str(error)]).split()))
        raise PlaceError(f"{file}: {said}") from error


def _missing(module: str) -> str:
    match module.partition(".")[0]:
        case "dagster_postgres":
            return 'PostgreSQL is an extra: pip install "image-assets[postgres]"'
        case "psycopg":
            # What the address alone means to SQLAlchemy is not what Dagster brings along.
            return "the address of PostgreSQL begins with postgresql+psycopg2://, or its scheme is postgresql+psycopg2"
        case other:
            return f"it needs the module {other}, which is not installed"


@contextmanager
def _no_warnings_of_retries() -> Iterator[None]:
    """Of a database that does not answer nothing is told until Dagster has given up."""

    def wanted(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Retrying failed database")

    logging.getLogger().addFilter(wanted)
    try:
        yield
    finally:
        logging.getLogger().removeFilter(wanted)
