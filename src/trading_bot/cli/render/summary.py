"""What a run came to: counted from its results and from what the bot knows of its orders."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.bot import TradeStatus
from trading_bot.event_json import RUN_ENDED
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderEnvelope, OrderState
from trading_bot.order_management.portfolio import Position
from trading_bot.signals import DONE, INVALID_CODE, RESULT_VERSION, SignalResult

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot

_SENT = frozenset({TradeStatus.SUBMITTED.value, TradeStatus.UNKNOWN.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Cash in dollars and positions, as the broker reports them; what it does not say is None."""

    cash: Decimal | None
    cash_held: Decimal | None
    """Held for open buys, and no part of ``cash``."""
    positions: tuple[Position, ...]
    value: Decimal | None
    """All cash plus what the positions would bring at the bid; None where one has no quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalCheck:
    """Whether the journal verifies, and over how many records."""

    path: str
    """What the journal is called: the database's path, or its name on a server."""
    ok: bool
    records: int
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The end of a run. ``orders`` are those of this run; ``open_orders`` all that may still trade."""

    signals: int
    submitted: int
    duplicates: int
    refused: Mapping[str, int]
    orders: tuple[OrderEnvelope, ...]
    open_orders: tuple[OrderEnvelope, ...]
    holdings: Holdings | None
    """None where the broker could not be asked."""
    journal: JournalCheck
    logs: Path

    @property
    def filled(self) -> int:
        """Orders filled in full."""
        return sum(order.state is OrderState.FILLED for order in self.orders)

    @property
    def partly_filled(self) -> int:
        """Orders with some shares filled, open or closed."""
        return sum(order.state is not OrderState.FILLED and order.filled_quantity > 0 for order in self.orders)

    @property
    def cancelled(self) -> int:
        """Orders that ended without a single share, by a cancel or at the close."""
        return sum(order.state is OrderState.CANCELLED and order.filled_quantity == 0 for order in self.orders)

    @property
    def unresolved(self) -> int:
        """Orders of which it is not known whether the broker has them."""
        return sum(order.state.is_unresolved for order in self.orders)

    def as_json(self) -> dict[str, object]:
        """Return the summary as one JSON object: decimals as text."""
        figures: dict[str, object] = {
            "signals": self.signals,
            "submitted": self.submitted,
            "filled": self.filled,
            "partly_filled": self.partly_filled,
            "cancelled": self.cancelled,
            "unresolved": self.unresolved,
            "open": len(self.open_orders),
            "duplicates": self.duplicates,
            "refused": dict(self.refused),
            "cash": _text(self.holdings.cash) if self.holdings else None,
            "cash_held": _text(self.holdings.cash_held) if self.holdings else None,
            "account_value": _text(self.holdings.value) if self.holdings else None,
            "positions": [_position_json(each) for each in self.holdings.positions] if self.holdings else None,
            "journal": {
                "path": self.journal.path,
                "ok": self.journal.ok,
                "records": self.journal.records,
                "problem": self.journal.problem,
            },
            "logs": str(self.logs),
        }
        return {"v": RESULT_VERSION, "event": RUN_ENDED, "summary": figures}


def _position_json(position: Position) -> dict[str, str | None]:
    return {
        "symbol": position.symbol,
        "quantity": str(position.quantity),
        "average_price": _text(position.average_buy_price),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


class Tally:
    """Counts results as they come."""

    def __init__(self) -> None:
        self.signals = 0
        self.submitted = 0
        self.duplicates = 0
        self.refused: Counter[str] = Counter()
        self._sent: set[ClientOrderId] = set()
        self._latest_refusal: SignalResult | None = None

    def count(self, result: SignalResult) -> None:
        """Take one result."""
        self.signals += 1
        envelope = result.trade.envelope if result.trade else None
        if result.status in _SENT and envelope is not None:
            self._sent.add(envelope.client_order_id)
        if result.status == TradeStatus.SUBMITTED:
            self.submitted += 1
        elif result.status == TradeStatus.DUPLICATE:
            self.duplicates += 1
        elif result.status not in (TradeStatus.UNKNOWN, DONE):
            self.refused[result.code] += 1
            self._latest_refusal = result

    @property
    def is_all_unusable(self) -> bool:
        """Whether there were lines, and none of them was a signal."""
        return self.signals > 0 and self.refused[INVALID_CODE] == self.signals

    @property
    def refused_for_good(self) -> SignalResult | None:
        """The last refusal, if every line was refused; None if there was none or one was traded."""
        return self._latest_refusal if self.refused.total() == self.signals else None

    def orders_of(self, orders: Iterable[OrderEnvelope]) -> tuple[OrderEnvelope, ...]:
        """Return those of ``orders`` that this run sent."""
        by_id = {order.client_order_id: order for order in orders}
        return tuple(order for name, order in by_id.items() if name in self._sent)


def holdings_of(bot: "TradingBot") -> Holdings | None:
    """Ask the broker for cash and positions; None where it cannot be asked."""
    try:
        bot.account.invalidate_cache()
        account, positions = bot.account.account(), bot.account.positions()
        quotes = bot.account.quotes(sorted(positions)) if positions else {}
    except OrderStatusError:
        return None
    held = tuple(positions[symbol] for symbol in sorted(positions))
    bids = {symbol: quote.bid_price for symbol, quote in quotes.items()}
    return Holdings(
        cash=account.cash,
        cash_held=account.cash_held_for_orders,
        positions=held,
        value=None if account.cash is None else _value(account.cash + (account.cash_held_for_orders or 0), held, bids),
    )


def _value(cash: Decimal, held: tuple[Position, ...], bids: Mapping[str, Decimal]) -> Decimal | None:
    if any(each.symbol not in bids for each in held):
        return None
    return cash + sum((each.quantity * bids[each.symbol] for each in held), Decimal(0))


def journal_of(bot: "TradingBot") -> JournalCheck:
    """Verify the journal from its first record to its last."""
    verdict = bot.verify_journal()
    return JournalCheck(path=bot.journal_name, ok=verdict.ok, records=verdict.records, problem=verdict.problem)


def summarize(tally: Tally, bot: "TradingBot", *, holdings: Holdings | None) -> RunSummary:
    """Put together what a finished run came to."""
    return RunSummary(
        signals=tally.signals,
        submitted=tally.submitted,
        duplicates=tally.duplicates,
        refused=dict(tally.refused.most_common()),
        orders=tally.orders_of(bot.orders()),
        open_orders=tuple(bot.open_orders()),
        holdings=holdings,
        journal=journal_of(bot),
        logs=bot.audit_log.parent,
    )
