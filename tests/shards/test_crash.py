"""Crashes while publishing: the old or the new state is whole at any time, and the next run cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from obstore.store import LocalStore, MemoryStore

from image_assets.shards.manifest import MANIFEST, ShardManifest
from image_assets.shards.verify import Code, verify
from tests.shards.partition import EXPECTED, PREFIX, contents, image_ids, publish_rows
from tests.store_files import python_path

OLD, NEW = 1, 2  # seeds
OLD_ROWS, NEW_ROWS = 25, 35
MUTATIONS = 4 + 1 + 3  # new shards, the manifest, old shards removed


class ServiceUnavailableError(Exception):
    pass


class FailingStore(MemoryStore):
    """Fails at its n-th mutation, before doing it or after; from then on it is down, or back at once."""

    def __init__(self) -> None:
        super().__init__()
        self.fail_at, self.done_first, self.stays_down = -1, False, False
        self.mutations = 0

    def _mutate(self, mutation: Any) -> Any:
        failing = self.mutations == self.fail_at or (self.stays_down and self.mutations > self.fail_at >= 0)
        first = self.mutations == self.fail_at and self.done_first
        self.mutations += 1
        if not failing or first:
            result = mutation()
            if not failing:
                return result
        raise ServiceUnavailableError

    def put(self, path: str, *args: Any, **kwargs: Any) -> Any:
        return self._mutate(lambda: MemoryStore.put(self, path, *args, **kwargs))

    def delete(self, paths: Any) -> None:
        self._mutate(lambda: MemoryStore.delete(self, paths))


def standing_state(store: MemoryStore | LocalStore) -> int:
    """Which state stands, old or new; it must be whole, with at most files beside it that no reader takes."""
    problems = {}
    for seed, rows in ((OLD, OLD_ROWS), (NEW, NEW_ROWS)):
        report = verify(store, PREFIX, image_ids(rows, seed), EXPECTED)
        problems[seed] = [problem for problem in report.problems if problem.code != Code.FILE_EXTRA]
    whole = [seed for seed, found in problems.items() if not found]
    assert len(whole) == 1, problems
    return whole[0]


def test_number_of_mutations_is_as_swept() -> None:
    store = FailingStore()
    publish_rows(store, OLD_ROWS, seed=OLD)
    store.mutations = 0
    publish_rows(store, NEW_ROWS, seed=NEW)
    assert store.mutations == MUTATIONS


@pytest.mark.parametrize("stays_down", [False, True])
@pytest.mark.parametrize("done_first", [False, True])
@pytest.mark.parametrize("fail_at", range(MUTATIONS))
def test_failing_at_any_mutation_leaves_a_whole_state(fail_at: int, done_first: bool, stays_down: bool) -> None:
    store = FailingStore()
    publish_rows(store, OLD_ROWS, seed=OLD)
    store.mutations, store.fail_at = 0, fail_at
    store.done_first, store.stays_down = done_first, stays_down
    with pytest.raises(ServiceUnavailableError):
        publish_rows(store, NEW_ROWS, seed=NEW)
    switched = fail_at > 4 or (fail_at == 4 and done_first)
    assert standing_state(store) == (NEW if switched else OLD)

    store.fail_at, store.stays_down = -1, False
    publish_rows(store, NEW_ROWS, seed=NEW)
    assert verify(store, PREFIX, image_ids(NEW_ROWS, NEW), EXPECTED).problems == []


def test_failure_while_shards_are_put_leaves_nothing_behind() -> None:
    store = FailingStore()
    publish_rows(store, OLD_ROWS, seed=OLD)
    before = contents(store)
    store.mutations, store.fail_at, store.done_first = 0, 2, True
    with pytest.raises(ServiceUnavailableError):
        publish_rows(store, NEW_ROWS, seed=NEW)
    assert contents(store) == before


KILLED_RUN = """
    import os, signal, sys
    from obstore.store import LocalStore
    from tests.shards.partition import publish_rows

    class Killed(LocalStore):
        left = int(sys.argv[2])

        def _count(self):
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1

        def put(self, *args, **kwargs):
            self._count()
            return super().put(*args, **kwargs)

        def delete(self, *args, **kwargs):
            self._count()
            return super().delete(*args, **kwargs)

    publish_rows(Killed(sys.argv[1]), int(sys.argv[3]), seed=int(sys.argv[4]))
"""


@pytest.mark.parametrize("mutation", [4, 6])
def test_killed_run_leaves_a_whole_state_and_no_lock(tmp_path: Path, mutation: int) -> None:
    store = LocalStore(tmp_path)
    publish_rows(store, OLD_ROWS, seed=OLD)
    arguments = [str(tmp_path), str(mutation), str(NEW_ROWS), str(NEW)]
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED_RUN), *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": python_path(Path(__file__).parents[2])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert standing_state(store) == (NEW if mutation > 4 else OLD)
    publish_rows(store, NEW_ROWS, seed=NEW)
    assert verify(store, PREFIX, image_ids(NEW_ROWS, NEW), EXPECTED).problems == []


def test_reader_sees_a_whole_state_after_every_mutation() -> None:
    states: list[int] = []

    class Watched(MemoryStore):
        def put(self, path: str, *args: Any, **kwargs: Any) -> Any:
            result = super().put(path, *args, **kwargs)
            states.append(standing_state(self))
            return result

        def delete(self, paths: Any) -> None:
            super().delete(paths)
            states.append(standing_state(self))

    plain, watched = MemoryStore(), Watched()
    publish_rows(plain, OLD_ROWS, seed=OLD)
    for path, content in contents(plain).items():
        MemoryStore.put(watched, path, content)
    publish_rows(watched, NEW_ROWS, seed=NEW)
    assert states == [OLD] * 4 + [NEW] * 4


def test_without_the_switch_in_the_end_a_reader_would_see_a_broken_state() -> None:
    """The watcher of the test above is not blind: a manifest that is put first is caught."""
    plain = MemoryStore()
    publish_rows(plain, OLD_ROWS, seed=OLD)
    store = MemoryStore()
    manifest = next(path for path in contents(plain) if path.endswith(MANIFEST))
    store.put(manifest, contents(plain)[manifest])
    assert ShardManifest.model_validate_json(contents(store)[manifest]).rows == OLD_ROWS
    with pytest.raises(AssertionError):
        standing_state(store)
