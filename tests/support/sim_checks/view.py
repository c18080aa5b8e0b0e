"""What a check looks at, brought up to date once: all of it, and what is new since the last look.

A step of a life changes little, and a check that looked at the whole past each time would cost more than the life.
So each check judges what is new or changed, and remembers what it has to. Where the past itself was altered, which
`is_rewritten` says, everything is new.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from tests.support.broker_stand_in import Act, Request
from tests.support.growing_book import GrowingBook
from tests.support.mortal import Life
from tests.support.sim_checks.troubles import Troubles
from tests.support.sim_world import Post, SimWorld, TradeAnswer
from tests.support.stand_in_book import HeldOrder
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.results import CancelResult

_Thing = TypeVar("_Thing")


@dataclass
class Remembered:
    """What the checks keep from one step to the next."""

    ref_ids: dict[str, str] = field(default_factory=dict)
    """The ref_id of each client order id."""
    sends: Counter[tuple[str, int]] = field(default_factory=Counter)
    ended: dict[str, OrderState] = field(default_factory=dict)
    """The terminal state of each order that has one on record."""
    states: dict[str, OrderState] = field(default_factory=dict)
    """The state of each order by its latest record that names one."""
    most_filled: dict[str, Decimal] = field(default_factory=dict)
    """The filled quantity of each order as it was last on record."""
    made_by: dict[str, str] = field(default_factory=dict)
    """The correlation id of the request that made each order."""
    runs: list[str] = field(default_factory=list)
    """The processes that have written to the journal, in the order in which they began."""
    ended_exits: set[str] = field(default_factory=set)
    searched: dict[str, str] = field(default_factory=dict)
    """What each log held when secrets were last looked for in it."""
    answers: dict[str, list[TradeAnswer]] = field(default_factory=dict)
    """The answers that each client order id was given."""


class View:
    """Call `refresh` before the checks; what they ask for is as it was then."""

    def __init__(self, world: SimWorld) -> None:
        self.world = world
        self.memory = Remembered()
        self.records: tuple[JournalRecord, ...] = ()
        self.fresh: tuple[JournalRecord, ...] = ()
        """The records since the last look."""
        self.unsearched: list[JournalRecord] = []
        """The records in which no secret has been looked for."""
        self.altered: tuple[JournalRecord, ...] = ()
        """The records of the last look that are there no more, or are others."""
        self.is_rewritten = False
        self.exit_orders: set[str] = set()
        """The client order ids that exits have given their orders."""
        self.stands: tuple[JournalRecord, ...] = ()
        self.posts: Sequence[Post] = ()
        """What has left since the last look."""
        self.quiet_syncs: Sequence[tuple[float, int, Life]] = ()
        """The synchronisations since the last look in which the broker served all as it should."""
        self.troubles = Troubles()
        self.expected: Mapping[str, Decimal] = {}
        """The shares of each symbol that the records explain."""
        self.answers: Sequence[TradeAnswer] = ()
        self.cancels: Sequence[CancelResult] = ()
        self.cancels_held_up: Sequence[str] = ()
        self.moved: tuple[HeldOrder, ...] = ()
        """The broker's orders that are new, or have changed, since the last look."""
        self.changed: set[str] = set()
        """The client order ids of which something new is on record."""
        self.by_ref: dict[str, TrackedOrder] = {}
        self._versions: dict[str, int] = {}
        self._seen: Counter[str] = Counter()
        self._books = GrowingBook(), GrowingBook()
        self._folded: tuple[OrderBook, OrderBook, OrderBook] | None = None

    def refresh(self) -> None:
        """Look again.

        Raises:
            OrderLogError: the records tell an impossible story; nothing of it can be judged.
        """
        world = self.world
        before, self.records = self.records, world.records()
        kept = len(before) if self.records[: len(before)] == before else 0
        self.is_rewritten = kept < len(before)
        self.altered = before if self.is_rewritten else ()
        self.fresh = self.records[kept:]
        self.unsearched += self.fresh
        self.changed = {str(one.fact.client_order_id) for one in self.fresh if one.fact.client_order_id is not None}
        self.exit_orders |= set(_legs(self.fresh))
        self.posts, self.answers = self._new("posts", world.posts), self._new("answers", world.answers)
        self.cancels = self._new("cancels", world.cancels)
        self.cancels_held_up = self._new("cancels held up", world.cancels_held_up)
        self.quiet_syncs = self._new("quiet syncs", world.quiet_syncs)
        self.moved = tuple(self._moved())
        self._fold()

    def _fold(self) -> None:
        self._folded = None
        self.stands = self.world.stored.standing()
        everything, standing = self._books
        book = everything.of(self.records)
        known = _with_kept_aside(self.world, book, self.records)
        self.by_ref = {str(order.envelope.ref_id): order for order in known.orders()}
        self._folded = book, standing.of(self.stands), known
        self.expected = book.expected_positions()

    @property
    def book(self) -> OrderBook:
        """What all records tell."""
        return self._now()[0]

    @property
    def standing(self) -> OrderBook:
        """What a start would refold."""
        return self._now()[1]

    @property
    def known(self) -> OrderBook:
        """What all records tell, and what waits in side files."""
        return self._now()[2]

    def pairs(self) -> Iterator[tuple[HeldOrder, TrackedOrder]]:
        """Yield the broker's orders that moved, or of which something new is known, each with ours."""
        moved = {held.order_id for held in self.moved}
        is_all = self.is_rewritten or self.known is not self.book
        for held in self.world.broker.book.orders:
            order = self.by_ref.get(held.ref_id)
            if order is not None and (is_all or held.order_id in moved or order.client_order_id in self.changed):
                yield held, order

    def new_requests(self) -> Sequence[Request]:
        """The requests that have reached the broker since the last call."""
        return self._new("requests", self.world.broker.seen)

    def new_faults(self) -> Sequence[tuple[Request, Act]]:
        """The requests that were not simply served since the last call, and what befell each."""
        return self._new("faults", self.world.broker.befell)

    def new_calls(self) -> Sequence[tuple[str, float]]:
        """The calls that were made since the last call of this, and the seconds that each took."""
        return self._new("calls", self.world.took)

    def _now(self) -> tuple[OrderBook, OrderBook, OrderBook]:
        if self._folded is None:
            raise OrderLogError("the records could not be folded")
        return self._folded

    def _new(self, name: str, all_of_them: Sequence[_Thing]) -> Sequence[_Thing]:
        new = all_of_them[self._seen[name] :]
        self._seen[name] = len(all_of_them)
        return new

    def _moved(self) -> Iterator[HeldOrder]:
        for order in self.world.broker.book.orders:
            if self._versions.get(order.order_id) != len(order.versions):
                self._versions[order.order_id] = len(order.versions)
                yield order


def _legs(records: Sequence[JournalRecord]) -> Iterator[str]:
    return (one.fact.details["leg"] for one in records if one.fact.event is EventKind.EXIT_LEG_PLACED)


def _with_kept_aside(world: SimWorld, book: OrderBook, records: tuple[JournalRecord, ...]) -> OrderBook:
    """Return the book with what a failed journal left in side files."""
    waiting = world.side.facts(records)
    refused = world.side.refused()
    if not waiting and not refused:
        return book
    known = OrderBook.replayed(_without(refused, records))
    for record in waiting:
        known.apply(record)
    return known


def _without(refused: Mapping[str, str], records: Sequence[JournalRecord]) -> Iterator[JournalRecord]:
    """Leave out the orders that a refused intent began; one of the same name that had ended before is known."""
    gone: set[str] = set()
    for record in records:
        name = str(record.fact.client_order_id)
        if record.hash and refused.get(name) == record.hash:
            gone.add(name)
        if name not in gone:
            yield record
