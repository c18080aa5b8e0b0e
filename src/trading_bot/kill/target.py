"""One order that a kill cancels, and which cancels are sent first."""

from dataclasses import dataclass
from decimal import Decimal

from trading_bot.kill.report import KilledOrder
from trading_bot.order_management.book.approvals import shows_work
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.cancel.step import CancelTarget
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderState, RefId, Side
from trading_bot.order_management.outcomes import UnreadRow


@dataclass(slots=True, kw_only=True)
class KillTarget(CancelTarget):
    """What is known of the order by now. A term is None where only the order's id is known."""

    ref_id: RefId | None = None
    client_order_id: ClientOrderId | None = None
    """Our name of it; None for an order that is in no journal we could read."""
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    filled: Decimal | None = None
    state: OrderState | None = None
    """As last read; None once no listing shows the order and it could not be read by its id either."""
    awaits_approval: bool = False
    """Whether the account's owner may still approve it, and had not done so when it was last read."""

    @property
    def has_ended(self) -> bool:
        """Whether a report shows that the order cannot trade any more."""
        return self.state is not None and self.state.is_terminal

    @property
    def is_at_work(self) -> bool:
        """Whether it was last read as working."""
        return self.state is not None and self.state.is_working

    def take(self, report: OrderReport) -> None:
        """Take over what the broker says of it."""
        self.ref_id = report.ref_id or self.ref_id
        self.symbol = self.symbol or report.symbol
        self.side, self.quantity, self.limit_price = report.side, report.quantity, report.limit_price
        self.filled, self.state = report.cumulative_quantity, report.state
        self.created_at = report.created_at or self.created_at
        may_wait = report.state.is_working and not shows_work(report)
        self.awaits_approval = may_wait and (self.awaits_approval or report.awaits_approval)

    def take_row(self, row: UnreadRow) -> None:
        """Take over what a row says that cannot be read in full, and that the order is open."""
        self.ref_id = row.ref_id or self.ref_id
        self.symbol = self.symbol or row.symbol
        self.side = row.side or self.side
        self.quantity = self.quantity if row.quantity is None else row.quantity
        self.limit_price = self.limit_price if row.limit_price is None else row.limit_price
        self.filled = self.filled if row.cumulative_quantity is None else row.cumulative_quantity
        self.state = self.shown = row.state or OrderState.CONFIRMED
        self.created_at = row.created_at or self.created_at

    def result(self) -> KilledOrder:
        """Return it as the report shows it."""
        return KilledOrder(
            order_id=self.order_id,
            ref_id=self.ref_id,
            client_order_id=self.client_order_id,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            limit_price=self.limit_price,
            filled_quantity=self.filled,
            state=self.state,
            reply=None if self.is_unasked else self.reply,
            awaits_approval=self.awaits_approval,
        )


def urgency(target: KillTarget) -> tuple[bool, Decimal]:
    """Sort by this: entries before exits, and of each the largest exposure first. An unknown side may be an entry."""
    return target.side is Side.SELL, -target.result().exposure


def on_record(tracked: TrackedOrder, order_id: OrderId) -> KillTarget:
    """Aim at an order of the journal."""
    envelope = tracked.envelope
    return KillTarget(
        order_id=order_id,
        ref_id=envelope.ref_id,
        client_order_id=envelope.client_order_id,
        symbol=envelope.symbol,
        side=envelope.side,
        quantity=Decimal(envelope.quantity),
        limit_price=envelope.limit_price,
        filled=envelope.filled_quantity,
        state=envelope.state,
        created_at=envelope.created_at,
        awaits_approval=envelope.awaits_approval,
    )


def found(order_id: OrderId, tracked: TrackedOrder | None) -> KillTarget:
    """Aim at an order that a listing shows; ``tracked`` is its record, if it has one."""
    if tracked is None:
        return KillTarget(order_id=order_id)
    return KillTarget(
        order_id=order_id,
        ref_id=tracked.envelope.ref_id,
        client_order_id=tracked.client_order_id,
        symbol=tracked.envelope.symbol,
        created_at=tracked.envelope.created_at,
        awaits_approval=tracked.envelope.awaits_approval,
    )
