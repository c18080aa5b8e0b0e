"""Which orders changed since somebody last looked, so that a running total needs no walk through all of them."""

from dataclasses import dataclass

from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import ClientOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMark:
    """How far somebody has followed the changes of one book; a new one has seen none."""

    changes: int = 0
    removals: int = 0
    """How many orders had left the book; who counted one of those has to begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersNow:
    """Orders as they are at one moment: all of them, or those that came or changed since an earlier moment."""

    orders: tuple[TrackedOrder, ...] = ()
    mark: ChangeMark | None = None
    """The moment, to go on from the next time; None where all orders are told again then."""


class ChangeLog:
    """The orders of one book in the order of their latest changes. Not thread-safe: the store guards it."""

    def __init__(self) -> None:
        self._latest: dict[ClientOrderId, int] = {}
        self._changes = 0
        self._removals = 0

    @property
    def mark(self) -> ChangeMark:
        """How far it has come."""
        return ChangeMark(changes=self._changes, removals=self._removals)

    def note(self, key: ClientOrderId) -> None:
        """An order came or changed."""
        self._changes += 1
        self._latest.pop(key, None)
        self._latest[key] = self._changes

    def note_removal(self, key: ClientOrderId) -> None:
        """An order left."""
        self._removals += 1
        del self._latest[key]

    def clear(self) -> None:
        """Every order left. The counting goes on, so that no earlier mark looks like a later one."""
        self._removals += len(self._latest)
        self._latest.clear()

    def since(self, mark: ChangeMark) -> tuple[ClientOrderId, ...]:
        """Return the orders that came or changed after ``mark``, in the order of their latest changes."""
        found: list[ClientOrderId] = []
        for key, change in reversed(self._latest.items()):
            if change <= mark.changes:
                break
            found.append(key)
        return tuple(reversed(found))
