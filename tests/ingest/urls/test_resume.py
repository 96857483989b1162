"""A download that is killed goes on from where it was; many downloads need no more memory than few."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from image_assets.workers import no_progress
from tests.ingest.urls.downloading import FIRST, Arrived
from tests.ingest.urls.web import Site, content, slow

URLS = 2_000
_CHILD = """
import json, sys
from pathlib import Path
from tests.ingest.urls.downloading import Arrived, FIRST
root, urls = Path(sys.argv[1]), json.loads(sys.stdin.read())
Arrived.of(root, urls, {"per_host": 20}).fetch()
"""


def test_a_killed_download_fetches_only_what_is_missing(site: Site, tmp_path: Path) -> None:
    site.fallback = lambda path: slow(content(path.encode()), 0.002) if path.startswith("/image/") else None
    urls = [site.url(f"/image/{i}" if i % 10 else f"/gone/{i}") for i in range(URLS)]
    child = _start(tmp_path, urls)
    end = time.monotonic() + 60
    while sum(site.requests.values()) < URLS // 2 and child.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert child.poll() is None, "the download was over before it could be killed"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()

    found = Arrived.of(tmp_path, urls, {"per_host": 20})
    settled = {
        url
        for url, file in zip(urls, found.files(), strict=True)
        if file.version  # content or a failure is here
    }
    assert URLS // 4 < len(settled) < URLS
    first = Counter(site.requests)
    site.requests.clear()
    found.source.fetch(FIRST, "cat", no_progress)
    missing = {url for url in urls if url not in settled}
    assert {site.url(path) for path in site.requests} == missing
    assert set(site.requests.values()) == {1}
    # What was asked for twice is only what was under way when the process died.
    assert len(set(first) & set(site.requests)) <= 2 * 20
    assert found.results() == [f"/image/{i}".encode() if i % 10 else "http_error" for i in range(URLS)]


def _start(root: Path, urls: list[str]) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(root)], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(json.dumps(urls).encode())
    child.stdin.close()
    return child


_MEASURED = """
import resource, sys
from pathlib import Path
from tests.ingest.urls.downloading import Arrived, FIRST
root, base, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
arrived = Arrived.of(root, [f"{base}/large?{i}" for i in range(count)], {"per_host": 8, "max_bytes": 10_000_000})
arrived.fetch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_what_is_downloaded(site: Site, tmp_path: Path) -> None:
    body = bytes(500_000)
    site.fallback = lambda _: content(body)
    peaks = [_peak_kilobytes(tmp_path / str(count), site, count) for count in (10, 210)]
    assert peaks[1] < peaks[0] + 40_000, peaks  # 100 MB more were downloaded


def _peak_kilobytes(root: Path, site: Site, count: int) -> int:
    command = [sys.executable, "-c", _MEASURED, str(root), site.url(""), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)
