"""The command `image-assets share`: links to published shards, which end by themselves or are revoked."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.markup import escape

from image_assets.cli.options import (
    Day,
    dataset_option,
    json_option,
    store_option,
    to_look_at,
    to_read,
    to_write,
    together,
)
from image_assets.cli.printing import print_json, print_table, say, tell
from image_assets.cli.words import Command
from image_assets.environment import SHARE_URL
from image_assets.reports.tables import plain_table
from image_assets.wording import printable_text

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec
    from image_assets.shares.contents import Chosen, Contents
    from image_assets.shares.share import Share
    from image_assets.store.store import Store

_LASTS = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Lasting(click.ParamType[dt.timedelta]):
    """A time such as 7d."""

    name = "time"

    def convert(
        self, value: str | dt.timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.timedelta:
        """The time of a text, or itself."""
        if isinstance(value, dt.timedelta):
            return value
        said = _LASTS.fullmatch(value)
        if said is None or int(said[1]) == 0:
            self.fail(f"{value!r} is no time; expected minutes, hours, days or weeks, as 30m, 12h, 7d, 2w", param, ctx)
        return dt.timedelta(**{_UNITS[said[2]]: int(said[1])})


@dataclass(frozen=True)
class _Asked:
    """What was asked for: a new link by default."""

    days: tuple[dt.date, ...]
    categories: tuple[str, ...]
    lasts: dt.timedelta | None
    note: str
    url: str
    direct: bool
    show: bool
    revoke: str | None
    clear: bool

    def __post_init__(self) -> None:
        making = bool(self.days or self.categories or self.lasts or self.note or self.direct)
        others = self.show, self.revoke is not None, self.clear
        if sum((*others, making)) != 1 or (making and self.lasts is None):
            said = "say for how long, as --for 7d; or give --list, --revoke ID or --clear, alone"
            raise click.UsageError(said, click.get_current_context())
        if self.direct and self.note:
            said = "--note is kept with a link that can be revoked; --direct makes none"
            raise click.UsageError(said, click.get_current_context())

    @property
    def chosen(self) -> Chosen:
        """What of the dataset."""
        from image_assets.shares.contents import Chosen

        return Chosen(self.days, self.categories)


_asked = together(
    "asked",
    _Asked,
    click.option("--day", "days", multiple=True, metavar="DAY", type=Day(), help="only this day; may be repeated"),
    click.option("--category", "categories", multiple=True, metavar="NAME", help="only this one; may be repeated"),
    click.option("--for", "lasts", metavar="TIME", type=Lasting(), help="how long it leads there: 30m, 12h, 7d, 2w"),
    click.option("--note", default="", metavar="TEXT", help="whom it is for, or why: it is shown to them"),
    click.option(
        "--url", metavar="URL", default=lambda: SHARE_URL.value, help=f"where the console is; {SHARE_URL.name}"
    ),
    click.option("--direct", is_flag=True, help="links to the bucket itself, up to 7d, which nobody can revoke"),
    click.option("--list", "show", is_flag=True, help="the links that were made"),
    click.option("--revoke", metavar="ID", help="have a link lead nowhere from now on"),
    click.option("--clear", is_flag=True, help="forget the links that lead nowhere any more"),
)


@click.command(
    cls=Command,
    examples=[
        "image-assets share --for 7d --category owl",
        "image-assets share --list",
        "image-assets share --revoke 1f0c3a",
    ],
)
@dataset_option
@store_option
@_asked
@json_option
def share(dataset: str, store: str, asked: _Asked, *, as_json: bool) -> int:
    """A link to published shards, which ends by itself.

    It leads to just what is published now, by the console.
    """
    if asked.show:
        return _show(*to_look_at(dataset, store), as_json=as_json)
    if asked.revoke is not None:
        return _revoke(*to_write(dataset, store), asked.revoke, as_json=as_json)
    if asked.clear:
        return _clear(*to_write(dataset, store), as_json=as_json)
    if asked.direct:
        return _direct(*to_read(dataset, store), asked, as_json=as_json)
    return _make(*to_write(dataset, store), asked, as_json=as_json)


def address_of(url: str) -> str:
    """A URL that links begin with, without a slash at its end. Raises `UsageError` where it is none."""
    from image_assets.errors import UsageError

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise UsageError(f"{url!r} is no address of a console; expected one such as https://data.example.org")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"the address of a console for {parts.hostname} has a user or password in it: leave them out")
    return f"{parts.scheme}://{parts.netloc}"


def _make(dataset: DatasetSpec, store: Store, asked: _Asked, *, as_json: bool) -> int:
    import getpass

    from image_assets.shares.record import ShareBook

    assert asked.lasts is not None
    begins = address_of(asked.url)
    contents = _contents(dataset, store, asked)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        user = "somebody"
    made, token = ShareBook(store, dataset.name).make(contents, asked.lasts, user, asked.note)
    link = f"{begins}/share/{token}/"
    tell(
        {"dataset": dataset.name, "link": link, **made.as_json(made.created)},
        link,
        f"{len(made.files):,} files, {made.bytes:,} bytes, {made.rows:,} images, until {_moment(made.expires)} UTC",
        f"included: {made.marks}",
        f"it is shown this once; image-assets share --revoke {made.id} ends it before its time",
        as_json=as_json,
    )
    return 0


def _direct(dataset: DatasetSpec, store: Store, asked: _Asked, *, as_json: bool) -> int:
    from image_assets.errors import UsageError
    from image_assets.store.presigned import LONGEST, presigned

    assert asked.lasts is not None
    if store.local is not None:
        raise UsageError("--direct: only a bucket has links of its own, and this store is a folder; leave it out")
    if asked.lasts > LONGEST:
        raise UsageError(f"--direct: the signature of a bucket's link holds for {LONGEST.days} days at most")
    expires = (dt.datetime.now(dt.UTC) + asked.lasts).replace(microsecond=0)
    contents, objects = _contents(dataset, store, asked), store.objects(dataset.name)
    links = {one.path: presigned(objects, one.path, asked.lasts) for one in contents.files}
    files = [one.model_dump(include={"path", "bytes", "sha256"}) | {"url": links[one.path]} for one in contents.files]
    marks = contents.marks.model_dump(mode="json")
    tell(
        {"dataset": dataset.name, "expires": expires.isoformat(), "marks": marks, "files": files},
        *links.values(),
        as_json=as_json,
    )
    say(
        f"until {_moment(expires)} UTC; nobody can revoke these but by new keys of the bucket; included: "
        f"{contents.marks}",
        to_stderr=True,
    )
    return 0


def _contents(dataset: DatasetSpec, store: Store, asked: _Asked) -> Contents:
    from image_assets.shares.contents import contents_of

    return contents_of(dataset, store, asked.chosen)


def _show(dataset: DatasetSpec, store: Store, *, as_json: bool) -> int:
    from image_assets.shares.record import ShareBook

    shares, now = ShareBook(store, dataset.name).all(), dt.datetime.now(dt.UTC)
    if as_json:
        print_json({"dataset": dataset.name, "shares": [one.as_json(now) for one in shares]})
    elif shares:
        _print(shares, now)
    else:
        say(f"no links to shards of {dataset.name}; image-assets share --for 7d makes one")
    return 0


def _print(shares: list[Share], now: dt.datetime) -> None:
    table = plain_table("id", "", "made, UTC", "until, UTC", "by", "files", "bytes", "note", numbers=("files", "bytes"))
    for one in shares:
        when = _moment(one.created), _moment(one.revoked or one.expires)
        about = f"{len(one.files):,}", f"{one.bytes:,}", escape(printable_text(one.note))
        table.add_row(one.id, one.state(now), *when, escape(printable_text(one.by)), *about)
    print_table(table)


def _revoke(dataset: DatasetSpec, store: Store, beginning: str, *, as_json: bool) -> int:
    from image_assets.shares.record import ShareBook

    revoked = ShareBook(store, dataset.name).revoke(beginning)
    assert revoked.revoked is not None
    told = {"dataset": dataset.name, **revoked.as_json(dt.datetime.now(dt.UTC))}
    tell(told, f"{revoked.id} leads nowhere since {_moment(revoked.revoked)} UTC", as_json=as_json)
    return 0


def _clear(dataset: DatasetSpec, store: Store, *, as_json: bool) -> int:
    from image_assets.shares.record import ShareBook

    over, now = ShareBook(store, dataset.name).clear(), dt.datetime.now(dt.UTC)
    told = {"dataset": dataset.name, "cleared": [one.as_json(now) for one in over]}
    tell(told, f"{len(over):,} links that lead nowhere are forgotten", as_json=as_json)
    return 0


def _moment(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M}"
