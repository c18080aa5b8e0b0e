"""Threads that are none: work that is done beside its caller, at moments that a seed chooses.

Real threads would make another life of the same number each time, and one that rarely differs from the last. Here each
piece of work is done at once, or not before its result is asked for, as by a thread that was quick or slow.
"""

import random
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import TypeVar

T = TypeVar("T")

SLOW = 0.5
"""How likely work is left until somebody waits for it."""


class SimThreads:
    """Fulfils `Threads`. What nobody waits for may never be done, as where the process ends first."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)

    def pool(self, _most: int, _name: str, /) -> Executor:
        return _Pool(self)

    def begin(self, work: Callable[[], T], _name: str, /) -> Future[T]:
        future = _Work(work)
        if self._chance.random() >= SLOW:
            future.do()
        return future


class _Work(Future[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self._work = work

    def do(self) -> None:
        if self.done() or not self.set_running_or_notify_cancel():
            return
        try:
            self.set_result(self._work())
        except BaseException as error:  # noqa: BLE001 - a death too is met where the result is waited for
            self.set_exception(error)

    def result(self, timeout: float | None = None) -> T:
        self.do()
        return super().result(timeout)


class _Pool(Executor):
    def __init__(self, threads: SimThreads) -> None:
        self._threads = threads

    def submit(self, fn, /, *args, **kwargs):
        return self._threads.begin(partial(fn, *args, **kwargs), "in a pool")
