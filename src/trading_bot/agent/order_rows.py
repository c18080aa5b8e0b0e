"""Rows of the order list and orders in replies, as this interface writes them. No row raises.

They have the fields of the private wire's rows, with these differences:

- A row says no account and never when it last changed. It names the symbol beside the instrument's id.
- ``price`` of an order at the market is about the last trade, and no limit.
- ``quantity`` of an order for an amount of dollars is an estimate, and changes with each state.
- An order may wait for the owner of the account to approve it. No such row was ever seen, so a few names and words that
  can mean nothing else are taken for it; a word that is not among them stays unknown, as any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trading_bot.order_management.models import OrderReport, OrderState
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.robinhood import order_rows
from trading_bot.robinhood.fields import account_number_of, amount, flag, word
from trading_bot.robinhood.order_rows import SymbolOf, has_ended
from trading_bot.robinhood.strict_json import UnreadableReplyError
from trading_bot.values import replace

APPROVAL_STATES: Final = frozenset(
    {
        *("pending_approval", "awaiting_approval", "waiting_for_approval", "approval_pending"),
        *("approval_required", "requires_approval", "needs_approval"),
        *("pending_user_approval", "awaiting_user_approval"),
    }
)
"""Words for the state of an order that its owner has to approve first. None was ever seen: inferred."""

APPROVAL_FLAGS: Final = APPROVAL_STATES
APPROVAL_FIELDS: Final = ("approval", "approval_status", "approval_state")
_NO_APPROVAL_AWAITED: Final = frozenset(
    {
        *("", "none", "no", "false", "n/a", "not_applicable", "not_required", "not_needed", "exempt"),
        *("approved", "auto_approved", "granted", "complete", "completed"),
        *("denied", "declined", "rejected", "expired", "cancelled", "canceled"),
    }
)
_STATE_FIELDS: Final = ("status", "state")

_AT_THE_MARKET: Final = frozenset({"market", "stop_market"})
_WITH_A_STOP: Final = frozenset({"stop_limit", "stop_market"})


def read_order(obj: object, symbol_of: SymbolOf) -> OrderReport | UnreadRow:
    """Read one row of the order list; a row that is no order we can read says what it does say."""
    if not isinstance(obj, dict):
        return order_rows.read_order(obj, symbol_of)
    shape = _Shape.of(obj)
    read = order_rows.read_order(shape.as_private(obj), symbol_of, symbol_is_enough=True)
    if isinstance(read, UnreadRow):
        # No order of ours is for an amount of dollars: one that is fits none of them by its number of shares.
        return replace(read, quantity=Decimal(0)) if shape.is_in_dollars else read
    waits = awaits_approval(obj) and read.state.is_working and not read.cumulative_quantity
    said = word(obj.get("state")) if shape.is_approval_state else read.broker_state
    return replace(read, broker_state=said, awaits_approval=waits)


def parse_order(obj: object, symbol_of: SymbolOf) -> OrderReport:
    """Read one order.

    Raises:
        UnreadableReplyError: something that a decision needs is missing or makes no sense; the message names no values.
    """
    read = read_order(obj, symbol_of)
    if isinstance(read, UnreadRow):
        raise UnreadableReplyError(read.problem)
    return read


def order_account_number(obj: object) -> str | None:
    """Read which account an order belongs to, if it says, which no row seen so far does."""
    if not isinstance(obj, dict):
        return None
    return account_number_of(obj.get("account_number")) or order_rows.order_account_number(obj)


def awaits_approval(obj: Mapping[str, object]) -> bool:
    """Whether an object says, by a name and a word and not in prose, that an approval is awaited."""
    return (
        word(obj.get("state")) in APPROVAL_STATES
        or any(flag(obj.get(name)) is True for name in APPROVAL_FLAGS)
        or any(_is_awaited(obj.get(name)) for name in APPROVAL_FIELDS)
    )


def _is_awaited(value: object) -> bool:
    if not value or isinstance(value, bool):
        return value is True
    if isinstance(value, Mapping):
        said = [value[name] for name in _STATE_FIELDS if name in value]
        return not said or any(_is_awaited(each) for each in said)
    return word(value) not in _NO_APPROVAL_AWAITED or not isinstance(value, str)


def _is_in_dollars(value: object) -> bool:
    """Whether an order is for an amount of dollars: nothing and nought are none, and what cannot be read may be one."""
    told = value.get("amount") if isinstance(value, Mapping) else value
    return bool(told) and amount(told) != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What of a row this interface writes otherwise than the private wire."""

    type: str
    is_in_dollars: bool
    is_approval_state: bool

    @classmethod
    def of(cls, obj: Mapping[str, object]) -> "_Shape":
        return cls(
            type=word(obj.get("type")),
            is_in_dollars=_is_in_dollars(obj.get("dollar_based_amount")),
            is_approval_state=word(obj.get("state")) in APPROVAL_STATES,
        )

    def as_private(self, obj: Mapping[str, object]) -> Mapping[str, object]:
        changes: dict[str, object] = {}
        if self.type in _AT_THE_MARKET:
            changes["price"] = None
        if self.type in _WITH_A_STOP:
            changes["trigger"] = "stop"
        if self.is_approval_state:
            changes["state"] = OrderState.QUEUED.value
        if self.is_in_dollars and word(obj.get("side")) != "buy" and not has_ended(obj):
            changes["quantity"] = None  # it may sell any number of shares
        return {**obj, **changes}
