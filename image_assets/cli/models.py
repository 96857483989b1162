"""The command `image-assets models`: which models there are, which one is current, and taking them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from image_assets.cli.options import (
    FILE,
    dataset_option,
    json_option,
    model_option,
    store_option,
    to_look_at,
    to_read,
    to_write,
    together,
)
from image_assets.cli.printing import check_writable, print_json, print_table, say, tell, write
from image_assets.cli.words import CommandGroup, exactly_one
from image_assets.model_assets import MODEL_ASSETS
from image_assets.reports.tables import plain_table
from image_assets.terminal import terminal

if TYPE_CHECKING:
    from image_assets.classifier.promotion.by_hand import KeptModel
    from image_assets.dataset import DatasetSpec
    from image_assets.model_assets import ModelAsset
    from image_assets.networks.export.files import Kind
    from image_assets.store.models.model import Model
    from image_assets.store.models.model_files import ModelManifest
    from image_assets.store.models.model_history import Decision
    from image_assets.store.store import Store

_DIGEST = "the model's digest, or the beginning of it"
_digest_argument = click.argument("digest", default="champion", help=f"{_DIGEST}; default: the current one")


@click.group(cls=CommandGroup)
def models() -> None:
    """The models of a dataset: which is current, and why."""


@models.command("list", examples=["image-assets models list --history"])
@dataset_option
@store_option
@click.option("--model", "asset", metavar="ASSET", type=click.Choice(MODEL_ASSETS), help="only this asset's")
@click.option("--history", "with_history", is_flag=True, help="every decision, also on models that are gone")
@json_option
def show_all(dataset: str, store: str, asset: ModelAsset | None, *, with_history: bool, as_json: bool) -> int:
    """The models that are kept, and what was decided about them."""
    from image_assets.answers.models import all_models, models_as_json, models_of

    places = to_look_at(dataset, store)
    found = (models_of(*places, asset),) if asset else all_models(*places)
    if as_json:
        print_json(models_as_json(found, with_history=with_history))
        return 0
    for one in found:
        if len(places[0].model_assets) > 1:
            say(one.asset)
        print_table(_table_of_models(one.models))
        if with_history:
            print_table(_table_of_decisions(one.history))
    return 0


@models.command(
    examples=["image-assets models show", "image-assets models show 1f0c3a --json"], failed="the model cannot be read"
)
@dataset_option
@store_option
@_digest_argument
@model_option
@json_option
def show(dataset: str, store: str, digest: str, asset: ModelAsset | None, *, as_json: bool) -> int:
    """Everything that is known of one model."""
    from image_assets.answers.models import model_of
    from image_assets.classifier.unseen import told_of_unseen

    found = model_of(*to_read(dataset, store), digest, asset)
    if as_json:
        print_json(found.as_json())
        return 0
    manifest, decision = found.manifest, found.decision
    terminal().print(f"[bold]{found.digits}[/] {found.role}", highlight=False)
    if manifest is None:
        say(f"unreadable: {found.problem}")
        return 1
    days = sorted({day for day, _ in manifest.partitions})
    is_network = found.asset == "cnn_classifier"
    given = "numbers of a picture" if is_network else "features"
    lines = {
        "kind": manifest.candidate or manifest.kind,
        "classes": ", ".join(f"{name} = {label}" for name, label in manifest.classes.items()),
        "given" if is_network else "extractor": (
            f"{manifest.extractor} {manifest.extractor_digest[:12]}, {manifest.feature_width:,} {given}"
        ),
        "data": f"{days[0]} to {days[-1]}, {len(manifest.partitions):,} partitions" if days else "–",
        "sha256": manifest.sha256,
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
        **{name: _text(value) for name, value in manifest.metrics.items() if not isinstance(value, dict | list)},
        "unseen sources": told_of_unseen(manifest),
        "decision": _said_of(decision) if decision else "none is recorded",
    }
    for name, text in lines.items():
        say(f"  {name:<20} {text}")
    if manifest.metrics.get("confusion"):
        print_table(_table_of_classes(manifest.metrics))
    return 0


@models.command(examples=["image-assets models promote 1f0c3a"])
@dataset_option
@store_option
@click.argument("digest", help=_DIGEST)
@model_option
@json_option
def promote(dataset: str, store: str, digest: str, asset: ModelAsset | None, *, as_json: bool) -> int:
    """Make a model the current one of its asset."""
    from image_assets.predictions.choosing import located
    from image_assets.predictions.choosing import promote as promoted

    spec, opened = to_write(dataset, store)
    found, digits = located(spec, opened, digest, asset)
    champion = promoted(spec, opened, found, digits)
    said = f"{champion.sha256[:12]} is the champion now, in the place of {(champion.replaced or 'none')[:12]}"
    tell({"asset": found, **champion.model_dump(mode="json")}, said, as_json=as_json)
    return 0


@models.command(examples=["image-assets models rollback"])
@dataset_option
@store_option
@model_option
@json_option
def rollback(dataset: str, store: str, asset: ModelAsset | None, *, as_json: bool) -> int:
    """Go back to the model before the current one."""
    from image_assets.predictions.choosing import go_back

    spec, opened = to_write(dataset, store)
    whose = asset or spec.predictions.model
    champion = go_back(spec, opened, whose)
    said = f"{champion.sha256[:12]} is the champion again; {champion.withdrawn[-1][:12]} is not promoted by itself"
    tell({"asset": whose, **champion.model_dump(mode="json")}, said, as_json=as_json)
    return 0


@dataclass(frozen=True)
class _Wanted:
    """The file that a model is to be written into."""

    onnx: Path | None
    skops: Path | None
    keras: Path | None

    def __post_init__(self) -> None:
        exactly_one(onnx=self.onnx, skops=self.skops, keras=self.keras)

    @property
    def file(self) -> Path:
        """Where."""
        return next(one for one in (self.onnx, self.skops, self.keras) if one)

    @property
    def only_of(self) -> ModelAsset | None:
        """Whose models such a file can be of; None: any."""
        return None if self.onnx else "classifier" if self.skops else "cnn_classifier"


_wanted = together(
    "wanted",
    _Wanted,
    click.option("--onnx", metavar="FILE", type=FILE, help="for ONNX runtimes, where it gives the same answers"),
    click.option("--skops", metavar="FILE", type=FILE, help="a classifier for scikit-learn, as it is kept"),
    click.option("--keras", metavar="FILE", type=FILE, help="a network for Keras, where it gives the same answers"),
)


@models.command(
    examples=[
        "image-assets models export --onnx model.onnx",
        "image-assets models export --model cnn_classifier --onnx network.onnx",
    ]
)
@dataset_option
@store_option
@_digest_argument
@model_option
@_wanted
@json_option
def export(dataset: str, store: str, digest: str, asset: ModelAsset | None, wanted: _Wanted, *, as_json: bool) -> int:
    """Write a model into a file for elsewhere."""
    from image_assets.classifier.places import models_prefix
    from image_assets.predictions.choosing import located
    from image_assets.store.models.model_files import load_model_of

    check_writable(wanted.file)
    spec, opened = to_read(dataset, store)
    usual = wanted.only_of if digest == "champion" else None
    found, digits = located(spec, opened, digest, asset or usual)
    if wanted.only_of not in (None, found):
        other = "--keras" if found == "cnn_classifier" else "--skops"
        raise click.UsageError(f"{digits} is of {found}: give --onnx or {other}", click.get_current_context())
    loaded, manifest = load_model_of(opened.objects(), models_prefix(spec, found), digits)
    if found == "cnn_classifier":
        content, compared = _network_for_others(spec, opened, loaded, manifest, "onnx" if wanted.onnx else "keras")
    else:
        content, compared = _classifier_for_others(spec, opened, loaded, manifest, as_onnx=wanted.onnx is not None)
    write(wanted.file, content)
    said = f"{manifest.file} of {manifest.dataset}: {wanted.file}, {len(content):,} bytes; {compared}"
    tell({"model": manifest.sha256, "dataset": manifest.dataset, "file": str(wanted.file)}, said, as_json=as_json)
    return 0


def _classifier_for_others(
    spec: DatasetSpec, store: Store, model: Model, manifest: ModelManifest, *, as_onnx: bool
) -> tuple[bytes, str]:
    from image_assets.classifier.export.onnx_export import export_onnx
    from image_assets.classifier.export.probes import probes
    from image_assets.classifier.places import classifier_prefix
    from image_assets.store.models.model_files import model_content

    if not as_onnx:
        return model_content(store.objects(), classifier_prefix(spec), manifest), "as it is kept"
    rows = probes(spec, store, model, manifest)
    exported = export_onnx(model, manifest, rows.features, spec.classifier)
    far = f"probabilities differ by at most {exported.difference:.1e} on {len(rows.features):,} {rows.origin}"
    return exported.content, far


def _network_for_others(
    spec: DatasetSpec, store: Store, model: Model, manifest: ModelManifest, kind: Kind
) -> tuple[bytes, str]:
    from image_assets.networks.export.files import export_network
    from image_assets.networks.export.pictures import picture_probes
    from image_assets.store.models.network_model import NetworkModel

    assert isinstance(model, NetworkModel)
    probes = picture_probes(spec, store, model, manifest)
    exported = export_network(model, manifest, kind, probes.pictures, spec.classifier)
    return exported.content, f"{exported}, on {exported.pictures:,} {probes.origin}"


def _table_of_models(kept: Sequence[KeptModel]) -> Table:
    from image_assets.classifier.unseen import short_unseen, unseen_of

    table = plain_table("model", "", "data until", "accuracy", "macro F1", "unseen sources", "kind", "decision")
    for one in kept:
        figures = [_figure(one, name) for name in ("accuracy", "macro_f1")]
        figures.append(short_unseen(unseen_of(one.manifest)) if one.manifest else "–")
        day = str(one.manifest.data_day) if one.manifest else "–"
        said = one.decision.reason if one.decision else ""
        kind = one.manifest.kind if one.manifest else escape(f"unreadable: {one.problem}")
        style = "bold" if one.role == "champion" else None
        table.add_row(one.digits, one.role, day, *figures, kind, said, style=style)
    return table


def _table_of_decisions(history: Sequence[Decision]) -> Table:
    table = plain_table("day", "model", "promoted", "reason", "images", "accuracy", "champion's", "p")
    for one in history:
        table.add_row(
            str(one.data_day),
            one.challenger[:12],
            "yes" if one.promoted else "no",
            one.reason,
            f"{one.images:,}" if one.images else "",
            _share(one.challenger_accuracy),
            _share(one.champion_accuracy),
            "" if one.p_value is None else f"{one.p_value:.3g}",
        )
    return table


def _table_of_classes(metrics: Mapping[str, Any]) -> Table:
    """How the held-out images of each class were answered: the row is what they are."""
    classes = metrics["per_class"]
    answers = [f"as {one['name']}" for one in classes]
    figures = ("precision", "recall", "f1")
    table = plain_table("class", *figures, "images", *answers, numbers=(*figures, "images", *answers))
    for one, row in zip(classes, metrics["confusion"], strict=True):
        named = (escape(one["name"]), *(_text(one[name]) for name in figures))
        table.add_row(*named, f"{one['support']:,}", *(f"{number:,}" for number in row))
    return table


def _said_of(decision: Decision) -> str:
    said, why = decision.reason, decision.explanation
    return why if why.startswith(f"{said}:") else f"{said}: {why}"


def _figure(one: KeptModel, name: str) -> str:
    value = one.manifest.metrics.get(name) if one.manifest else None
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
