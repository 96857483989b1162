"""`python -m benchmarks.service`: throughput and latency beside a peer, then bad requests, then attacks."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import PHOTOS, prepare
from benchmarks.service.asking import Asked, ask, resident_bytes
from benchmarks.service.attacks import Target, attacked, told
from benchmarks.service.questions import Question, in_form, questions, raw
from benchmarks.service.serving import NETWORKS, Place, Served, project
from image_assets.reports.tables import show_table

_WORK = Path(".benchmarks")
_CONNECTIONS = 16
_BODY_BYTES = 64 * 1024 * 1024
_OURS = ("image_assets.cli", "console", "--port", "0", "--json")


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folders of JPEG files, one for each category")
    parser.add_argument("--network", choices=NETWORKS, default="mobilenet")
    parser.add_argument("--questions", type=int, default=2_000, help="beside the peer, in each of the rounds")
    parser.add_argument("--rounds", type=int, default=2, help="of both, one after the other")
    parser.add_argument(
        "--mixed", type=int, default=10_000, help="questions of which some are bad; 0: none, and no attacks"
    )
    parser.add_argument("--attacks", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    inputs = prepare(options.photos, 300, _WORK)
    photos = [path.read_bytes() for path in sorted(options.photos.rglob("*.jpg"))]
    network = NETWORKS[options.network](inputs)
    place = project(_WORK / f"service-{options.network}", options.photos, inputs, network)
    found: dict[str, Any] = {"network": options.network, "beside": _beside(place, photos, options)}
    if options.mixed:
        found |= _alone(place, photos, options)
    _print(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _beside(place: Place, photos: Sequence[bytes], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Both services, each alone on the machine, round by round; every photo as a form."""
    peer = ["benchmarks.service.peer", "--dataset", "dataset.yaml", "--store", "store"]
    peer += ["--module", str(place.network.module), "--side", str(place.network.side)]
    contestants = {"console": _OURS, "FastAPI and SavedModel": peer}
    forms = [in_form(photo) for photo in photos]
    rows: list[dict[str, Any]] = []
    for number in range(options.rounds):
        for name, words in contestants.items():
            with place.served(*words) as service:
                ask(service.url, forms[:200], _CONNECTIONS, service.pid)
                for connections in (1, _CONNECTIONS):
                    some = [
                        forms[one % len(forms)] for one in range(options.questions // (1 if connections > 1 else 4))
                    ]
                    came = ask(service.url, some, connections, service.pid)
                    memory = resident_bytes(service.pid)
                    rows.append({"service": name, "round": number, "connections": connections, **_told(came, memory)})
    return rows


def _alone(place: Place, photos: Sequence[bytes], options: argparse.Namespace) -> dict[str, Any]:
    """The console alone: bad questions among good ones, and attacks while others ask."""
    mixed, healthy = questions(photos, options.mixed, 1), [raw(photo) for photo in photos]
    with place.served(*_OURS) as service:
        ask(service.url, mixed[: options.mixed // 10], _CONNECTIONS, service.pid)
        before = resident_bytes(service.pid)
        came = ask(service.url, mixed, _CONNECTIONS, service.pid)
        after = resident_bytes(service.pid)
        growth = {"bytes_before": before, "bytes_after": after, "growth": after / before - 1}
        calm = ask(service.url, healthy, 4, service.pid)
        under = _attacked(service, healthy, options.attacks)
    return {"mixed": {**_told(came, after), **growth}, "calm": _told(calm, after), **under}


def _attacked(service: Served, healthy: Sequence[Question], number: int) -> dict[str, Any]:
    target = Target(service.url, _BODY_BYTES, 0.5)
    # Attackers have machines of their own: they share neither a loop nor, where it is wanted, a core with the others.
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=os.nice, initargs=(19,)) as elsewhere:
        began = elsewhere.submit(attacked, target, number, 64, 2)
        came = [ask(service.url, healthy, 4, service.pid)]
        while not began.done():
            came.append(ask(service.url, healthy, 4, service.pid))
        found = began.result()
    kinds = {f"{kind} {status}": times for (kind, status), times in sorted(told(found).items())}
    wrong = sum(not one.is_refused for one in found)
    return {
        "attacks": kinds,
        "not_refused": wrong,
        "attacked": [_told(one, resident_bytes(service.pid)) for one in came],
    }


def _told(came: Asked, memory: int) -> dict[str, Any]:
    return {
        "answers": len(came.seconds),
        "per_second": came.per_second,
        "p50_ms": came.percentile(0.5),
        "p99_ms": came.percentile(0.99),
        "processor_ms": came.processor / max(len(came.seconds), 1) * 1_000,
        "statuses": dict(sorted(came.statuses.items())),
        "wrong": {f"{kind} {status}": times for (kind, status), times in came.wrong.items()},
        "bytes": memory,
    }


def _print(found: dict[str, Any]) -> None:
    console = Console()
    table = Table("service", "at a time", "answers/s", "p50, ms", "p99, ms", "processor, ms each", "statuses")
    rows = [*found["beside"]]
    if "mixed" in found:
        rows.append({"service": "console, 5 % bad", "connections": _CONNECTIONS, **found["mixed"]})
        rows.append({"service": "console, calm", "connections": 4, **found["calm"]})
        rows += [{"service": "console, attacked", "connections": 4, **one} for one in found["attacked"]]
    for one in rows:
        figures = [f"{one[name]:,.1f}" for name in ("per_second", "p50_ms", "p99_ms", "processor_ms")]
        table.add_row(one["service"], str(one["connections"]), *figures, str(one["statuses"]))
    show_table(console, table)
    if "mixed" in found:
        growth, wrong = found["mixed"]["growth"], found["mixed"]["wrong"]
        console.print(f"memory over the questions with bad ones: {growth:+.1%}; wrong: {wrong}")
        console.print(f"attacks: {found['attacks']}; not refused: {found['not_refused']}")


if __name__ == "__main__":
    main()
