"""The platform as discrete events: partitions through the queue of runs, their units over the nodes, their commits.

What belongs here: what the platform does, in the order in which it does it, with what each part costs. What does not:
what it costs in money (`money.py`), and which resource is short (`limits.py`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import simpy

from benchmarks.scale.costs import UnitCosts
from benchmarks.scale.places import DISK, Plan
from benchmarks.scale.queues import Prefix, Slots, Steps, Table

# Several places are simulated as one, so that there are at most so many; and several units, so that a stage of all
# partitions together has about so many, but twice as many as there are places of those that run at once.
_MOST_PLACES, _MOST_LOTS = 16, 3_000
_SMALL_COMMITS = 4  # arrivals, duplicates, quarantine and companions, beside `raw_images`
_DRIVER_BYTES = 500  # an image, while a partition's list of files is held (docs/benchmarks.md, a day from files …)
_PAGE = 1_000
_QUEUE_SECONDS = 2.5  # half of the five seconds between two looks of Dagster's daemon at its queue
_READ_TWICE = 2  # hashed and decoded; on one machine the second look finds the file in staging

RESOURCES = ("cores", "bandwidth", "latency", "requests", "listing", "driver", "pairs", "serial", "commits", "runs")
"""What can be short; `simulate` can be told to have any of them without end."""


@dataclass
class Outcome:
    """What came of a plan.

    Attributes:
        seconds: From the first run to the end of the last.
        processor: Core seconds of all that was done.
        images: That were done.
        units: Of loading, hashing and extraction.
        runs: Of Dagster.
        events: That they left.
        gets: Requests that read, puts: that write or list.
        stage_seconds: Sums over all partitions, by stage.
        slots_busy: Share of all places and all of the time.
        lost_commits: That met another one and looked again.
        driver_bytes: Memory of the largest driver.
        log_files: In the longest log at the end.
    """

    seconds: float
    processor: float
    images: int
    units: int
    runs: int
    events: float
    gets: float
    puts: float
    stage_seconds: dict[str, float]
    slots_busy: float
    lost_commits: int
    driver_bytes: float
    log_files: int


def simulate(plan: Plan, costs: UnitCosts, endless: Collection[str] = ()) -> Outcome:
    """Do a plan.

    Args:
        plan: What, where and how.
        costs: Of each part.
        endless: Resources that are there without end; see `RESOURCES`.

    Raises:
        ValueError: no such resource.
    """
    if unknown := set(endless) - set(RESOURCES):
        raise ValueError(f"no such resource: {', '.join(sorted(unknown))}; there are {', '.join(RESOURCES)}")
    return _Platform(plan, costs, frozenset(endless)).run()


@dataclass
class _Counted:
    units: int = 0
    gets: float = 0.0
    puts: float = 0.0
    done: int = 0
    extracted: int = 0
    processor: float = 0.0
    stages: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Platform:
    def __init__(self, plan: Plan, costs: UnitCosts, endless: frozenset[str]) -> None:
        self.plan, self.costs, self.endless = plan, costs, endless
        self.environment = simpy.Environment()
        nodes, design, work = plan.nodes, plan.design, plan.work
        self.places = nodes.count * nodes.cores if nodes.cluster else nodes.count
        self.together = max(1, self.places // _MOST_PLACES)
        self.slots = Slots(self.environment, 10**12 if "cores" in endless else math.ceil(self.places / self.together))
        runs = work.partitions * design.subpartitions
        self.runs = simpy.Resource(self.environment, runs if "runs" in endless else design.runs_at_once)
        of_category = runs if "runs" in endless else design.runs_of_category * design.subpartitions
        self.categories = [simpy.Resource(self.environment, of_category) for _ in range(work.categories)]
        raw = [Table(self.environment) for _ in range(work.categories if design.table_per_category else 1)]
        self.raw = [raw[number % len(raw)] for number in range(work.categories)]
        self.features, self.pairs = Table(self.environment), Table(self.environment)
        at_once = min(runs, self.runs.capacity, of_category * work.categories)
        self.most_lots = max(math.ceil(2 * _MOST_PLACES / at_once), _MOST_LOTS // runs)
        self.counted = _Counted()

    def run(self) -> Outcome:
        work, design = self.plan.work, self.plan.design
        parts = work.partitions * design.subpartitions
        share, more = divmod(work.images, parts)
        began = [
            self.environment.process(self._partition(number % work.categories, share + (number < more)))
            for number in range(parts)
        ]
        self.environment.run(self.environment.all_of(began))
        seconds, runs = self.environment.now, parts if work.orchestrated else 0
        if work.orchestrated and not design.process_a_run:
            seconds += self.costs.process_start
            self.counted.processor += self.costs.process_start
        counted, largest = self.counted, share + bool(more)
        files = max(table.files for table in [*self.raw, self.features])
        return Outcome(
            seconds=seconds,
            processor=counted.processor,
            images=counted.done,
            units=counted.units,
            runs=runs,
            events=runs * self.costs.run_events,
            gets=counted.gets,
            puts=counted.puts,
            stage_seconds=dict(counted.stages),
            slots_busy=self.slots.busy * self.together / (self.places * seconds) if seconds else 0.0,
            lost_commits=sum(table.lost for table in {id(one): one for one in self.raw}.values()),
            driver_bytes=largest * _DRIVER_BYTES + files * self.costs.log_memory,
            log_files=files,
        )

    def _partition(self, category: int, images: int) -> Steps:
        costs, work, design = self.costs, self.plan.work, self.plan.design
        with self.categories[category].request() as one_of_category:
            yield one_of_category
            with self.runs.request() as one_of_runs:
                yield one_of_runs
                if work.orchestrated:
                    starting = _QUEUE_SECONDS + costs.process_start if design.process_a_run else 0.0
                    yield from self._timed("dagster", starting + costs.run_overhead)
                yield from self._loaded(category, images)
                yield from self._extracted(images)
                self.counted.extracted += images
                if work.orchestrated:
                    yield from self._serial("checks", images, costs.checks_partition, costs.checks_image)
                if work.until_shards:
                    yield from self._compared(images)
                    yield from self._serial("shards", images, costs.shards_partition, costs.shards_image)
        self.counted.done += images

    def _loaded(self, category: int, images: int) -> Steps:
        costs, store, table = self.costs, self.plan.store, self.raw[category]
        prefix = Prefix(self.environment, math.inf if "requests" in self.endless else store.gets_a_second)
        objects = images / self.plan.design.images_per_object
        yield from self._listed(images, objects)
        yield from self._units("hashed", images, self._core("hash"), objects, prefix)
        # Where the second look is on another machine, the file is fetched again.
        away = 1 - 1 / self.plan.nodes.count
        yield from self._units("loaded", images, self._core("load"), objects * away * (_READ_TWICE - 1), prefix)
        driver = 0.0 if "driver" in self.endless else images * costs.load_driver
        fixed = costs.load_partition if self.plan.work.orchestrated else costs.load_call
        began, files = self.environment.now, self._files(images)
        yield self._driver(driver + max(0.0, fixed - costs.commit_base))
        # The first look is what has just been done; only those that a commit comes in between look again.
        looks = iter([0.0])
        seconds = self._commit_seconds(files)
        yield from table.commit(files, seconds, lambda: next(looks, driver))
        for _ in range(_SMALL_COMMITS):  # their logs are as long in partitions, not in units; they meet nobody
            yield self.environment.timeout(0.0 if "commits" in self.endless else store.commit)
        self.counted.stages["load driver and commit"] += self.environment.now - began
        self.counted.puts += (1 + _SMALL_COMMITS) * 3

    def _extracted(self, images: int) -> Steps:
        costs = self.costs
        yield from self._units("extracted", images, self._core("extract"), 0.0, None)
        driver = 0.0 if "driver" in self.endless else images * costs.extract_driver
        fixed = costs.extract_partition if self.plan.work.orchestrated else costs.extract_call
        began, files = self.environment.now, self._files(images)
        yield self._driver(driver + max(0.0, fixed - costs.commit_base))
        yield from self.features.commit(files, self._commit_seconds(files))
        self.counted.stages["extract driver and commit"] += self.environment.now - began
        self.counted.puts += 3

    def _compared(self, images: int) -> Steps:
        """Every hash with its partition's own, and with all others that are there by then, of runs at work too."""
        costs = self.costs
        yield from self._serial("near-duplicates", images, costs.near_partition, costs.near_image)
        pairs = images * (self.counted.extracted - images / 2) * self.plan.design.pairs_looked_at
        if "pairs" in self.endless:
            pairs = 0.0
        # One machine does it, on all of its cores, unless it is shared out.
        nodes = self.plan.nodes
        machines = nodes.count if self.plan.design.serial_shared_out else 1
        speed = machines * nodes.cores * nodes.efficiency * nodes.speed
        yield from self._timed("near-duplicates, pairs", pairs * costs.near_pair / speed)

    def _listed(self, images: int, objects: float) -> Steps:
        store = self.plan.store
        pages = objects / _PAGE
        seconds = images * self.costs.list_image + pages * store.page
        yield from self._timed("listed", 0.0 if "listing" in self.endless else seconds)
        self.counted.puts += pages if store != DISK else 0.0

    def _units(self, stage: str, images: int, core: float, objects: float, prefix: Prefix | None) -> Steps:
        """Units of a stage over the nodes; `core` seconds of a core an image, and so many objects to be read."""
        if not images:
            return
        nodes, store, costs = self.plan.nodes, self.plan.store, self.costs
        units = self._files(images)
        cores = nodes.cores * nodes.efficiency
        each = images / units
        if nodes.cluster:  # few units get several cores each, but never more than a machine has
            threads = max(1, min(nodes.cores, nodes.cores * nodes.count // units))
            seconds, taken = each * core / (nodes.efficiency * nodes.speed * threads), threads
        else:
            seconds, taken, threads = each * core / (cores * nodes.speed), 1, nodes.cores
        if "latency" not in self.endless:
            seconds += objects / units * store.get / (threads * self.plan.design.gets_ahead)
        if store != DISK and "bandwidth" not in self.endless:
            moved = costs.photo_bytes if stage != "loaded" else costs.photo_bytes + costs.stored_bytes
            seconds += each * moved * nodes.cores / threads / nodes.bandwidth
        began = self.environment.now
        places = units * (taken if nodes.cluster else 1) / self.together
        lots = min(math.ceil(places), self.most_lots)
        seconds *= max(1.0, places / lots)

        def answered(together: int) -> float:
            return prefix.ask(together / lots * objects) if prefix is not None and objects else 0.0

        told = self.environment.process(self._begun(units)) if nodes.cluster else None
        begin = self._begin_of(stage)
        workers = yield from self.slots.run(lots, seconds, answered, begin)
        self.counted.processor += min(units, workers * self.together) * begin
        if told is not None:
            yield told
        self.counted.stages[stage] += self.environment.now - began
        self.counted.units += units
        self.counted.processor += images * core / nodes.speed
        if store != DISK:
            self.counted.gets += objects + units * 3
            self.counted.puts += units * 2 if stage != "hashed" else 0

    def _begin_of(self, stage: str) -> float:
        """Seconds until a worker can do its first unit: every run is another driver, with workers of its own."""
        if not self.plan.nodes.cluster or not self.plan.design.process_a_run or "cores" in self.endless:
            return 0.0
        costs = {"hashed": self.costs.worker_start, "extracted": self.costs.worker_model}
        return costs.get(stage, 0.0) / self.plan.nodes.speed

    def _driver(self, seconds: float) -> simpy.Event:
        self.counted.processor += seconds
        return self.environment.timeout(seconds)

    def _begun(self, units: int) -> Steps:
        """The driver begins and ends units one after the other, beside a process that hears how far they are."""
        seconds = units * self.costs.ray_driver + self.costs.ray_call
        yield self._driver(0.0 if "driver" in self.endless else seconds)

    def _serial(self, stage: str, images: int, fixed: float, each: float) -> Steps:
        """What one process does for a partition, unless it is shared out."""
        growing = images * each
        if self.plan.design.serial_shared_out:
            growing /= max(1, min(self.plan.nodes.count, self._files(images)))
        yield from self._timed(stage, fixed + (0.0 if "serial" in self.endless else growing))

    def _commit_seconds(self, added: int) -> Callable[[Table], float]:
        costs, every = self.costs, self.plan.design.checkpoint_commits
        log = costs.log_commit * every / 2 if self.plan.design.process_a_run else 0.0

        def seconds(table: Table) -> float:
            if "commits" in self.endless:
                return 0.0
            # A process of its own has no table open yet.
            opened = costs.open_file if self.plan.design.process_a_run else 0.0
            growing = table.files * (costs.commit_file + opened + costs.checkpoint_file / every)
            taken = costs.commit_base + log + growing + added * costs.commit_added
            self.counted.processor += taken
            return taken + self.plan.store.commit

        return seconds

    def _timed(self, stage: str, seconds: float) -> Steps:
        self.counted.stages[stage] += seconds
        self.counted.processor += seconds
        yield self.environment.timeout(seconds)

    def _files(self, images: int) -> int:
        return max(1, math.ceil(images / self.plan.work.unit_images)) if images else 0

    def _core(self, what: str) -> float:
        return (
            0.0
            if "cores" in self.endless
            else getattr(self.costs, f"{what}_{'process' if self.plan.nodes.cluster else 'thread'}")
        )
