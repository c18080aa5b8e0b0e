"""What the journal's database answers by itself: without lease, broker or bot, and without a record of the question.

It is what was on record at ``recorded_until``. What happened at the broker since then is not in it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.clock import Clock
from trading_bot.operations.command import Command
from trading_bot.operations.look_ups import ListFreezes, ListOrders, ListPositions, ListProtections, ShowStatus
from trading_bot.operations.risk_commands import ShowRisk
from trading_bot.order_json import (
    FORM_VERSION,
    JsonObject,
    amount_text,
    freezes_json,
    moment_text,
    money_text,
    orders_json,
    shares_text,
    status_json,
)
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import NOTHING, TrackedOrder
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderNotFoundError
from trading_bot.order_management.journal.port import JournalReader, OrderKeyKind
from trading_bot.order_management.models import EXACT, ClientOrderId, Side, exact_sum
from trading_bot.protection.shown import shown_plan
from trading_bot.protection_json import protections_json
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.position_cost import cost_of_position
from trading_bot.risk.results import results_of

_PAGE = 1_000
_CENT_OF_A_CENT = Decimal("0.0001")
_NEVER_LOOKED = "no complete look at the broker's positions is on record yet; run 'trading-bot sync'"


def never_halted() -> str | None:
    """Know of no halt beside those on record."""
    return None


def no_limits(_book: OrderBook) -> JsonObject:
    """Know of no limits: what answers here was not given any."""
    return {"v": FORM_VERSION, "limits": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedAnswers:
    """Answers from the database of one account; None in place of a ``reader`` is a journal that was never begun.

    ``halted`` says why no entry would be taken although nothing on record stops it: an account that is not armed.
    """

    reader: JournalReader | None
    clock: Clock
    halted: Callable[[], str | None] = never_halted
    risk: Callable[[OrderBook], JsonObject] = no_limits
    """Returns the limits and their use by a book."""

    @staticmethod
    def can_answer(command: Command) -> bool:
        """Whether the journal alone has an answer to such a question."""
        return isinstance(command, ListOrders | ShowStatus | ListPositions | ListFreezes | ListProtections | ShowRisk)

    def answer(self, command: Command, *, problem: str | None) -> JsonObject:
        """Return the answer; ``problem`` is why a process that holds the account was not asked, though there is one.

        Raises:
            OrderNotFoundError: no order has that id.
            OrderLogError: the database cannot be read.
        """
        until = {"recorded_until": moment_text(self._last_moment())}
        match command:
            case ListOrders():
                return {**self._orders(command, problem), **until}
            case ShowStatus(id=identifier):
                return {**status_json(self._order(identifier).status()), "problem": problem, **until}
            case ListPositions():
                return {**self._positions(), **until}
            case ShowRisk():
                return {**self.risk(self._standing()), **until}
            case ListProtections():
                book = self._standing()
                return {**protections_json(shown_plan(plan, book) for plan in book.protections.all()), **until}
            case _:
                book = self._standing()
                halted = book.halt or self.halted()
                return {**freezes_json(book.freezes(now=self.clock.now()), halted=halted), **until}

    def _orders(self, command: ListOrders, problem: str | None) -> JsonObject:
        if command.all:
            listed: Sequence[TrackedOrder] = OrderBook.replayed(self._all_records()).orders()
        else:
            listed = self._standing().active()
        answer = orders_json(order.envelope for order in listed)
        answer["external_orders"] = None
        if command.all_origins:
            answer["external"] = []
        return {**answer, "complete": problem is None, "journal_ok": True, "problem": problem}

    def _order(self, identifier: str) -> TrackedOrder:
        standing = self._standing()
        order = standing.by_either_id(identifier) or self._ended_order(identifier)
        if order is None:
            raise OrderNotFoundError(
                f"no order {ascii(identifier)[:80]} is in the journal; list the orders to see the ids",
                order_id=identifier,
            )
        return standing.positions.named(order)

    def _ended_order(self, identifier: str) -> TrackedOrder | None:
        if self.reader is None:
            return None
        name: ClientOrderId | None = ClientOrderId(identifier)
        records = self.reader.records_of(ClientOrderId(identifier))
        if not records:
            name = self.reader.find_order(OrderKeyKind.ORDER_ID, identifier)
            records = self.reader.records_of(name) if name is not None else ()
        return OrderBook.replayed(records).get(name) if name is not None else None

    def _positions(self) -> JsonObject:
        book = self._standing()
        holdings = results_of(book.orders(), book.acceptances()).holdings
        held = book.expected_positions()
        symbols = sorted({*held, *book.positions.differing()})
        rows = [_position(book, symbol, held.get(symbol, NOTHING), holdings.get(symbol)) for symbol in symbols]
        problem = None if book.knows_positions or self.reader is None else _NEVER_LOOKED
        return {"v": FORM_VERSION, "positions": rows, "unread": [], "problem": problem}

    def _standing(self) -> OrderBook:
        return OrderBook.replayed(self.reader.read_standing() if self.reader is not None else ())

    def _all_records(self) -> Iterator[JournalRecord]:
        after = 0
        while self.reader is not None and (page := self.reader.page(after=after, limit=_PAGE)):
            yield from (sealed.record for sealed in page)
            after = page[-1].record.seq

    def _last_moment(self) -> datetime | None:
        if self.reader is None:
            return None
        last = self.reader.page(after=self.reader.read_head().seq - 1, limit=1)
        return last[0].record.ts if last else None


def _position(book: OrderBook, symbol: str, expected: Decimal, holding: Holding | None) -> JsonObject:
    difference = book.positions.difference(symbol)
    told = None if difference is None else difference.details.get("broker")
    held = expected if told is None else Decimal(told)
    selling = exact_sum(order.remaining_quantity for order in book.pending_on(symbol, Side.SELL))
    free = max(NOTHING, EXACT.subtract(min(held, expected), selling))
    return {
        "v": FORM_VERSION,
        "symbol": symbol,
        "quantity": shares_text(held),
        "average_buy_price": amount_text(_average(held, holding)),
        "held_for_sells": shares_text(selling),
        "sellable": shares_text(free),
        "as_of": None,
        "instrument_id": book.positions.instrument_of(symbol),
        "symbol_was": book.positions.was(symbol),
        "expected": shares_text(expected),
        "free": shares_text(free),
        "differs": difference is not None,
        "price": None,
        "value": None,
        **_cost(held, holding),
        "result": None,
    }


def _cost(held: Decimal, holding: Holding | None) -> JsonObject:
    cost = cost_of_position(held, holding, None) if held else None
    return {
        "cost": money_text(None if cost is None else cost.dollars),
        "cost_from": None if cost is None else cost.source.value,
    }


def _average(held: Decimal, holding: Holding | None) -> Decimal | None:
    """Return what a share cost; None where the cost of some share that is held is not on record."""
    if holding is None or holding.quantity != held or not held:
        return None
    return EXACT.quantize(EXACT.divide(holding.cost, holding.quantity), _CENT_OF_A_CENT)
