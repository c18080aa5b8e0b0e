"""A fold over events in the order of their keys, kept while events come, go and change places. Pure."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

_E = TypeVar("_E")
_S = TypeVar("_S")


class RunningFold(Generic[_E, _S]):
    """The state after every event, and after each before it.

    A change costs what comes after its key: an event behind all others is one step, however many there are. The result
    is that of folding all events in the order of their keys, which are unique and can be compared.
    """

    def __init__(self, begin: _S, step: Callable[[_S, _E], _S]) -> None:
        self._begin = begin
        self._step = step
        self._keys: list[tuple[Any, ...]] = []
        self._events: list[_E] = []
        self._states: list[_S] = []
        """Of the events from the first on, as far as they are folded."""

    def put(self, key: tuple[Any, ...], event: _E) -> None:
        """Add an event under a new key."""
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._events.insert(place, event)
        del self._states[place:]

    def drop(self, key: tuple[Any, ...]) -> None:
        """Take the event under a key away."""
        place = bisect_left(self._keys, key)
        del self._keys[place], self._events[place], self._states[place:]

    def settle(self) -> Iterator[_S]:
        """Fold what has not been folded since it changed, and yield the state after each of these events."""
        while len(self._states) < len(self._events):
            self._states.append(self._step(self._folded, self._events[len(self._states)]))
            yield self._folded

    @property
    def state(self) -> _S:
        """The state after every event."""
        for _ in self.settle():
            pass
        return self._folded

    @property
    def _folded(self) -> _S:
        return self._states[-1] if self._states else self._begin
