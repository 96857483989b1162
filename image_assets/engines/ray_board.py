"""The board of a Ray cluster: where units that are being worked on leave how far they are, and learn that they need not
go on.

What belongs here: the board, what the driver asks of it, what a unit leaves there. What does not: which units are begun
(`flight`) and how (`ray_engine`). It is a process, and one takes a second of a core to start: each driver has one board
for all of its stages. Nobody waits for it: neither a unit, nor the driver, nor the first stage while it starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from threading import Lock, Timer
from typing import Any, TypeAlias

import ray
from ray.exceptions import ActorDiedError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from image_assets.workers import Progress

Actor: TypeAlias = Any
"""Ray's own type of an actor says nothing of what it can be asked for."""
Told: TypeAlias = dict[int, tuple[int, float, set[str]]]
"""By the number of a unit its steps, the seconds that it has run, and the machines that have begun it."""

REPORT_SECONDS = 0.5
"""What takes less long leaves nothing here: its result says as much."""


class Board:
    """What is known of units that are being worked on, by their stage and their number in it."""

    def __init__(self) -> None:
        self._stages: dict[int, _Stage] = {}
        self._ended: set[int] = set()

    def report(self, stage: int, number: int, done: int, age: float, machine: str) -> bool:
        """Leave how far a unit is, and for how many seconds it has run; whether it need not go on."""
        if stage in self._ended:
            return True
        return self._of(stage).report(number, done, time.monotonic() - age, machine)

    def told(self, stage: int, over: Sequence[int]) -> Told:
        """What units of a stage have left; of those that are over it is forgotten."""
        return self._of(stage).told(over)

    def give_up(self, stage: int, number: int) -> None:
        """Whoever still works on this unit need not go on: another copy of it has ended."""
        self._of(stage).given_up.add(number)

    def end(self, stage: int) -> None:
        """Nobody waits for any unit of this stage any more."""
        self._stages.pop(stage, None)
        self._ended.add(stage)

    def _of(self, stage: int) -> _Stage:
        return self._stages.setdefault(stage, _Stage())


class _Stage:
    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._begun: dict[int, float] = {}
        self._where: dict[int, set[str]] = {}
        self.given_up: set[int] = set()

    def report(self, number: int, done: int, begun: float, machine: str) -> bool:
        self._begun.setdefault(number, begun)
        self._where.setdefault(number, set()).add(machine)
        self._done[number] = max(done, self._done.get(number, 0))
        return number in self.given_up

    def told(self, over: Sequence[int]) -> Told:
        now = time.monotonic()
        for number in over:
            self._done.pop(number, None)
            self._begun.pop(number, None)
            self._where.pop(number, None)
        return {number: (done, now - self._begun[number], self._where[number]) for number, done in self._done.items()}


_lock, _numbers = Lock(), count()
# The board of this driver, and which driver that is: its job, and its machine, as clusters count their jobs alike.
_kept: tuple[tuple[str, str], Actor] | None = None


def board_of_driver() -> Actor:
    """The one board of this driver, which is begun where it has none yet."""
    global _kept
    this = ray.get_runtime_context()
    driver = this.get_job_id(), this.get_node_id()
    with _lock:
        if _kept is None or _kept[0] != driver:
            # Beside the driver, so that it is not lost with a machine that only works.
            here = NodeAffinitySchedulingStrategy(this.get_node_id(), soft=True)
            options = {"num_cpus": 0, "max_restarts": -1, "scheduling_strategy": here}
            _kept = driver, ray.remote(Board).options(**options).remote()
        return _kept[1]


def _let_go(actor: Actor) -> None:
    """The next stage has another board."""
    global _kept
    with _lock:
        if _kept is not None and _kept[1] is actor:
            _kept = None


class StageBoard:
    """The board as the driver asks it about one stage, from time to time.

    Attributes:
        actor: The board.
        stage: The stage's number, of this driver's.
        where: By the number of a unit that is being worked on the machines that have begun it, as last heard.
    """

    def __init__(self) -> None:
        self.actor, self.stage = board_of_driver(), next(_numbers)
        self.where: dict[int, set[str]] = {}
        self._steps: dict[int, tuple[int, float]] = {}
        self._over: list[int] = []
        self._asked_at = time.monotonic()
        self._asked: ray.ObjectRef | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again."""
        return time.monotonic() - self._asked_at >= REPORT_SECONDS

    def over(self, numbers: Sequence[int], copied: AbstractSet[int]) -> None:
        """These have ended: nothing more is to be told of them, and other copies of them need not go on."""
        self._over += numbers
        for number in copied & set(numbers):
            self.actor.give_up.remote(self.stage, number)

    def told(self) -> dict[int, tuple[int, float]]:
        """By the number of a unit its steps and for how many seconds it has run: what the board said when it was asked
        last, or before, where it has not answered yet. It is asked again for the next time.
        """
        now = time.monotonic()
        if self._asked is None or ray.wait([self._asked], timeout=0)[0]:
            self._steps = self._answer(now - self._asked_at)
            self._asked = self.actor.told.remote(self.stage, self._over)
            self._over = []
        self._asked_at = now
        return self._steps

    def _answer(self, since: float) -> dict[int, tuple[int, float]]:
        """Nothing where the board is away: progress is shown again when there is some."""
        if self._asked is None:
            return {}
        try:
            told: Told = ray.get(self._asked)
        except RayError as error:
            if isinstance(error, ActorDiedError):  # for ever; others are begun again by Ray
                _let_go(self.actor)
            return {}
        self.where = {number: where for number, (_, _, where) in told.items()}
        return {number: (done, age + since) for number, (done, age, _) in told.items()}

    def close(self) -> None:
        """Nobody waits for units of this stage any more.

        Ray's own `cancel` takes the driver down where a task ends at the same moment (a failed check in its task
        manager, seen with 2.60), so units are asked to stop.
        """
        self.actor.end.remote(self.stage)


class Stopped(RuntimeError):
    """Another unit has failed, or another copy of this one has ended: whatever it made would not be used."""


@contextmanager
def reported(board: Actor, stage: int, number: int) -> Iterator[Progress]:
    """Have the board know of a unit that is worked on here; its progress raises `Stopped` where it need not go on."""
    unit = _UnitHere(board, stage, number)
    # Where it was begun is known also of a unit that hangs.
    first = Timer(REPORT_SECONDS, unit.say_that_it_began)
    first.daemon = True
    first.start()
    try:
        yield unit.progress
    finally:
        first.cancel()


class _UnitHere:
    """A unit as its worker tells of it.

    No answer is ever waited for: Ray hands the cores of a task that waits to another one, and begins a worker for it:
    two units would be worked on where there is room for one.
    """

    def __init__(self, board: Actor, stage: int, number: int) -> None:
        self._board, self._stage, self._number = board, stage, number
        self._began = self._said = time.monotonic()
        self._answer: Future[bool] | None = None

    def say_that_it_began(self) -> None:
        if self._answer is None:
            self._say(0)

    def progress(self, done: int, total: int) -> None:
        del total
        if time.monotonic() - self._said < REPORT_SECONDS:
            return
        if self._answer is not None:
            if not self._answer.done():
                return
            _stop_if_told(self._answer)
        self._say(done)

    def _say(self, done: int) -> None:
        self._said = time.monotonic()
        machine, age = ray.get_runtime_context().get_node_id(), self._said - self._began
        self._answer = self._board.report.remote(self._stage, self._number, done, age, machine).future()


def _stop_if_told(answer: Future[bool]) -> None:
    try:
        stopped = answer.result()
    except RayError:  # the board is away; the work is not
        return
    if stopped:
        raise Stopped
