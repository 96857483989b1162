"""The environment variables of the platform: what each says, and a word where one is misspelt.

What belongs here: every variable whose name begins with `IMAGE_ASSETS_`. What does not: those of others, such as
`DAGSTER_HOME` and `AWS_…`, and what a value means to who asks for it. Of the project, only the kinds of errors
are imported here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from image_assets.errors import Explained

_PREFIX = "IMAGE_ASSETS_"
# As people write the beginning when they misspell it.
_NEARLY = re.compile(r"IMAGES?_?ASSETS?_", re.IGNORECASE)
# What Kubernetes gives every process for a service that is called image-assets.
_OF_KUBERNETES = re.compile(r"IMAGE_ASSETS_(\w+_)?(SERVICE_(HOST|PORT)|PORT)(_\w+)?")


class UnknownVariable(Explained, ValueError):
    """A variable that nobody reads: the message says which, and which may be meant."""


@dataclass(frozen=True)
class Variable:
    """A variable that the platform reads.

    Attributes:
        name: Of the variable.
        meaning: What it says, for people.
        default: What counts where it is not set, or empty.
        otherwise: What happens then where there is no such value, for people.
    """

    name: str
    meaning: str
    default: str = ""
    otherwise: str = ""

    @property
    def said(self) -> str:
        """What it says now; `""` where it is not set."""
        return os.environ.get(self.name, "")

    @property
    def value(self) -> str:
        """What it says now, or its default; `""` where neither says anything."""
        return self.said or self.default

    @property
    def row(self) -> str:
        """It in the table of the documentation."""
        return f"| `{self.name}` | {self.meaning} | {f'`{self.default}`' if self.default else self.otherwise} |"


DATASETS = Variable(
    "IMAGE_ASSETS_DATASETS",
    "dataset files, or names of bundled ones, separated by commas",
    otherwise="all bundled ones are shown, and nothing runs by itself",
)
LANDING = Variable("IMAGE_ASSETS_LANDING", "the landing zone", "landing")
STORE = Variable("IMAGE_ASSETS_STORE", "a folder or `s3://bucket/prefix`", "store")
ENGINE = Variable("IMAGE_ASSETS_ENGINE", "`local` or `ray`, for all datasets", otherwise="what each dataset file says")
PROCESSES = Variable(
    "IMAGE_ASSETS_PROCESSES",
    "processes that share the cores to decode images and run models",
    otherwise="one for every two cores from six cores on, fewer where there is little memory",
)
READS_AT_ONCE = Variable(
    "IMAGE_ASSETS_READS_AT_ONCE",
    "files of the landing zone that a unit reads at once, where they come from far away",
    otherwise="one for each core that the unit has",
)
PARTITIONS_PER_RUN = Variable(
    "IMAGE_ASSETS_PARTITIONS_PER_RUN",
    "days and categories that one run of a backfill takes; with `1` each has its own, and fails, is tried again and "
    "waits by itself",
    otherwise="a backfill is one run",
)
UI_URL = Variable(
    "IMAGE_ASSETS_UI_URL",
    "where the UI is, for links in alerts, such as `https://dagster.example.org`",
    otherwise="no links",
)
ALERT_LEDGER = Variable(
    "IMAGE_ASSETS_ALERT_LEDGER",
    "file of the delivery ledger of alerts",
    otherwise="`alerts.sqlite` in the storage of `DAGSTER_HOME`",
)
KEEP_RUNS_DAYS = Variable("IMAGE_ASSETS_KEEP_RUNS_DAYS", "so many days Dagster's records of runs are kept", "90")
STAGING = Variable(
    "IMAGE_ASSETS_STAGING",
    "folder for what is unpacked, downloaded or computed before it is loaded",
    otherwise="`.staging` in a landing zone on disk, else the cache",
)
CACHE = Variable(
    "IMAGE_ASSETS_CACHE",
    "folder for models that are expensive to make, and for the staging of buckets",
    otherwise="`~/.cache/image-assets`",
)
CHROMIUM = Variable(
    "IMAGE_ASSETS_CHROMIUM",
    "the browser of `image-assets collect`",
    otherwise="a Chromium on `PATH`, else Playwright's own",
)
CONSOLE_TOKEN = Variable(
    "IMAGE_ASSETS_CONSOLE_TOKEN",
    "what changes in the console need: at least 16 letters and digits",
    otherwise="a new one at every start, which is printed",
)
SHARE_URL = Variable(
    "IMAGE_ASSETS_SHARE_URL",
    "where others reach the console, for links to shards, such as `https://data.example.org`; under its name they are "
    "answered, and nothing else",
    "http://127.0.0.1:9797",
)

VARIABLES = (
    *(DATASETS, LANDING, STORE, ENGINE, PROCESSES, READS_AT_ONCE, PARTITIONS_PER_RUN, UI_URL, ALERT_LEDGER),
    *(KEEP_RUNS_DAYS, STAGING, CACHE, CHROMIUM, CONSOLE_TOKEN, SHARE_URL),
)
"""All that there are."""


def refuse_unknown(names: Iterable[str] | None = None) -> None:
    """Look for variables that are meant for the platform and that it does not read.

    Args:
        names: Of the variables that are set; default: those of this process.

    Raises:
        UnknownVariable: naming each, with the one that may be meant.
    """
    known = [variable.name for variable in VARIABLES]
    unknown = [
        name
        for name in sorted(os.environ if names is None else names)
        if _NEARLY.match(name) and name not in known and not _OF_KUBERNETES.fullmatch(name)
    ]
    if unknown:
        told = "; ".join(_told(name, known) for name in unknown)
        stop = "" if told.endswith("?") else "."
        raise UnknownVariable(
            f"the environment has {told}{stop} Names that begin with {_PREFIX} are the platform's own"
        )


def _told(name: str, known: list[str]) -> str:
    endings = {one.removeprefix(_PREFIX): one for one in known}
    ending = _NEARLY.sub("", name, count=1).upper()
    close = get_close_matches(ending, endings, n=1)
    meant = f"did you mean {endings[close[0]]}?" if close else f"there are {', '.join(known)}"
    return f"{name}, which is read by nobody; {meant}"
