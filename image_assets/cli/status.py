"""The command `image-assets status`: what is loaded, how recent it is, what wants somebody, what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from image_assets.cli.options import (
    dataset_option,
    json_option,
    landing_if_known_option,
    refuse_nothing,
    store_option,
    to_read,
)
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import Command
from image_assets.terminal import terminal

if TYPE_CHECKING:
    from image_assets.answers.status import Status
    from image_assets.model_assets import ModelAsset
    from image_assets.store.models.model_files import ModelManifest

_DAYS_SHOWN, _PARTITIONS_SHOWN = 7, 10
_DAMAGED = 2


@click.command(
    cls=Command,
    examples=["image-assets status", "image-assets status --all --json"],
    failed="nothing is loaded yet, a run or a check of severity ERROR has failed, or alerts are not delivered",
)
@dataset_option
@store_option
@json_option
@landing_if_known_option
@click.option("--all", "everything", is_flag=True, help="every day and every check that did not pass")
def status(dataset: str, store: str, landing: str | None, *, as_json: bool, everything: bool) -> int:
    """What is loaded, how recent it is, what the checks say, what it takes.

    The exit status is 0 where nothing of this has failed: warnings, days that are late or were not run, and
    acknowledgements do not change it. It is 2 where files of the store are missing or cut: what can be told without
    them is told.
    """
    from image_assets.orchestration.current_status import current_status

    spec, opened = to_read(dataset, store)
    refuse_nothing(spec, opened, may_be_new=True)
    now = current_status(spec, opened, landing)
    found = now.status
    if as_json:
        print_json(now.as_json())
    else:
        _show(store, found, everything=everything)
    for line in (*now.problems, *found.damaged):
        say(line, to_stderr=True)
    if found.damaged:
        return _DAMAGED
    return 0 if found.loaded and not (now.has_failed or now.waiting_alerts or now.alerts_unknown) else 1


def _said_of(asset: ModelAsset, model: ModelManifest) -> str:
    from image_assets.classifier.unseen import told_of_unseen, unseen_of

    which = f"{asset}, model {model.sha256[:12]}, of {model.data_day}"
    if asset == "classifier" or unseen_of(model) is not None:
        return f"{which}: {told_of_unseen(model)}"
    return f"{which}: accuracy {model.metrics['accuracy']:.1%} on {model.metrics['held_out']:.0f} held-out images."


def _show(store: str, found: Status, *, everything: bool) -> None:
    from image_assets.cli.summary import partition_table
    from image_assets.reports.health import show_health
    from image_assets.reports.tables import show_table

    console, loaded, health = terminal(), found.loaded, found.health
    if not loaded:
        say(f"nothing is loaded of {health.dataset} in {store}")
        if not (health.open_days or health.misnamed or health.beside_days or health.never_run.days):
            return
    show_health(console, health, everything=everything)
    for line in found.other_features.lines if found.other_features else ():
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for asset, model in found.models.items():
        if model is not None:
            console.print(_said_of(asset, model), highlight=False, markup=False)
    if loaded:
        days = sorted({one.partition.date for one in loaded})
        shown = loaded if everything else [one for one in loaded if one.partition.date in days[-_DAYS_SHOWN:]]
        many = not everything and len(shown) > _PARTITIONS_SHOWN
        title = f"the last {_DAYS_SHOWN} of {len(days)} days (--all shows all)" if len(shown) < len(loaded) else None
        if many and title is None:
            title = "by day (--all shows categories)"
        show_table(console, partition_table(shown, title, by_day=many))
