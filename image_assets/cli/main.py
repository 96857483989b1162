"""The command `image-assets`: landing, running a day, looking at what is loaded and told, the demo."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from image_assets.cli.buckets import add_bucket_commands
from image_assets.cli.categories import add_categories_commands
from image_assets.cli.compare import add_compare_command
from image_assets.cli.migrate import add_migrate_command
from image_assets.cli.models import add_models_commands
from image_assets.cli.refusals import line_of
from image_assets.cli.runs import add_runs_commands
from image_assets.cli.status import run_status
from image_assets.environment import refuse_unknown
from image_assets.interrupts import terminated_as_interrupted

_BAD_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Exit status: 0 done, 1 a check or a run failed, 2 bad usage, input or places, 130 Ctrl-C, 143 SIGTERM.
    """
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    with terminated_as_interrupted() as interrupt:
        try:
            refuse_unknown()
            return command(options)
        except KeyboardInterrupt:
            _say("stopped; run the same command again to go on from here")
            return interrupt.status
        except BaseException as error:  # a panic of a library in Rust is no `Exception`
            said = line_of(error, options)
            if said is None:
                raise
            _say(f"[bold red]error:[/] {escape(said)}")
            return _BAD_USAGE


def _say(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="image-assets", description="A data platform for images, day by day.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="materialise a day and what depends on it")
    _add_places(run, landing=True)
    run.add_argument("--day", required=True, type=_day, help="day of arrival, for example 2026-11-20")
    run.add_argument("--category", action="append", default=[], help="only this category; may be repeated")
    run.add_argument("--until", metavar="ASSET", help="stop after this asset of the day, for example image_features")
    run.add_argument(
        "--allow-loss", action="store_true", help="let images go that were loaded and are no longer in the landing zone"
    )
    run.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    run.set_defaults(command=_run)

    land = commands.add_parser("land", help="bring files and nested folders into the landing zone")
    land.add_argument("--landing", required=True, metavar="URL", help="the landing zone")
    land.add_argument("--day", required=True, type=_day, help="day of arrival")
    land.add_argument("--category", required=True)
    land.add_argument("paths", nargs="+", metavar="PATH", help="file or folder")
    land.set_defaults(command=_land)

    _add_collect(commands.add_parser("collect", help="collect image URLs from gallery pages into a list"))

    status = commands.add_parser("status", help="what is loaded, how recent it is, what the checks say, what it takes")
    _add_places(status, landing=False)
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.add_argument("--landing", metavar="URL", help="the landing zone; default: that of the last run")
    status.add_argument("--all", action="store_true", help="every day and every check that did not pass")
    status.set_defaults(command=run_status)

    conflicts = commands.add_parser("conflicts", help="one picture under several categories: which, and which is right")
    actions = conflicts.add_subparsers(required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="the conflicts, open ones first")
    _add_places(shown, landing=False)
    shown.set_defaults(command=_list_conflicts)
    settle = actions.add_parser("settle", help="say which category is right")
    _add_places(settle, landing=False)
    settle.add_argument("conflict", metavar="ID", help="the conflict's id, or the beginning of it")
    right = settle.add_mutually_exclusive_group(required=True)
    right.add_argument("--category", action="append", default=[], help="is right; may be repeated where several are")
    right.add_argument("--none", action="store_true", help="none is: the pictures are kept nowhere")
    settle.add_argument("--reviewer", help="who decided; default: the name that you are logged in with")
    settle.set_defaults(command=_settle_conflict)
    alerts = commands.add_parser("alerts", help="who is told of failed checks and runs, and what was told")
    parts = alerts.add_subparsers(required=True, metavar="WHAT")
    test = parts.add_parser("test", help="send a test message to every channel of a dataset")
    test.add_argument("--dataset", required=True, metavar="FILE", help="dataset file, or the name of a bundled one")
    test.set_defaults(command=_alerts_test)
    told = parts.add_parser("list", help="the delivery ledger: what was told, and what still waits")
    told.add_argument("--pending", action="store_true", help="only what waits")
    told.add_argument("--json", action="store_true", help="print one JSON object")
    told.set_defaults(command=_alerts_list)
    accounting = commands.add_parser("accounting", help="what arrived per day and category, and what became of it")
    _add_places(accounting, landing=False)
    accounting.add_argument("--csv", metavar="FILE", type=Path, help="write it into this file too")
    accounting.set_defaults(command=_accounting)
    report = commands.add_parser(
        "report", help="what the images look like, or how good the model is: a page with plots"
    )
    _add_places(report, landing=False)
    report.add_argument(
        "--of", choices=("images", "model"), default="images", help="default images; model: as its training left it"
    )
    report.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="the page: one HTML file; of a model, .md is its card"
    )
    report.set_defaults(command=_report)

    add_bucket_commands(commands)
    add_categories_commands(commands)
    add_migrate_command(commands)
    add_models_commands(commands)
    add_compare_command(commands)
    add_runs_commands(commands)

    demo = commands.add_parser("demo", help="land a sample, or folders of your own, and run it")
    demo.add_argument("--root", default=".demo", type=Path, help="folder for everything that the demo makes")
    demo.add_argument("--images", type=Path, help="a folder with one folder per category, instead of the sample")
    demo.set_defaults(command=_demo)
    return parser


def _add_collect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pages", nargs="+", metavar="URL", help="a gallery page")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the list, a CSV file")
    parser.add_argument("--category", required=True, help="category of all images")
    parser.add_argument("--max-images", type=int, default=10_000, help="of a page; default 10000")
    parser.add_argument("--max-scrolls", type=int, default=1_000, help="screens of a page; default 1000")
    parser.add_argument("--max-seconds", type=float, default=300, help="for a page; default 300")
    parser.add_argument("--backgrounds", action="store_true", help="CSS backgrounds are images too")
    parser.add_argument("--no-sandbox", action="store_true", help="where the system forbids Chromium's sandbox")
    parser.set_defaults(command=_collect)


def _add_places(parser: argparse.ArgumentParser, *, landing: bool) -> None:
    parser.add_argument("--dataset", required=True, metavar="FILE", help="dataset file, or the name of a bundled one")
    if landing:
        parser.add_argument("--landing", required=True, metavar="URL", help="the landing zone")
    parser.add_argument("--store", required=True, metavar="URL", help="a folder or s3://bucket/prefix")


def _day(text: str) -> dt.date:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; expected one such as 2026-11-20") from None


def _run(options: argparse.Namespace) -> int:
    from image_assets.dataset import load_dataset
    from image_assets.orchestration.deployment import Deployment
    from image_assets.resources.progress import terminal_console

    # Bars and the summary go where they do not disturb the JSON.
    console = terminal_console(sys.stderr if options.json else sys.stdout)
    with Deployment(load_dataset(options.dataset), options.landing, options.store, console) as deployment:
        report = deployment.run(options.day, options.category, options.until, allow_loss=options.allow_loss)
        report.show(console)
        if options.json:
            print(json.dumps(report.as_json(), ensure_ascii=False))  # noqa: T201  # the product of the command
    return 0 if report.result.ok else 1


def _land(options: argparse.Namespace) -> int:
    from image_assets.ingest.landing import land
    from image_assets.resources.progress import TerminalProgress

    console = Console()
    with TerminalProgress(console).track(f"land {options.day} {options.category}", "files") as progress:
        report = land(options.paths, options.landing, options.day, options.category, progress)
    console.print(
        f"{report.copied:,} files landed ({report.bytes / 1e6:,.1f} MB), {report.already_there:,} were there already, "
        f"{report.ignored:,} ignored, {len(report.refused):,} refused",
        highlight=False,
    )
    for line in report.refused:
        console.print(f"  refused: {line}", markup=False, highlight=False)
    return 1 if report.refused else 0


def _collect(options: argparse.Namespace) -> int:
    from image_assets.scrape.collect import collect
    from image_assets.scrape.gallery import Caps

    console = Console()
    caps = Caps(options.max_images, options.max_scrolls, options.max_seconds)
    with console.status("opening the browser …") as status:
        report = collect(
            options.pages,
            options.category,
            options.out,
            caps,
            backgrounds=options.backgrounds,
            sandbox=not options.no_sandbox,
            progress=lambda images: status.update(f"{images:,} images"),
        )
    for note in report.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
    for line in report.failed:
        Console(stderr=True).print(f"failed: {line}", markup=False, highlight=False, soft_wrap=True)
    if len(report.failed) < len(options.pages):
        console.print(f"{report.images:,} image URLs in {options.out}", highlight=False, soft_wrap=True)
    return 1 if report.failed else 0


def _list_conflicts(options: argparse.Namespace) -> int:
    from image_assets.cli.summary import conflict_table
    from image_assets.dataset import load_dataset
    from image_assets.lookalikes.reviews import current_conflicts
    from image_assets.store.store import Store

    files = current_conflicts(load_dataset(options.dataset), Store.to_read(options.store))
    console = Console()
    if files.is_empty():
        console.print("no picture is under two categories")
    else:
        console.print(conflict_table(files))
    return 0


def _settle_conflict(options: argparse.Namespace) -> int:
    import getpass

    from image_assets.dataset import load_dataset
    from image_assets.lookalikes.reviews import Decision, settle
    from image_assets.store.store import Store

    decision = Decision(frozenset(options.category), options.reviewer or getpass.getuser())
    now = dt.datetime.now(dt.UTC)
    marks = settle(load_dataset(options.dataset), Store.to_write(options.store), options.conflict, decision, now)
    for image, category, belongs in marks.select("image_id", "category", "belongs").iter_rows():
        Console().print(f"{image[:12]} {'belongs' if belongs else 'does not belong'} under {category}", highlight=False)
    Console().print("it takes effect with the next run, which also publishes the partitions concerned anew")
    return 0


def _alerts_test(options: argparse.Namespace) -> int:
    from image_assets.cli.alerts import try_channels
    from image_assets.dataset import load_dataset

    return try_channels(load_dataset(options.dataset), Console())


def _alerts_list(options: argparse.Namespace) -> int:
    from image_assets.cli.alerts import list_alerts

    return list_alerts(Console(), pending=options.pending, as_json=options.json)


def _accounting(options: argparse.Namespace) -> int:
    from image_assets.dataset import load_dataset
    from image_assets.health.accounting import accounts_of
    from image_assets.health.accounting_report import show_accounts
    from image_assets.store.store import Store

    dataset = load_dataset(options.dataset)
    accounts = accounts_of(Store.to_read(options.store), dataset.name)
    if options.csv:
        accounts.wide().write_csv(options.csv)
    show_accounts(Console(), dataset.name, accounts)
    return 0 if accounts.unbalanced().is_empty() else 1


def _report(options: argparse.Namespace) -> int:
    if options.of == "model":
        return _report_of_model(options)
    from image_assets.dataset import load_dataset
    from image_assets.exploration.annotations import annotations_of
    from image_assets.exploration.report import make_report
    from image_assets.store.store import Store

    dataset, store = load_dataset(options.dataset), Store.to_read(options.store)
    report = make_report(dataset, store, annotations_of(dataset, store))
    options.out.write_text(report.html, encoding="utf-8")
    Console().print(
        f"{report.figures['images']:,} images: {options.out}", markup=False, highlight=False, soft_wrap=True
    )
    return 0


def _report_of_model(options: argparse.Namespace) -> int:
    from image_assets.classifier.report.places import newest_name, read_report
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store

    name = newest_name("md" if options.out.suffix == ".md" else "html")
    content = read_report(Store.to_read(options.store).objects(), load_dataset(options.dataset).name, name)
    options.out.write_bytes(content)
    Console().print(f"the newest model: {options.out}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from image_assets.demo import run_demo
    from image_assets.resources.progress import terminal_console

    return run_demo(options.root, options.images, terminal_console(sys.stdout))
