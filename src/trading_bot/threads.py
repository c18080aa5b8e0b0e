"""The threads in which work is done beside its caller: an effect like any other, so that a run can repeat exactly.

Which of two threads goes first is up to the machine. So whoever wants the same run twice, as a simulation does, gives
threads that are none, and say themselves when each piece of work is done.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Threads(Protocol):
    """Does work beside its caller."""

    def pool(self, most: int, name: str, /) -> Executor:
        """Return a pool of ``most`` threads at most. The process does not end before their work has."""
        ...

    def begin(self, work: Callable[[], T], name: str, /) -> Future[T]:
        """Begin ``work`` in a thread of its own. The process does not wait for it."""
        ...


class OwnThreads:
    """Those of the machine."""

    def pool(self, most: int, name: str, /) -> Executor:
        """Return a pool that makes its threads as they are needed."""
        return ThreadPoolExecutor(max_workers=most, thread_name_prefix=name)

    def begin(self, work: Callable[[], T], name: str, /) -> Future[T]:
        """Begin ``work`` in a daemon thread."""
        future: Future[T] = Future()

        def do() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - as of any future, it is raised where the result is needed
                future.set_exception(error)

        threading.Thread(target=do, name=name, daemon=True).start()
        return future


OWN_THREADS: Threads = OwnThreads()
