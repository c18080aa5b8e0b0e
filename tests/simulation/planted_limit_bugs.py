"""Bugs of limits, of what a kill leaves open and of the table of states, planted as those of `planted_bugs` are."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

import pytest

from trading_bot.order_management import lifecycle, reconciliation
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.cancel.cancel_all import CancelEverything
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.lifecycle import Move, MoveKind
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import OrderState
from trading_bot.risk import entry_rate, trade_rules
from trading_bot.risk.results import RunningTotals
from trading_bot.risk.trade_rules import Buy, Sell

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _judged_as(code: str, change: Callable[[Buy], Buy]) -> Plant:
    """Show one rule another buy than the one that is asked for."""
    rules = dict(trade_rules._BUY_RULES)
    rule = rules[code]

    def plant(patch: pytest.MonkeyPatch) -> None:
        changed = rules | {code: lambda buy: rule(change(buy))}
        patch.setattr(trade_rules, "_BUY_RULES", tuple(changed.items()))

    return plant


def _without_doubts(buy: Buy) -> Buy:
    return replace(buy, active=tuple(order for order in buy.active if not order.state.is_unresolved))


def _of_one_share(buy: Buy) -> Buy:
    one = replace(buy.trade, terms=_with_quantity(buy.trade.terms, 1))
    return replace(buy, trade=one)


def _with_quantity(terms, quantity):
    return type(terms)(symbol=terms.symbol, side=terms.side, quantity=quantity, limit_price=terms.limit_price)


def _held_shares_not_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trade_rules, "_held", lambda _buy: Decimal(0))


def _ended_orders_are_no_trades(patch: pytest.MonkeyPatch) -> None:
    real = RunningTotals._count

    def count(self, order: TrackedOrder) -> None:
        real(self, order)
        if order.state.is_terminal:
            self._taken_today.discard(order.client_order_id)

    patch.setattr(RunningTotals, "_count", count)


def _limit_binds_sells(patch: pytest.MonkeyPatch) -> None:
    def too_large(sell: Sell) -> str | None:
        limit = sell.trade.limits.max_order_notional
        return "it is too large" if limit is not None and sell.trade.notional > limit else None

    patch.setattr(trade_rules, "_SELL_RULES", (*trade_rules._SELL_RULES, ("max_order_notional", too_large)))


def _a_minute_lasts_a_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(entry_rate, "WINDOW", timedelta(days=1))


def _entries_in_doubt_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    real = entry_rate.EntryRate.tell

    def tell(self, order) -> None:
        if order.order_id is not None:
            real(self, order)

    patch.setattr(entry_rate.EntryRate, "tell", tell)


def _late_report_moves_back(patch: pytest.MonkeyPatch) -> None:
    def classify(current: OrderState, reported: OrderState) -> Move:
        move = lifecycle.classify(current, reported)
        is_late = move.kind is MoveKind.STALE and current is not OrderState.PENDING_CANCEL
        return Move(state=reported, kind=MoveKind.ADVANCE) if is_late else move

    patch.setattr(reconciliation, "classify", classify)
    back = {state: {*following, OrderState.QUEUED} for state, following in lifecycle.TRANSITIONS.items()}
    patch.setattr(lifecycle, "TRANSITIONS", back)


def _kill_stops_a_cancel(patch: pytest.MonkeyPatch) -> None:
    real = OrderManager.cancel_order

    def cancel(self, order_id, **named):
        if self.halted_because is not None:
            raise TradingHaltedError(self.halted_because)
        return real(self, order_id, **named)

    patch.setattr(OrderManager, "cancel_order", cancel)


def _cancel_all_never_ends(patch: pytest.MonkeyPatch) -> None:
    real = CancelEverything.run
    begun: set[int] = set()

    def run(self, **named):
        begun.add(id(self))
        return real(self, **named)

    patch.setattr(CancelEverything, "run", run)
    patch.setattr(CancelEverything, "is_running", property(lambda self: id(self) in begun))


LIMITS: Mapping[str, Plant] = {
    "orders in doubt fill no limit": _judged_as("max_open_orders", _without_doubts),
    "the limit of an order is held against one share": _judged_as("max_order_notional", _of_one_share),
    "held shares count in no position": _held_shares_not_counted,
    "an order that has ended is no trade of the day": _ended_orders_are_no_trades,
    "an entry in doubt is none of the last minute": _entries_in_doubt_are_not_counted,
    "a limit shuts the way out": _limit_binds_sells,
    "a minute lasts a day": _a_minute_lasts_a_day,
    "a report that lags moves an order back": _late_report_moves_back,
    "a kill stops the cancel of one order": _kill_stops_a_cancel,
    "a cancel of everything never ends": _cancel_all_never_ends,
}
