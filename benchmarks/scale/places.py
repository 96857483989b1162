"""Where and what is simulated: machines, the object store, the work, the design.

What belongs here: figures that are not measured by us, each with where it is published or that it is assumed. What does
not: measured costs (`costs.py`), money (`money.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from image_assets.settings.tables import CHECKPOINT_COMMITS

UNIT_IMAGES = 10_001


@dataclass(frozen=True)
class Nodes:
    """The machines that do units.

    Attributes:
        count: How many.
        cores: Of each.
        efficiency: What a core does of what one does where few are at work: on 16 cores, processes of one thread loaded
            4,787 images/s, and 1,288 on four (`make cores`, docs/benchmarks.md), which is 0.93 for each core.
        bandwidth: Bytes a second between a node and the object store; 0.6 GB/s is assumed (a share of the 12.5 Gbit/s
            that such nodes have at most).
        memory: Bytes of each, 32 GiB as such nodes have.
        cluster: Whether units go through Ray, as processes of one thread; else one process with threads.
        speed: How many times as fast as measured the cores are; 1 where nothing is known.
    """

    count: int = 1
    cores: int = 16
    efficiency: float = 0.93
    bandwidth: float = 0.6e9
    memory: float = 32 * 2**30
    cluster: bool = True
    speed: float = 1.0


@dataclass(frozen=True)
class ObjectStore:
    """Where images lie and tables are kept.

    Attributes:
        get: Seconds until a small object is there. 0.03 is assumed (published are 0.1 to 0.2 for the first byte of S3
            at worst, tens of milliseconds as a rule). 0 on a disk, whose reading is part of the measured units.
        page: Seconds of a page of 1,000 names. 0.1 is assumed. 0 on a disk.
        gets_a_second: That a prefix answers; 5,500 is published of S3. Infinite on a disk.
        commit: Seconds that a commit takes longer than on a disk: five requests one after the other.
    """

    get: float = 0.03
    page: float = 0.1
    gets_a_second: float = 5_500
    commit: float = 0.15


DISK = ObjectStore(get=0, page=0, gets_a_second=math.inf, commit=0)


@dataclass(frozen=True)
class Work:
    """What is done.

    Attributes:
        images: All of them.
        days: That they are shared out over.
        categories: Of each day.
        until_shards: Whether to go on to near-duplicates and shards, after the features.
        orchestrated: Whether Dagster runs it, with checks; else the stages alone are called.
        unit_images: At most, of a unit.
    """

    images: int
    days: int = 30
    categories: int = 3
    until_shards: bool = True
    orchestrated: bool = True
    unit_images: int = UNIT_IMAGES

    @property
    def partitions(self) -> int:
        """Days times categories."""
        return self.days * self.categories


@dataclass(frozen=True)
class Design:
    """What can be decided otherwise.

    Attributes:
        runs_at_once: Of the queue; `max_concurrent_runs` of deploy/dagster.yaml.
        runs_of_category: At once; `tag_concurrency_limits` there.
        process_a_run: Whether every run is a process of its own, as there; else one process does all.
        subpartitions: That each category of a day is cut into.
        table_per_category: Instead of one `raw_images`, so that commits of two categories do not meet.
        checkpoint_commits: From one checkpoint of a table's log to the next, `tables.checkpoint_commits` of a dataset
            file.
        images_per_object: In the landing zone: 1, or archives of so many.
        gets_ahead: Reads under way for each core; 1 unless `IMAGE_ASSETS_READS_AT_ONCE` says otherwise.
        pairs_looked_at: Of all pairs of hashes; 1, or what an index leaves.
        serial_shared_out: Whether checks, near-duplicates and shards of a partition are done by units on all nodes.
        retention_days: That runs are kept.
    """

    runs_at_once: int = 4
    runs_of_category: int = 2
    process_a_run: bool = True
    subpartitions: int = 1
    table_per_category: bool = False
    checkpoint_commits: int = CHECKPOINT_COMMITS
    images_per_object: int = 1
    gets_ahead: int = 1
    pairs_looked_at: float = 1.0
    serial_shared_out: bool = False
    retention_days: int = 90


@dataclass(frozen=True)
class Plan:
    """One simulated undertaking."""

    work: Work
    nodes: Nodes = Nodes()
    store: ObjectStore = ObjectStore()
    design: Design = Design()

    def but(self, **design: object) -> Plan:
        """The same with some of the design decided otherwise."""
        return replace(self, design=replace(self.design, **design))
