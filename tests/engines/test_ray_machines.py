"""Units on a Ray cluster of machines with addresses of their own, of which one cannot be reached any more.

On one loopback, as in `test_ray_engine`, a machine can only be killed, which its neighbours are told of at once. Here
the cable is pulled: nobody says anything, and the machine works on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from image_assets.engines.engine import LocalEngine
from image_assets.schema import IMAGE_FEATURES
from tests.engines.machines import Begun, Network, network, why_there_is_none
from tests.engines.on_machines import (
    CUT,
    PICTURES,
    UNIT_FILES,
    begun_at,
    load_and_extract,
    platform_at,
    small_units,
)

pytestmark = pytest.mark.long
_DRIVER = "from tests.engines.on_machines import main; import sys; main(*sys.argv[1:])"


@pytest.fixture(scope="module", autouse=True)
def _networks_can_be_made() -> None:
    if why := why_there_is_none():
        pytest.skip(why)


@pytest.fixture(scope="module")
def machines() -> Iterator[Network]:
    """A head without cores and two machines with one each, of which a test may cut off one."""
    with network("head", "one", "two") as net:
        net.start_ray("head", 0)
        for machine in ("one", "two"):
            net.start_ray(machine, 1)
        yield net


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Digests of the tables' files as this machine alone makes them."""
    small_units(monkeypatch.setattr)
    return load_and_extract(platform_at(tmp_path / "here"), LocalEngine())


def driver_on(net: Network, root: Path, cut_off: str) -> Begun:
    """Load and extract on the cluster, driven from the head."""
    (root / "marks").mkdir()
    words = [str(root / "there"), "2", str(root / "marks"), cut_off]
    return net.begin("head", [sys.executable, "-c", _DRIVER, *words], RAY_ADDRESS=net.ray_address)


def digests(driver: Begun, root: Path) -> dict[str, str]:
    """What came of it; it is not waited for without end."""
    assert driver.process.wait(600) == 0, driver.said()[-5_000:]
    return json.loads((root / "there" / "digests.json").read_text(encoding="utf-8"))


def test_machines_with_addresses_of_their_own_make_the_same_bytes(
    machines: Network, here: dict[str, str], tmp_path: Path
) -> None:
    assert digests(driver_on(machines, tmp_path, "nobody"), tmp_path) == here
    assert all(begun_at(tmp_path / "marks", machines.address(machine)) for machine in ("one", "two"))


def test_a_machine_that_cannot_be_reached_any_more_costs_time_and_nothing_else(
    machines: Network, here: dict[str, str], tmp_path: Path
) -> None:
    address, marks = machines.address("two"), tmp_path / "marks"
    driver = driver_on(machines, tmp_path, address)
    while not begun_at(marks, address):
        assert driver.process.poll() is None, driver.said()[-5_000:]
        time.sleep(0.1)
    assert machines.reaches("head", "two")
    machines.cut("two")
    assert not machines.reaches("head", "two")
    (marks / CUT).touch()
    assert digests(driver, tmp_path) == here
    # The other machine did all units, that of this one as well: nobody hears of what this one makes.
    assert len(begun_at(marks, machines.address("one"))) >= PICTURES // UNIT_FILES
    # Nothing twice, though the machine may have ended its unit by itself.
    rows = platform_at(tmp_path / "there").rows(IMAGE_FEATURES)
    assert rows["image_id"].n_unique() == rows.height == PICTURES


def test_what_was_made_for_a_network_is_gone_also_after_an_error() -> None:
    def named() -> str:
        return subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout

    before, begun = named(), list[Begun]()

    def fails() -> None:
        with network("one", "two", name="gone") as net:
            begun.append(net.begin("one", ["sh", "-c", "sleep 600 & sleep 600"]))
            assert named() != before
            assert net.reaches("two", "one")
            net.cut("one")
            assert not net.reaches("two", "one")
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert named() == before
    assert begun[0].process.poll() is not None
    assert not begun[0].says.parent.exists()
