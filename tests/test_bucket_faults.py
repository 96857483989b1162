"""A bucket that fails at any moment of a day: what is there is whole, no success is said falsely, the next run mends.

A day has grown by some pictures and is run again, through a proxy that plays one fault at one mutation. R2 of the
scorecard: there every fault is played at every mutation of a partition's run. Of the whole dataset's run every mutation
meets one of them: all would be 700 rounds of half a minute of a core each.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import dagster as dg
import obstore
import pytest
from obstore.store import ObjectStore

from benchmarks.same_stores import compare
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.day_result import DayResult
from image_assets.health.days import chosen_partitions
from image_assets.orchestration import retrying
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store
from image_assets.verification.finding import Part
from image_assets.verification.whole_store import verify_store
from tests.pictures import land_pictures
from tests.platform import FIRST, small_dataset
from tests.s3_proxy.faults import Done, Fault, Faulty, Kind
from tests.s3_proxy.proxy import Proxy, proxied
from tests.s3_server import S3Server
from tests.torture.size import is_full, is_torture, record, rounds_of
from tests.verification.shown import nothing_shown

pytestmark = pytest.mark.local_store(reason="buckets of its own anyway, of which copies in folders are compared")
DATASET = small_dataset(categories={"plant": 0, "animal": 1}, extractor={"kind": "colour_statistics"})
PLANT = Partition(FIRST, "plant")
Objects = dict[str, bytes]
# What is made anew with every run and says when, or is only looked at. Shards are held against their manifests.
NOT_COMPARED = {"checks", "plots", "reports", "models", "manifests of models", "shards"}
# A server of which all is lost from some moment on is one more kind.
PLAYED = [(kind, False) for kind in Kind if kind is not Kind.FORGOTTEN] + [(Kind.BUSY_BEFORE, True)]


@dataclass
class Day:
    """A day that has grown since it was run.

    Attributes:
        server: Where buckets are.
        proxy: What stands before them.
        landing: The landing zone with what came since.
        whole: Whether the whole dataset is refreshed, or only the partition is run.
        content: What the bucket held before.
        before: The dataset's folder as it was.
        after: And as a clean run leaves it.
        mutations: How many the clean run made.
    """

    server: S3Server
    proxy: Proxy
    landing: Path
    whole: bool
    content: Objects
    before: Path
    after: Path
    mutations: int = 0

    def store(self) -> Store:
        """A store in a new bucket, as it was before."""
        store = Store(f"s3://{self.server.bucket()}/store", self.server.storage_options)
        objects = store.objects()
        with ThreadPoolExecutor(8) as putters:
            list(putters.map(lambda one: obstore.put(objects, *one), self.content.items()))
        return store

    def run(self, store: Store, options: dict[str, str] | None = None) -> DayResult:
        """Run the day, through the proxy unless options say another way."""
        options = self.proxy.storage_options if options is None else options
        # A request that is not answered is given up after seconds, as the tests would be waited for otherwise.
        there = StoreResource(url=store.url, options={**options, "timeout": "3s"})
        resources = build_resources(LandingResource(url=str(self.landing)), there)
        categories = [] if self.whole else ["plant"]
        with dg.DagsterInstance.ephemeral() as instance:
            runner = JobRunner(build_definitions([DATASET], resources), instance)
            partitions = chosen_partitions(DATASET, FIRST, categories)
            return run_day(runner, DATASET, partitions, refresh=self.whole)


@pytest.fixture(scope="module")
def day(request: pytest.FixtureRequest, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    root = tmp_path_factory.mktemp("faults")
    with proxied(s3_server, Faulty) as proxy:
        day = Day(s3_server, proxy, root / "landing", request.param, {}, root, root)
        for kind, category in enumerate(DATASET.categories):
            land_pictures(day.landing, str(FIRST), category, kind, range(8))
        store = day.store()
        assert day.run(store).ok
        day.content = content_of(store.objects())
        day.before = as_folder(day.content, root / "before")
        land_pictures(day.landing, str(FIRST), "plant", 0, range(20, 24))
        proxy.tell(None)
        assert day.run(store).ok
        done: Done = proxy.tell("done")
        day.mutations = len(done.mutations)
        day.after = as_folder(content_of(store.objects()), root / "after")
        yield day


@pytest.fixture(autouse=True)
def _steps_are_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "_RETRY_SECONDS", 0)


def content_of(objects: ObjectStore) -> Objects:
    paths = list(sizes_below(objects))
    with ThreadPoolExecutor(8) as readers:
        return dict(zip(paths, readers.map(lambda path: bytes(obstore.get(objects, path).bytes()), paths), strict=True))


def as_folder(content: Mapping[str, bytes], folder: Path) -> Path:
    for path, one in content.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(one)
    return folder / DATASET.name


def differing(before: Path, after: Path) -> set[str]:
    return {one.kind for one in compare(before, after) if one.differences or one.new} - NOT_COMPARED


def wrong_with(day: Day, store: Store, there: Path, *, said_well: bool) -> list[str]:
    """What is neither as before nor as after, or is not as after though success was said, or cannot be read."""
    unlike = differing(day.after, there)
    wrong = [f"{kind} is neither as before nor as after" for kind in differing(day.before, there) & unlike]
    if said_well:
        wrong += [f"success was said, and {kind} is not as it should be" for kind in unlike]
    findings = verify_store(store, DATASET, nothing_shown).findings
    # Of a run that failed it is as it should be that shards of before lie beside features of today, and the ones before
    # or to come beside those that the manifest names. After the next run neither may be told.
    forgiven = () if said_well else ("expected each in a shard", "a file that the manifest does not name")
    told = [one for one in findings if one.part is not Part.SHARDS or not any(part in one.what for part in forgiven)]
    return wrong + [str(one) for one in told]


def play(day: Day, fault: Fault, root: Path) -> list[str]:
    """Run the day with a fault, and then without: what is wrong after either."""
    store = day.store()
    day.proxy.tell(fault)
    result = day.run(store)
    done: Done = day.proxy.tell("done")
    day.proxy.tell(None)
    there = as_folder(content_of(store.objects()), root / "after the fault")
    wrong = wrong_with(day, store, there, said_well=result.ok)
    if done.played == 0 and fault.kind is not Kind.CONFLICT:
        wrong.append("nothing was played")
    again = day.run(store, day.server.storage_options)
    there = as_folder(content_of(store.objects()), root / "after the next run")
    then = wrong_with(day, store, there, said_well=True)
    wrong += [f"the next run: {one}" for one in [*again.errors, *then]]
    return [f"{fault}: {one}" for one in wrong]


@dataclass(frozen=True)
class Drawn:
    """One fault, drawn by lot."""

    number: int

    def of(self, mutations: int) -> list[Fault]:
        chance = random.Random(self.number)
        kind, lasts = chance.choice(PLAYED)
        return [Fault(kind, chance.randint(1, mutations), lasts)]


@dataclass(frozen=True)
class Everywhere:
    """One kind of fault, at every mutation."""

    kind: Kind
    lasts: bool

    def of(self, mutations: int) -> list[Fault]:
        return [Fault(self.kind, at, self.lasts) for at in range(1, mutations + 1)]


@dataclass(frozen=True)
class InTurn:
    """At every mutation one fault, the kinds in turn; some mutations, so that several processes share them."""

    part: int
    parts: int

    def of(self, mutations: int) -> list[Fault]:
        faults = [
            Fault(kind, at, lasts) for at, (kind, lasts) in zip(range(1, mutations + 1), cycle(PLAYED), strict=False)
        ]
        return faults[self.part :: self.parts]


Sweep = Drawn | Everywhere | InTurn
_FIRST, _PARTS = 7, 7  # of those drawn, the first two are not waited for
_DRAWN: list[Sweep] = [Drawn(_FIRST + number) for number in range(rounds_of("R2"))]
_OF_A_PARTITION: list[Sweep] = [Everywhere(*one) for one in PLAYED] if is_full() else _DRAWN
_OF_ALL: list[Sweep] = [InTurn(part, _PARTS) for part in range(_PARTS)] if is_full() else _DRAWN
# In `make test` the partition is run alone, which takes a third of the time.
SWEEPS = [(False, one) for one in _OF_A_PARTITION] + [(True, one) for one in _OF_ALL if is_torture()]
ONE_STAGE = pytest.mark.parametrize("day", [False], ids=["partition"], indirect=True)


@pytest.mark.parametrize(
    ("day", "sweep"),
    SWEEPS,
    ids=[f"{'whole dataset' if whole else 'partition'}-{sweep}" for whole, sweep in SWEEPS],
    indirect=["day"],
)
def test_a_fault_leaves_the_old_or_the_new_state_and_the_next_run_mends(day: Day, tmp_path: Path, sweep: Sweep) -> None:
    faults = sweep.of(day.mutations)
    wrong = [one for fault in faults for one in play(day, fault, tmp_path / str(fault.at))]
    record("R2", rounds=len(faults), wrong=len(wrong))
    assert wrong == []


def test_faults_in_turn_leave_no_mutation_and_no_kind_out() -> None:
    parts = [InTurn(part, _PARTS).of(70) for part in range(_PARTS)]
    assert sorted(fault.at for part in parts for fault in part) == list(range(1, 71))
    assert all({(fault.kind, fault.lasts) for fault in part} == set(PLAYED) for part in parts)


@ONE_STAGE
def test_a_partition_that_is_half_there_is_seen(day: Day, tmp_path: Path) -> None:
    """The control: a row is lost, of a table and of the file that a commit lists."""
    store = day.store()
    table = store.table(DATASET.name, IMAGE_FEATURES)
    half = table.scan([PLANT]).collect().slice(1)
    table.replace(PLANT, [table.write_frame(PLANT, half.select(IMAGE_FEATURES.file_schema.names))])
    there = as_folder(content_of(store.objects()), tmp_path)
    assert "image_features is neither as before nor as after" in wrong_with(day, store, there, said_well=False)


@ONE_STAGE
def test_success_that_is_said_falsely_is_seen(day: Day, tmp_path: Path) -> None:
    """The control: nothing was done."""
    there = as_folder(day.content, tmp_path)
    assert wrong_with(day, day.store(), there, said_well=False) == []
    wrong = wrong_with(day, day.store(), there, said_well=True)
    assert "success was said, and raw_images is not as it should be" in wrong


@ONE_STAGE
def test_a_file_that_no_manifest_names_is_seen_after_success_alone(day: Day, tmp_path: Path) -> None:
    """The control: a run may end between a shard and its manifest, and none may say that it went well then."""
    store = day.store()
    shard = next(path for path in day.content if path.endswith(".parquet") and "/feature_shards/" in path)
    obstore.put(store.objects(), f"{shard.removesuffix('.parquet')}-more.parquet", day.content[shard])
    there = as_folder(day.content, tmp_path)
    assert wrong_with(day, store, there, said_well=False) == []
    assert any("that the manifest does not name" in one for one in wrong_with(day, store, there, said_well=True))


@pytest.mark.long
@ONE_STAGE
@pytest.mark.parametrize("key", ["/feature_shards/", "/feature_shards_manifests/", "/image_features/_delta_log/"])
def test_a_server_that_forgets_what_it_said_it_did_is_no_success(day: Day, key: str, tmp_path: Path) -> None:
    store = day.store()
    day.proxy.tell(Fault(Kind.FORGOTTEN, 1, key=key))
    result = day.run(store)
    assert day.proxy.tell("done").played == 1
    day.proxy.tell(None)
    # What it forgot may have been made again by what came after it.
    there = as_folder(content_of(store.objects()), tmp_path)
    assert not result.ok or wrong_with(day, store, there, said_well=True) == []
