"""`python -m benchmarks.downloads`: a list of URLs downloaded by this project and by img2dataset, side by side.

Both get the same list from a server on this machine, download as many at a time, and leave the files as they are, in a
folder; that they did is looked at, file by file. Whole processes are timed, start-up included, in interleaved rounds of
which the medians count. Memory is that of the process and its children together (proportional set size), every 50 ms.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import PHOTOS
from image_assets.reports.tables import show_table

ROOT = Path(__file__).resolve().parents[1]
GOAL = 1.0
AT_A_TIME = 64
DAY, CATEGORY = "2026-11-20", "photo"
OURS, PEER = "image-assets", "img2dataset"


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downloads", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--urls", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--role", choices=["serve", "fetch"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "serve":
        serve(options.folder)
    elif options.role == "fetch":
        fetch(options.folder, options.port)
    else:
        report(measure(options.photos, options.urls, options.rounds), options.json)


def report(found: dict[str, Any], path: Path | None) -> None:
    """Print the figures, and write them to a file where one is given."""
    table = Table("", "seconds", "images/s", "peak memory (MB)", title=f"{found['urls']:,} URLs, {AT_A_TIME} at a time")
    for name in (OURS, PEER):
        one = found[name]
        table.add_row(name, f"{one['seconds']:.1f}", f"{one['images/s']:.0f}", f"{one['peak MB']:.0f}")
    verdict = "reached" if found["ratio"] >= GOAL else "missed"
    console = Console()
    show_table(console, table)
    console.print(f"{found['ratio']:.2f} × {PEER}, goal ≥ {GOAL:g}: {verdict}; {found['memory']:.2f} of its memory")
    if path:
        path.write_text(json.dumps(found, indent=2), encoding="utf-8")


def measure(photos: Path, urls: int, rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of both; raises `RuntimeError` where a file is missing or differs."""
    runs: dict[str, list[tuple[float, float]]] = {OURS: [], PEER: []}
    with tempfile.TemporaryDirectory() as scratch, serving(served(photos, Path(scratch))) as port:
        addresses = [f"http://127.0.0.1:{port}/{number}.jpg" for number in range(urls)]
        expected = expected_sizes(Path(scratch) / "served", urls)
        for turn in range(rounds):
            for name in (OURS, PEER) if turn % 2 == 0 else (PEER, OURS):
                folder = Path(scratch) / f"{name}-{turn}"
                write_list(folder / "landing" / DAY / "list.csv", addresses)
                runs[name].append(timed(command(name, folder, port)))
                if (got := downloaded(name, folder)) != expected:
                    raise RuntimeError(f"{name}: {got.total()} files of {urls}, or others than were served")
                shutil.rmtree(folder)
    found: dict[str, Any] = {"urls": urls, "rounds": rounds}
    for name, times in runs.items():
        seconds = statistics.median(one for one, _ in times)
        peak = statistics.median(one for _, one in times)
        found[name] = {"seconds": seconds, "images/s": urls / seconds, "peak MB": peak, "all": times}
    found["ratio"] = found[PEER]["seconds"] / found[OURS]["seconds"]
    found["memory"] = found[OURS]["peak MB"] / found[PEER]["peak MB"]
    return found


def command(name: str, folder: Path, port: int) -> list[str]:
    """What downloads the list in `folder`."""
    if name == OURS:
        role = ["--role", "fetch", "--folder", str(folder), "--port", str(port)]
        return [sys.executable, "-m", "benchmarks.downloads", *role]
    processes = os.cpu_count() or 1
    settings = {
        "url_list": folder / "landing" / DAY / "list.csv",
        "input_format": "csv",
        "url_col": "url",
        "output_folder": folder / "out",
        "output_format": "files",
        "resize_mode": "no",
        "skip_reencode": True,
        "compute_hash": None,
        "processes_count": processes,
        "thread_count": AT_A_TIME // processes,
        "number_sample_per_shard": 1_000,
        "retries": 2,
        "timeout": 60,
        "enable_wandb": False,
    }
    program = ROOT / ".venv-img2dataset" / "bin" / "img2dataset"
    return [str(program), *(f"--{key}={value}" for key, value in settings.items())]


def fetch(folder: Path, port: int) -> None:
    """Our contestant: the source's `fetch`, as a run calls it."""
    from image_assets.ingest.registry import open_source
    from image_assets.settings.sources import UrlListSource
    from image_assets.settings.stages import Limits
    from image_assets.workers import no_progress

    spec = UrlListSource(
        kind="url_list",
        staging=str(folder / "staging"),
        ports=(port,),
        allow_addresses=("127.0.0.1/32",),
        concurrency=AT_A_TIME,
        per_host=AT_A_TIME,
        delay_seconds=0,
    )
    open_source(spec, str(folder / "landing"), limits=Limits()).fetch(dt.date.fromisoformat(DAY), CATEGORY, no_progress)


def timed(arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds that a process took, and the most memory it had together with its children, MB."""
    peak = 0.0
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=said, stderr=subprocess.STDOUT, cwd=ROOT)
        while process.poll() is None:
            peak = max(peak, sum(map(_proportional_kilobytes, _family(process.pid))) / 1e3)
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{arguments[0]} failed:\n{said.read().decode(errors='replace')[-3000:]}")
    return seconds, peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _proportional_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def write_list(path: Path, addresses: Sequence[str]) -> None:
    """A list of URLs under one category."""
    path.parent.mkdir(parents=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "category"])
        writer.writerows([address, CATEGORY] for address in addresses)


def downloaded(name: str, folder: Path) -> Counter[int]:
    """How many files of each size a contestant left."""
    if name == OURS:
        files = [path for path in (folder / "staging").rglob("*") if path.is_file()]
    else:
        files = list((folder / "out").rglob("*.jpg"))
    return Counter(path.stat().st_size for path in files)


def served(photos: Path, scratch: Path) -> Path:
    """A folder with the photos as `0.jpg`, `1.jpg` …; drawn ones where there are none."""
    folder = scratch / "served"
    folder.mkdir()
    paths = sorted(photos.rglob("*.jpg"))
    for number, path in enumerate(paths):
        shutil.copyfile(path, folder / f"{number}.jpg")
    if not paths:
        import numpy as np
        from PIL import Image

        for number in range(300):
            pixels = np.random.default_rng(number).integers(0, 256, (30, 45, 3), np.uint8)
            Image.fromarray(pixels).resize((300, 200)).save(folder / f"{number}.jpg")
    return folder


def expected_sizes(folder: Path, urls: int) -> Counter[int]:
    """How many files of each size there must be after `urls` downloads."""
    sizes = [(folder / f"{number}.jpg").stat().st_size for number in range(len(list(folder.iterdir())))]
    return Counter(sizes[number % len(sizes)] for number in range(urls))


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A server of the photos in a process of its own; its port."""
    arguments = [sys.executable, "-m", "benchmarks.downloads", "--role", "serve", "--folder", str(folder)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def serve(folder: Path) -> None:
    """Serve photo `n modulo their number` as `/n.jpg`, from memory; print the port first."""
    import socket

    from aiohttp import web

    photos = [(folder / f"{number}.jpg").read_bytes() for number in range(len(list(folder.iterdir())))]

    async def photo(request: web.Request) -> web.Response:
        return web.Response(body=photos[int(request.match_info["number"]) % len(photos)], content_type="image/jpeg")

    application = web.Application()
    application.router.add_get(r"/{number:\d+}.jpg", photo)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1_024)
    print(listening.getsockname()[1], flush=True)
    web.run_app(application, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main()
