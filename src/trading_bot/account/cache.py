"""Answers of the broker that may be used again for a short while. Safe to share between threads.

1. An answer counts from when its reading began, by the clock that saw more time pass, and not at all once the machine
   slept.
2. Who waits for somebody else's reading waits until the own deadline at most; nobody waits while a kept answer will do.
3. What failed is not kept: the next call asks again. An old answer never stands in for one that could not be had.
4. An answer is outdated once something happened that it need not know. Only who takes that into account may use it.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.exceptions import OrderStatusError

WAITED_FOR_S: Seconds = 10.0
"""How long one who sets no end may take where somebody else reads the same already. Chosen."""

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[T]):
    value: T
    begun: Moment
    changes: int


class Cached(Generic[T]):
    """One value, fetched again once it is ``ttl_s`` old or the machine slept, counted from when its fetch began."""

    def __init__(self, fetch: Callable[[Seconds | None], T], *, clock: Clock, ttl_s: Seconds) -> None:
        self._fetch = fetch
        self._clock = clock
        self._ttl_s = ttl_s
        self._fetching = threading.Lock()
        self._state = threading.Lock()
        self._generation = 0
        self._changes = 0
        self._kept: _Kept[T] | None = None

    def get(self, *, by: Seconds | None, may_be_outdated: bool = False) -> tuple[T, Moment]:
        """Return the value and when its fetch began; with ``by``, a point on the clock, it is over by then.

        Raises:
            OrderStatusError: the fetch failed, or somebody else's had not ended by then.
        """
        return self._younger_than(self._ttl_s, by=by, may_be_outdated=may_be_outdated)

    def last(self) -> tuple[T, Moment] | None:
        """Return what was fetched last, however old it is, and when that began; None where there is nothing."""
        with self._state:
            kept = self._kept
        return None if kept is None else (kept.value, kept.begun)

    def renew(self, *, by: Seconds) -> None:
        """Fetch the value ahead of need: once half its time is over, or once it is outdated.

        Raises:
            OrderStatusError: as `get`; the kept value stays.
        """
        if self._ttl_s > 0:
            self._younger_than(self._ttl_s / 2, by=by, may_be_outdated=False)

    def _younger_than(self, age_s: Seconds, *, by: Seconds | None, may_be_outdated: bool) -> tuple[T, Moment]:
        kept = self._usable(age_s, may_be_outdated)
        if kept is None:
            if by is None and self._fetching.locked():
                by = self._clock.monotonic() + WAITED_FOR_S
            with _one_at_a_time(self._fetching, self._clock, by):
                kept = self._usable(age_s, may_be_outdated) or self._fetched(by)
        return kept.value, kept.begun

    def _usable(self, age_s: Seconds, may_be_outdated: bool) -> _Kept[T] | None:
        with self._state:
            kept, changes = self._kept, self._changes
        if kept is None or not is_young(kept.begun, self._clock, age_s):
            return None
        return kept if may_be_outdated or kept.changes == changes else None

    def _fetched(self, by: Seconds | None) -> _Kept[T]:
        with self._state:
            generation, changes = self._generation, self._changes
        begun = Moment.of(self._clock)
        fetched = _Kept(value=self._fetch(by), begun=begun, changes=changes)
        with self._state:
            # What was asked for before an invalidation may not know what caused it.
            if generation == self._generation:
                self._kept = fetched
        return fetched

    def outdate(self) -> None:
        """Something changed that the value, or a fetch that is under way, need not know."""
        with self._state:
            self._changes += 1

    def invalidate(self) -> None:
        """Forget the value; a fetch that is under way is not kept either."""
        with self._state:
            self._generation += 1
            self._kept = None


class CachedByKey(Generic[K, T]):
    """Values by key; those that are missing or too old are fetched together. A key without a value is kept as such."""

    def __init__(
        self,
        fetch: Callable[[Sequence[K], Seconds], Mapping[K, T]],
        *,
        clock: Clock,
        ttl_s: Callable[[K], Seconds],
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._ttl_s = ttl_s
        self._fetching = threading.Lock()
        self._kept: Mapping[K, tuple[T | None, Moment]] = {}

    def get(self, keys: Sequence[K], *, by: Seconds) -> Mapping[K, T]:
        """Return the values of those ``keys`` that have one, in their order; over by ``by``, a point on the clock.

        Raises:
            OrderStatusError: the fetch failed, or somebody else's had not ended by then.
        """
        kept = self._young()
        if any(key not in kept for key in keys):
            with _one_at_a_time(self._fetching, self._clock, by):
                kept = self._young()
                missing = [key for key in keys if key not in kept]
                if missing:
                    begun = Moment.of(self._clock)
                    found = self._fetch(missing, by)
                    kept = {**kept, **{key: (found.get(key), begun) for key in missing}}
                    self._kept = kept
        return {key: value for key in keys if (value := kept[key][0]) is not None}

    def _young(self) -> Mapping[K, tuple[T | None, Moment]]:
        return {key: kept for key, kept in self._kept.items() if is_young(kept[1], self._clock, self._ttl_s(key))}


def is_young(begun: Moment, clock: Clock, ttl_s: Seconds) -> bool:
    """Whether what was read then may be used again."""
    return begun.age_s(clock) < ttl_s and not begun.slept_since(clock)


@contextmanager
def _one_at_a_time(lock: threading.Lock, clock: Clock, by: Seconds | None) -> Iterator[None]:
    patience_s = -1 if by is None else max(by - clock.monotonic(), 0)
    if not lock.acquire(timeout=patience_s):
        raise OrderStatusError("somebody else reads the same, and that has not ended yet; try again in a moment")
    try:
        yield
    finally:
        lock.release()
