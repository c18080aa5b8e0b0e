"""Lines of signals, as they come from a pipe: cut, read and traded as ``trading-bot run`` does."""

import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz.bounds import refuse_control
from tests.fuzz.doors.whole_bot import whole_bot
from trading_bot.cli.work.run.signal_input import LineSplitter
from trading_bot.order_management.models import Side
from trading_bot.signal_lines import AnySignal
from trading_bot.signals import INVALID, Signal, SignalError, SignalLine, SignalResult, SignalRunner, parse_signal
from trading_bot.testing import BrokerOrder
from trading_bot.trades import TradeStatus

_MOST_TRADED = 12
_WHOLE_ONE_IN = 4
_HELD = 50
"""AAPL of the whole bot's account."""
_LONGEST_MESSAGE = 4096
_MAY_BE_THERE = frozenset({TradeStatus.SUBMITTED.value, TradeStatus.UNKNOWN.value, "done"})


class SignalText:
    """Some of the inputs with good lines are traded by a whole bot; of all others no line is a signal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, data: bytes) -> str:
        """Read every line, and trade what is a signal."""
        lines = list(lines_of(data))
        good = [line for line in lines if _is_good(line)]
        if not good:
            return "refused"
        if zlib.crc32(data) % _WHOLE_ONE_IN:
            return "read"
        self._trade(lines[:_MOST_TRADED])
        return "traded"

    def _trade(self, lines: list[SignalLine]) -> None:
        results, orders = traded(self._folder, lines)
        for result in results:
            written = json.dumps(result.as_json())
            assert "\n" not in written
            assert len(result.message) <= _LONGEST_MESSAGE, "the message is as long as the line"
            assert (result.signal is None) == (result.status == INVALID)
        check_traded(results, orders)


def traded(folder: Path, lines: Sequence[SignalLine]) -> tuple[list[SignalResult], list[BrokerOrder]]:
    """Trade lines with a whole bot; return what it says of each and the orders at its broker."""
    results: list[SignalResult] = []
    with whole_bot(folder) as whole:
        SignalRunner(bot=whole.bot, on_result=results.append, on_idle=lambda: None, should_stop=lambda: False).run(
            lines
        )
        return results, list(whole.broker.orders)


def check_traded(results: Sequence[SignalResult], orders: Sequence[BrokerOrder]) -> None:
    """Refuse an order that no signal asked for: one with the terms of its signal, or a sell of an exit or a plan."""
    wanted = [each for each in results if each.signal is not None and each.status in _MAY_BE_THERE]
    asked: dict[str, Signal] = {}
    for each in wanted:
        if isinstance(each.signal, Signal) and each.trade and each.trade.envelope:
            asked.setdefault(each.trade.envelope.ref_id, each.signal)
    leaving = [each.signal for each in wanted if each.signal is not None and _may_sell_beside(each.signal)]
    most = _HELD + sum(order.quantity for order in orders if order.side is Side.BUY)
    refs = [order.ref_id for order in orders]
    assert len(refs) == len(set(refs)), "an order was sent twice"
    for order in orders:
        signal = asked.get(order.ref_id)
        if signal is None:
            assert any(_leaves(order, each, most) for each in leaving), f"nobody asked for {order}"
        else:
            side = Side.BUY if signal.action == "buy" else Side.SELL
            terms = (order.symbol, order.side, order.quantity)
            assert terms == (signal.symbol.upper(), side, signal.shares), f"{signal} became {order}"


def _may_sell_beside(signal: AnySignal) -> bool:
    return not isinstance(signal, Signal) or bool(signal.stop or signal.target or signal.trail)


def _leaves(order: BrokerOrder, signal: AnySignal, most: int) -> bool:
    # An exit may take several orders, each of no more than its shares.
    shares = most if signal.shares is None else signal.shares
    return (order.symbol, order.side) == (signal.symbol.upper(), Side.SELL) and order.quantity <= shares


def lines_of(data: bytes) -> Iterator[SignalLine]:
    """Cut bytes into lines, as they come from a pipe."""
    splitter = LineSplitter()
    half = len(data) // 2
    for chunk in (data[:half], data[half:]):
        yield from splitter.feed(chunk)
    yield from splitter.finish()


def _check_message(message: str) -> None:
    assert len(message) <= _LONGEST_MESSAGE, "the message is as long as the line"
    refuse_control(message)


def _is_good(line: SignalLine) -> bool:
    try:
        signal = parse_signal(line)
    except SignalError as error:
        _check_message(str(error))
        return False
    if signal is None:
        return False
    for price in (signal.price, getattr(signal, "stop", None), getattr(signal, "target", None)):
        assert price is None or (price.is_finite() and len(f"{price:f}") <= 64), f"{price!r:.80} is a price"
    assert signal.shares is None or type(signal.shares) is int
    return True
