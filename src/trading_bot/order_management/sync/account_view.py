"""What an operator may look at of the account: orders placed elsewhere, and positions beside what our fills explain."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.clock import Moment, Seconds
from trading_bot.order_management.book.position_watch import NOTHING, Look
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.portfolio import Position, UnreadPosition
from trading_bot.order_management.sync.external_orders import ExternalOrder, ExternalOrders
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.order_management.sync.held_shares import HeldShares
from trading_bot.order_management.sync.positions import Holdings


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPosition:
    """One position as a fresh reading shows it, and what selling it would rest on."""

    symbol: str
    symbol_was: str | None
    instrument_id: str | None
    position: Position | None
    """None where the broker shows none, and our fills explain one."""
    expected: Decimal
    """Shares that our fills explain now."""
    free: Free

    @property
    def quantity(self) -> Decimal:
        """Shares that the broker shows; zero where it shows none."""
        return NOTHING if self.position is None else self.position.quantity

    @property
    def average_buy_price(self) -> Decimal | None:
        """What the broker says a share cost on average, in dollars; None where it does not say."""
        return None if self.position is None else self.position.average_buy_price

    @property
    def differs(self) -> bool:
        """Whether the broker's number is not the one that our fills explain."""
        return self.free.held != self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPositions:
    """All positions of one reading, by symbol; ``unread`` are the rows that could not be read."""

    positions: tuple[ShownPosition, ...]
    unread: tuple[UnreadPosition, ...]


class AccountView:
    """Answers questions about the account; nothing is put on record."""

    def __init__(
        self, *, external: ExternalOrders, holdings: Holdings | None, freshness: Freshness, store: OrderStore
    ) -> None:
        self._external = external
        self._holdings = holdings
        self._freshness = freshness
        self._store = store

    def external_orders(self) -> tuple[ExternalOrder, ...] | None:
        """Return the open orders placed elsewhere by the last whole view; None where there was none in this session."""
        return self._external.orders() if self._external.are_known else None

    def held_at_most(self) -> Mapping[str, HeldShares]:
        """Return the most that may be held of each symbol now, by our fills and by the latest look."""
        return self._holdings.at_most() if self._holdings is not None else {}

    def positions(self, *, by: Seconds | None = None) -> ShownPositions:
        """Read the positions and return them beside ours; with ``by``, a point on the clock, the read is over by then.

        Raises:
            OrderStatusError: they could not be read in full.
        """
        holdings = self._holdings
        if holdings is None:
            raise OrderStatusError("this manager reads no positions; give it the account to read them from")
        look = holdings.look(by=by)
        return self._shown_by(look, holdings, {*look.held, *look.expected})

    def last_positions(self) -> tuple[ShownPositions, Moment] | None:
        """Return the positions by the last look, carried on by our fills, and when it began. Nothing is read.

        None where there was no look in this session.
        """
        holdings = self._holdings
        if holdings is None or (look := holdings.last_look) is None:
            return None
        with self._store.open_book() as book:
            expected = book.expected_positions()
        return self._shown_by(look, holdings, {*look.held, *look.expected, *expected}), look.began

    def orders_age_s(self) -> Seconds | None:
        """Return how long ago the orders were compared with the broker; None where that does not count any more."""
        return self._freshness.age_s()

    def orders_stale_because(self) -> str | None:
        """Return why no new order may rest on the last whole look at the open orders, or None."""
        return self._freshness.stale_because()

    def _shown_by(self, look: Look, holdings: Holdings, named: Iterable[str]) -> ShownPositions:
        return ShownPositions(
            positions=tuple(
                self._shown(symbol, look, holdings) for symbol in sorted(named) if self._can_read(symbol, look)
            ),
            unread=look.unread,
        )

    def _can_read(self, symbol: str, look: Look) -> bool:
        with self._store.open_book() as book:
            instrument_id = look.instruments.get(symbol) or book.positions.instrument_of(symbol)
        return look.unread_row(symbol, instrument_id) is None

    def _shown(self, symbol: str, look: Look, holdings: Holdings) -> ShownPosition:
        instrument_id = look.instruments.get(symbol)
        with self._store.open_book() as book:
            return ShownPosition(
                symbol=symbol,
                symbol_was=book.positions.was(symbol) or look.renamed.get(symbol),
                instrument_id=instrument_id,
                position=next((row for row in look.rows if row.symbol == symbol), None),
                expected=book.positions.quantity(book.positions.symbol_of(instrument_id) or symbol),
                free=holdings.free_by(look, symbol),
            )
