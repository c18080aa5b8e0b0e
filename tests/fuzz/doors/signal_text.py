"""Lines of signals, as they come from a pipe: cut, read and traded as ``trading-bot run`` does."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.bounds import refuse_control
from tests.fuzz.doors.whole_bot import whole_bot
from trading_bot.cli.work.run.signal_input import LineSplitter
from trading_bot.order_management.models import Side
from trading_bot.signal_lines import AnySignal
from trading_bot.signals import INVALID, SignalError, SignalLine, SignalResult, SignalRunner, parse_signal
from trading_bot.testing import BrokerOrder
from trading_bot.trades import TradeStatus

_MOST_TRADED = 12
_WHOLE_ONE_IN = 16
_LONGEST_MESSAGE = 4096
_MAY_BE_THERE = frozenset({TradeStatus.SUBMITTED.value, TradeStatus.UNKNOWN.value, "done"})


class SignalText:
    """Some of the inputs with good lines are traded by a whole bot; of all others no line is a signal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, data: bytes) -> str:
        """Read every line, and trade what is a signal."""
        lines = list(_lines(data))
        good = [line for line in lines if _is_good(line)]
        if not good:
            return "refused"
        if zlib.crc32(data) % _WHOLE_ONE_IN:
            return "read"
        self._trade(lines[:_MOST_TRADED])
        return "traded"

    def _trade(self, lines: list[SignalLine]) -> None:
        results: list[SignalResult] = []
        with whole_bot(self._folder) as whole:
            SignalRunner(bot=whole.bot, on_result=results.append, on_idle=lambda: None, should_stop=lambda: False).run(
                lines
            )
            orders = list(whole.broker.orders)
        for result in results:
            written = json.dumps(result.as_json())
            assert "\n" not in written
            assert len(result.message) <= _LONGEST_MESSAGE, "the message is as long as the line"
            assert (result.signal is None) == (result.status == INVALID)
        wanted = [each.signal for each in results if each.signal is not None and each.status in _MAY_BE_THERE]
        for order in orders:
            assert any(_is_asked_for_by(order, signal) for signal in wanted), f"nobody asked for {order}"
        bought = [order for order in orders if order.side is Side.BUY]
        assert len(bought) <= sum(signal.action == "buy" for signal in wanted), "a signal was bought twice"


def _is_asked_for_by(order: BrokerOrder, signal: AnySignal) -> bool:
    side = Side.BUY if signal.action == "buy" else Side.SELL
    if (order.symbol, order.side) != (signal.symbol.upper(), side):
        return False
    # An exit may take several orders, each of no more than its shares.
    return signal.shares is None or order.quantity <= signal.shares


def _lines(data: bytes) -> Iterator[SignalLine]:
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
