"""What a person reads of a halt: no line says more than what is stopped."""

from zoneinfo import ZoneInfo

import pytest

from tests.support.paper_market import MONDAY
from trading_bot.bot_events import TradingHalted
from trading_bot.cli.render.event_text import event_line
from trading_bot.event_json import event_json
from trading_bot.halt_watch import Condition


def line(cause: str) -> str:
    halted = TradingHalted(
        at=MONDAY, symbol=None, cause=cause, reason="the disk is full", by="trading-bot", until=None, remedy="free it"
    )
    return event_line(event_json(halted), ZoneInfo("America/New_York")).split("halted", 1)[1].strip()


@pytest.mark.parametrize("cause", [Condition.NOT_ARMED, Condition.JOURNAL_FAILED])
def test_a_halt_that_may_stop_exits_too_is_not_called_one_of_entries(cause):
    assert line(cause.value) == "the disk is full; free it"


def test_a_halt_of_entries_alone_is_called_so():
    assert line(Condition.LIMIT_REACHED.value) == "no entries in the account: the disk is full; free it"
