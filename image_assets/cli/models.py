"""The command `image-assets models`: which models there are, which one is current, and taking them elsewhere."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from image_assets.classifier.promotion.by_hand import KeptModel
    from image_assets.dataset import DatasetSpec
    from image_assets.store.models.model_champion import Champion


def add_models_commands(commands: Any) -> None:
    """Add `models list|show|promote|rollback|export` to the subparsers of a command line."""
    models = commands.add_parser("models", help="the models of a dataset: which is current, and why")
    actions = models.add_subparsers(required=True, metavar="ACTION")
    listed = _action(actions, "list", "the models that are kept, and what was decided about them", _list)
    listed.add_argument("--history", action="store_true", help="every decision, also on models that are gone")
    listed.add_argument("--json", action="store_true", help="print one JSON object")
    show = _action(actions, "show", "everything that is known of one model", _show)
    _add_model(show)
    show.add_argument("--json", action="store_true", help="print one JSON object")
    promote = _action(actions, "promote", "make a model the current one", _promote)
    promote.add_argument("model", metavar="DIGEST", help="the model's digest, or the beginning of it")
    _action(actions, "rollback", "go back to the model before the current one", _rollback)
    export = _action(actions, "export", "write a model into a file", _export)
    _add_model(export)
    form = export.add_mutually_exclusive_group(required=True)
    form.add_argument("--onnx", metavar="FILE", type=Path, help="for ONNX runtimes, where it gives the same answers")
    form.add_argument("--skops", metavar="FILE", type=Path, help="for scikit-learn, byte by byte as it is kept")


def _action(actions: Any, name: str, does: str, command: Any) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=does)
    parser.add_argument("--dataset", required=True, metavar="FILE", help="dataset file, or the name of a bundled one")
    parser.add_argument("--store", required=True, metavar="URL", help="a folder or s3://bucket/prefix")
    parser.set_defaults(command=command)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    says = "the model's digest, or the beginning of it; default: the current one"
    parser.add_argument("model", metavar="DIGEST", nargs="?", default="champion", help=says)


def _place(options: argparse.Namespace, *, writing: bool = False) -> tuple[DatasetSpec, ObjectStore, str]:
    from image_assets.classifier.assets import classifier_prefix
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store

    dataset = load_dataset(options.dataset)
    store = Store.to_write(options.store) if writing else Store.to_read(options.store)
    return dataset, store.objects(), classifier_prefix(dataset)


def _list(options: argparse.Namespace) -> int:
    from image_assets.classifier.promotion.by_hand import kept_models
    from image_assets.store.models.model_history import read_history

    _, objects, prefix = _place(options)
    models, history = kept_models(objects, prefix), read_history(objects, prefix)
    if options.json:
        report: dict[str, Any] = {"models": [_as_json(one) for one in models]}
        if options.history:
            report["history"] = [one.model_dump(mode="json") for one in history]
        _print_json(report)
        return 0
    console = Console()
    table = _table("model", "", "data until", "accuracy", "macro F1", "kind", "decision")
    for one in models:
        figures = [_figure(one, name) for name in ("accuracy", "macro_f1")]
        day = str(one.manifest.data_day) if one.manifest else "–"
        said = one.decision.reason if one.decision else ""
        kind = one.manifest.kind if one.manifest else escape(f"unreadable: {one.problem}")
        style = "bold" if one.role == "champion" else None
        table.add_row(one.digits, one.role, day, *figures, kind, said, style=style)
    console.print(table)
    if options.history:
        decided = _table("day", "model", "promoted", "reason", "images", "accuracy", "champion's", "p")
        for one in history:
            p_value = "" if one.p_value is None else f"{one.p_value:.3g}"
            decided.add_row(
                str(one.data_day),
                one.challenger[:12],
                "yes" if one.promoted else "no",
                one.reason,
                f"{one.images:,}" if one.images else "",
                _share(one.challenger_accuracy),
                _share(one.champion_accuracy),
                p_value,
            )
        console.print(decided)
    return 0


def _show(options: argparse.Namespace) -> int:
    from image_assets.classifier.promotion.by_hand import find_model, kept_models

    _, objects, prefix = _place(options)
    digits = find_model(objects, prefix, options.model)
    (found,) = (one for one in kept_models(objects, prefix) if one.digits == digits)
    if options.json:
        _print_json(_as_json(found))
        return 0
    console, manifest, decision = Console(), found.manifest, found.decision
    console.print(f"[bold]{digits}[/] {found.role}", highlight=False)
    if manifest is None:
        console.print(f"unreadable: {escape(found.problem)}", highlight=False, soft_wrap=True)
        return 1
    days = sorted({day for day, _ in manifest.partitions})
    lines = {
        "kind": manifest.candidate or manifest.kind,
        "classes": ", ".join(f"{name} = {label}" for name, label in manifest.classes.items()),
        "extractor": f"{manifest.extractor} {manifest.extractor_digest[:12]}, {manifest.feature_width:,} features",
        "data": f"{days[0]} to {days[-1]}, {len(manifest.partitions):,} partitions" if days else "–",
        "sha256": manifest.sha256,
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
        **{name: _text(value) for name, value in manifest.metrics.items()},
        "decision": f"{decision.reason}: {decision.explanation}" if decision else "none is recorded",
    }
    for name, text in lines.items():
        console.print(f"  {name:<20} {text}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _promote(options: argparse.Namespace) -> int:
    from image_assets.classifier.promotion.by_hand import promote

    dataset, objects, prefix = _place(options, writing=True)
    digest = _extractor_digest(dataset)
    now = dt.datetime.now(dt.UTC)
    _say(promote(objects, prefix, options.model, digest, dataset.categories, now))
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from image_assets.classifier.promotion.by_hand import rollback

    dataset, objects, prefix = _place(options, writing=True)
    digest = _extractor_digest(dataset)
    _say(rollback(objects, prefix, digest, dataset.categories, dt.datetime.now(dt.UTC)))
    return 0


def _say(champion: Champion) -> None:
    Console().print(
        f"{champion.sha256[:12]} is the champion now, in the place of {(champion.replaced or 'none')[:12]}"
        if champion.reason == "by hand"
        else f"{champion.sha256[:12]} is the champion again; {champion.withdrawn[-1][:12]} is not promoted by itself",
        highlight=False,
        soft_wrap=True,
    )


def _export(options: argparse.Namespace) -> int:
    from image_assets.classifier.promotion.by_hand import find_model
    from image_assets.store.models.model_files import load_model_of, model_content

    dataset, objects, prefix = _place(options)
    model, manifest = load_model_of(objects, prefix, find_model(objects, prefix, options.model))
    if options.skops:
        options.skops.write_bytes(model_content(objects, prefix, manifest))
        said = f"{manifest.file} of {manifest.dataset}: {options.skops}"
    else:
        from image_assets.classifier.export.onnx_export import export_onnx
        from image_assets.classifier.export.probes import probes
        from image_assets.store.store import Store

        rows = probes(dataset, Store.to_read(options.store), model, manifest)
        exported = export_onnx(model, manifest, rows.features)
        options.onnx.write_bytes(exported.content)
        said = (
            f"{manifest.file} of {manifest.dataset}: {options.onnx}, {len(exported.content):,} bytes; probabilities "
            f"differ by at most {exported.difference:.1e} on {len(rows.features):,} {rows.origin}"
        )
    Console().print(said, markup=False, highlight=False, soft_wrap=True)
    return 0


def _extractor_digest(dataset: DatasetSpec) -> str:
    from image_assets.resources.extractors import ExtractorResource

    return ExtractorResource().extractor(dataset).digest


def _as_json(one: KeptModel) -> dict[str, Any]:
    return {
        "model": one.digits,
        "role": one.role,
        "problem": one.problem,
        "manifest": one.manifest.model_dump(mode="json") if one.manifest else None,
        "decision": one.decision.model_dump(mode="json") if one.decision else None,
    }


def _print_json(report: dict[str, Any]) -> None:
    print(json.dumps(report, ensure_ascii=False))  # noqa: T201  # the product of the command


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=name != "kind")
    return table


def _figure(one: KeptModel, name: str) -> str:
    value = one.manifest.metrics.get(name) if one.manifest else None
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
