"""A short history to report on, told at chosen seconds after MONDAY, 15:00 UTC; and the figures that are made of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from tests.support.order_story import MONDAY, TERMS, intended, told
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, seal
from trading_bot.order_management.models import ExecutionId, OrderId, OrderState, Side
from trading_bot.report.figures import Sources, figures_of
from trading_bot.report.history import History, history_of
from trading_bot.report.prices import Quote, RecordedPrices
from trading_bot.report.refusals import TradeLog

CLOSE = datetime(2026, 11, 23, 21, tzinfo=UTC)

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2>"
"""What somebody might call a strategy."""


def at(second: float) -> datetime:
    return MONDAY + timedelta(seconds=second)


def quote(second: float, bid: str, ask: str, *, halted: bool = False) -> Quote:
    return Quote(at=at(second), bid=Decimal(bid), ask=Decimal(ask), halted=halted)


def steady(until_s: int, bid: str, ask: str, *, begin_s: int = 0) -> list[Quote]:
    """A quote each minute that always shows the same."""
    return [quote(second, bid, ask) for second in range(begin_s, until_s + 1, 60)]


class ReportStory:
    """Records of a journal, each told at its own second."""

    def __init__(self) -> None:
        self.records: list[JournalRecord] = []
        self.session = "session-1"

    def tell(self, second: float, event: OrderEvent) -> Self:
        last = self.records[-1] if self.records else None
        head = ChainHead(seq=last.seq, hash=last.hash) if last else ChainHead.genesis()
        mono = Decimal(str(second))
        self.records.append(seal(event, head=head, ts=at(second), mono=mono, session_id=self.session).record)
        return self

    def order(
        self,
        name: str,
        second: float = 0,
        *,
        reference: str = "100.00",
        limit: str = "99.90",
        reply_after_s: float | None = 0.5,
        **changes: Any,
    ) -> Self:
        """Decide on an order of ten AAPL, a buy unless told otherwise, and have the broker take it."""
        details = {**TERMS, "reference_price": reference, **changes.pop("details", {})}
        self.tell(second, intended(name, limit_price=Decimal(limit), details=details, **changes))
        if reply_after_s is not None:
            taken = told(EventKind.ORDER_ACCEPTED, name, order_id=OrderId(f"id-of-{name}"), status=OrderState.CONFIRMED)
            self.tell(second + reply_after_s, taken)
        return self

    def sell(self, name: str, second: float = 0, **changes: Any) -> Self:
        return self.order(name, second, side=Side.SELL, **{"limit": "100.10", **changes})

    def fill(self, name: str, second: float, quantity: int, price: str, *, total: int, of: int = 10) -> Self:
        """Book one execution, after which ``total`` of all its shares are filled."""
        self.execution(name, second, quantity, price)
        state = OrderState.FILLED if total == of else OrderState.PARTIALLY_FILLED
        return self.ends(name, second, state, filled_quantity=Decimal(total))

    def execution(self, name: str, second: float, quantity: int, price: str) -> Self:
        """Book one execution and nothing else."""
        execution = ExecutionId(f"{name}-{second}")
        facts = {"last_quantity": Decimal(quantity), "last_price": Decimal(price), "occurred_at": at(second)}
        return self.tell(second, told(EventKind.EXECUTION_BOOKED, name, execution_id=execution, **facts))

    def ends(self, name: str, second: float, state: OrderState | None = OrderState.CANCELLED, **facts: Any) -> Self:
        return self.tell(second, told(EventKind.ORDER_UPDATED, name, status=state, **facts))

    @property
    def history(self) -> History:
        return history_of(self.records)

    @property
    def orders(self) -> tuple[Any, ...]:
        """The orders; tests compare their decimals with plain numbers."""
        return self.history.orders

    def figures(
        self, quotes: RecordedPrices | None = None, *, trades: TradeLog | None = None, since: datetime | None = None
    ) -> Any:
        """Return the `Figures`; tests compare their decimals with plain numbers."""
        sources = Sources(
            history=self.history,
            quotes=quotes or RecordedPrices(),
            trades=trades or TradeLog(),
            close_of=lambda _moment, _extended: CLOSE,
            now=CLOSE + timedelta(hours=1),
        )
        return figures_of(sources, since=since)


def hostile_story() -> ReportStory:
    """A journal in which every text from outside is an attack."""
    story = ReportStory().order("a", symbol=HOSTILE, strategy_name=HOSTILE).fill("a", 10, 10, "99.90", total=10)
    story.order(HOSTILE, 20, reply_after_s=None)
    story.tell(21, told(EventKind.ORDER_REJECTED, HOSTILE, status=OrderState.REJECTED, reason=HOSTILE))
    story.order(f"b{HOSTILE}", 22, reply_after_s=None)
    story.tell(23, told(EventKind.ORDER_OUTCOME_UNKNOWN, f"b{HOSTILE}", status=OrderState.UNKNOWN, reason=HOSTILE))
    return story.tell(24, frozen(HOSTILE, Cause.TERMS_DIFFER, HOSTILE))
