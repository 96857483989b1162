"""The command `image-assets remove`: images go for good, from everything that the platform keeps of them."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from image_assets.cli.options import HowToRun, Places, json_option, places_options, to_read
from image_assets.cli.printing import print_json, say
from image_assets.cli.running import refuse_while_running
from image_assets.cli.words import Command
from image_assets.errors import UsageError
from image_assets.terminal import terminal

if TYPE_CHECKING:
    from image_assets.health.day_result import DayResult
    from image_assets.removal.removal import Removal

_ID = re.compile(r"[0-9a-f]{64}")
_CONFIRMED = "remove"


@click.command(
    cls=Command,
    examples=[
        'image-assets remove "$IMAGE" --reason "request 17" --dry-run',
        'image-assets remove "$IMAGE" --reason "request 17" --yes',
    ],
    failed="something still holds it, or is to be done by somebody",
)
@click.argument("ids", nargs=-1, required=True, metavar="IMAGE...", help="ids of images, as tables have them")
@places_options
@click.option("--reason", required=True, metavar="TEXT", help="why; it is kept, so it names nobody")
@click.option("--dry-run", is_flag=True, help="only say what would go")
@click.option("--yes", is_flag=True, help="do not ask")
@json_option
def remove(ids: tuple[str, ...], places: Places, reason: str, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove images for good, from every table, shard, map, model, page and record; they do not come in again.

    What was made of them is made again without them, and models are trained anew. Refused while a run is in progress.
    Stopped, it goes on when it is given again. What lies in the landing zone stays there, and is named.
    """
    from image_assets.ingest.registry import source_of
    from image_assets.removal.removal import Removal
    from image_assets.store.store import Store

    for one in ids:
        if not _ID.fullmatch(one):
            raise UsageError(f"{one!r} is no id of an image; expected 64 hexadecimal digits, as tables have them")
    spec, opened = to_read(places.dataset, places.store)
    source = source_of(spec, places.landing)
    removal = Removal.of(spec, opened, ids, reason, dt.datetime.now(dt.UTC))
    told = _Told(removal, removal.landed(source), as_json=as_json)
    if dry_run:
        return told.plan()
    refuse_while_running(spec.name, places.store)
    _confirm(removal, yes=yes)
    removal = Removal(spec, Store.to_write(places.store), removal.tombstones)
    errors = [*_removed(removal, places, as_json=as_json)]
    removal = removal.after_training() if not errors else removal
    _forget_elsewhere(removal, places)
    return told.done(removal, removal.end(), errors)


class _Told:
    """What is said of a removal.

    Args:
        removal: As it was before.
        landed: The files that still arrive.
        as_json: Whether to a program.
    """

    def __init__(self, removal: Removal, landed: Sequence[str], *, as_json: bool) -> None:
        self._before, self._landed, self._as_json = removal, landed, as_json
        self._models = removal.models

    def plan(self) -> int:
        """What would go."""
        files = [f"would be removed: {one.source} ({one.partition})" for one in self._before.files]
        models = [f"would be trained anew: {one}" for one in self._models]
        return self._said([*files, *models, *self._arriving()], self._report(dry_run=True), done=True)

    def done(self, removal: Removal, left: Sequence[str], errors: Sequence[str]) -> int:
        """What has gone, and what has not."""
        name, champions = removal.dataset.name, removal.champions
        lines = [*errors, *(f"still holds it: {path}" for path in left)]
        for one in champions:
            folder, _, digits = one.partition("/")
            lines.append(
                f"{name}: the current model of {folder}, {digits}, was trained when the images were there, and the one "
                "without them did not come up to it; "
                + (
                    "`image-assets models list` shows both, `image-assets models promote` makes another the current "
                    "one, and then give this command again"
                    if folder == "classifier"
                    else "it goes when another comes up to it: then give this command again"
                )
            )
        well = not (left or errors or champions)
        if well:
            lines.append(f"{name}: {len(removal.ids):,} images are removed, and nothing of the dataset names them")
        if left or errors:
            lines.append("this is not finished: mend what is named and give the command again")
        if removal.store.local is None:
            lines.append("the bucket's own earlier versions and backups, if it keeps any, are not touched: see to them")
        figures = {"left": [*left], "errors": [*errors], "champions": champions}
        return self._said([*lines, *self._arriving()], {**self._report(dry_run=False), **figures}, done=well)

    def _arriving(self) -> Iterator[str]:
        for one in self._landed:
            yield f"still lies in the landing zone, delete it there: {one}"

    def _report(self, *, dry_run: bool) -> dict[str, Any]:
        files = [{**one.partition.as_json(), "source": one.source, "bytes": one.bytes} for one in self._before.files]
        return {
            "dataset": self._before.dataset.name,
            "dry_run": dry_run,
            "images": [*self._before.ids],
            "files": files,
            "models": self._models,
            "landed": [*self._landed],
            "left": [],
            "errors": [],
            "champions": [],
        }

    def _said(self, lines: Sequence[str], report: dict[str, Any], *, done: bool) -> int:
        if self._as_json:
            print_json(report)
        else:
            for line in lines:
                say(line)
        return 0 if done else 1


def _removed(removal: Removal, places: Places, *, as_json: bool) -> Iterator[str]:
    """Do what is to be done in the store; what went wrong with a run, in words."""
    from image_assets.categories.record import agree
    from image_assets.cli.deployment import Deployment
    from image_assets.resources.progress import terminal_console
    from image_assets.schema import IMAGE_FEATURES

    agree(removal.dataset, removal.store)
    console = terminal_console(sys.stderr if as_json else sys.stdout)
    with Deployment(removal.dataset, places.landing, places.store, console) as deployment:
        removal.begin()
        removal.take_out()
        for partition in removal.partitions:
            if partition.category in removal.dataset.categories:
                how = HowToRun(since=IMAGE_FEATURES.name, refresh=False)
                yield from _errors(deployment.run(partition.date, [partition.category], how).result)
        yield from _errors(deployment.refresh())


def _errors(result: DayResult) -> Iterator[str]:
    yield from result.errors


def _forget_elsewhere(removal: Removal, places: Places) -> None:
    """What this machine keeps beside the store, and what Dagster's records and the alerts say."""
    from image_assets.orchestration.dagster_home import existing_instance
    from image_assets.orchestration.partitions import partition_key
    from image_assets.removal.machine import forget_here
    from image_assets.resources.notifier import notifier_of_environment
    from image_assets.run_history.redact import INSTEAD, RedactError, Shown, redact

    sizes = {one.image_id: {file.bytes for file in one.unfinished or ()} for one in removal.tombstones}
    forget_here(removal.dataset, removal.store, places.landing, sizes)
    words = [*removal.sought.ids, *removal.sought.names]
    instance = existing_instance(places.store)
    if instance is None:
        return
    shown = Shown(removal.dataset.name, [str(partition_key(one)) for one in removal.partitions])
    try:
        redact(instance, words, shown)
        ledger = notifier_of_environment().ledger(instance)
        if ledger.path.exists():
            ledger.redact(words, INSTEAD)
    except RedactError as error:
        raise UsageError(str(error)) from error
    finally:
        instance.dispose()


def _confirm(removal: Removal, *, yes: bool) -> None:
    """Have a word typed. Raises `UsageError` where it is not."""
    if yes:
        return
    count = len(removal.ids)
    what = "this image" if count == 1 else f"{count:,} images"
    line = f"this removes {what} from everything of {removal.dataset.name}, for good; type {_CONFIRMED} to go on: "
    terminal(stderr=True).print(line, end="", highlight=False, soft_wrap=True)
    if sys.stdin.readline().strip() != _CONFIRMED:
        raise UsageError("that is not it; nothing was removed")
