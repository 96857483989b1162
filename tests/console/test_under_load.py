"""The console that is really started, under many requests of which some are bad, and under uploads that mean harm."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from benchmarks.service.asking import ask, asked, resident_bytes
from benchmarks.service.attacks import Attack, Target, attacks, told
from benchmarks.service.questions import BAD_SHARE, Question, questions
from benchmarks.service.serving import Served
from tests.console.served import bounds, served, settings_of
from tests.pictures import picture
from tests.platform import Platform

IMAGES = [picture(kind, seed) for kind in range(3) for seed in range(100, 104)]
CONNECTIONS = 16


@pytest.fixture
def program(loaded_platform: Platform, tmp_path: Path) -> Iterator[Served]:
    """`image-assets console`, as somebody starts it."""
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    words = ["console", "--port", "0", "--json", "--dataset", "drawn.yaml", "--landing", str(loaded_platform.landing)]
    words += ["--store", str(loaded_platform.root / "store")]
    with subprocess.Popen(
        [sys.executable, "-m", "image_assets.cli", *words],
        cwd=tmp_path,
        env={**os.environ, "IMAGE_ASSETS_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            while httpx.get(f"{url}/readyz", trust_env=False, timeout=60).status_code != 200:
                pass
            yield Served(f"{url}/v1/classify", process.pid)
        finally:  # it would be waited for without end
            process.terminate()
        _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors


@pytest.mark.long
def test_bad_requests_among_good_ones_cost_nobody_an_answer_and_no_memory(program: Served) -> None:
    mixed = questions(IMAGES, 1_000, seed=7, bad_share=BAD_SHARE * 3)
    assert {one.status for one in mixed} == {200, 400, 413, 415, 422}
    ask(program.url, mixed[:300], CONNECTIONS, program.pid)
    before = resident_bytes(program.pid)
    came = ask(program.url, mixed, CONNECTIONS, program.pid)
    assert not came.wrong
    assert len(came.seconds) == len(mixed)
    assert resident_bytes(program.pid) < before * 1.05


# Fewer may be worked on than attack: what only arrives is not in work.
FEW = bounds(requests=8, body_bytes=2**20, held_bytes=4 * 2**20, seconds=1.5)


def test_who_sends_too_much_or_too_slowly_is_refused_and_others_are_answered(loaded_platform: Platform) -> None:
    with served(settings_of(loaded_platform, bounds=FEW)) as console:
        found, answered, wrong = asyncio.run(_attacked(f"{console.base_url}/v1/classify"))
        assert console.get("/healthz").status_code == 200
    assert len(found) == 48
    assert all(one.is_refused for one in found), told(found)
    assert {one.kind for one in found if one.status == 408} - {"in chunks"} == {"slow"}
    assert answered
    assert not wrong


async def _attacked(url: str) -> tuple[list[Attack], int, Counter[tuple[str, int]]]:
    """What came of the attacks; how many others were answered meanwhile, and how otherwise than they should be."""
    began = asyncio.create_task(attacks(Target(url, FEW.body_bytes, 0.2), 48, 48, seed=3))
    healthy = [Question("raw", {"content-type": "image/png"}, image, 200) for image in IMAGES]
    answered, wrong = 0, Counter[tuple[str, int]]()
    while not began.done():
        came = await asked(url, healthy, 2, os.getpid())
        answered += came.statuses[200]
        wrong += came.wrong
    return await began, answered, wrong
