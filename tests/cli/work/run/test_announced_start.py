import pytest

from tests.support.fake_bot import FakeTradingBot, envelope
from trading_bot.cli.work.run.announced_start import AnnouncedStart
from trading_bot.cli.work.stop_request import StopRequest


@pytest.mark.parametrize(("count", "orders"), [(0, "0 open orders"), (1, "1 open order"), (2, "2 open orders")])
def test_one_line_says_what_was_started(count, orders):
    said: list[str] = []
    bot = FakeTradingBot()
    bot.book = [envelope(f"c-{number}") for number in range(count)]
    start = AnnouncedStart(lambda _stop: True, bot=bot.as_bot(), account_suffix="0001", say=said.append)
    assert start(StopRequest())
    (line,) = said
    assert line == (
        f"started without signals: paper account ...0001, {orders}, read every 15 seconds; other trading-bot commands "
        "reach this bot, and Ctrl-C stops it"
    )


def test_nothing_is_said_of_a_bot_that_was_not_started():
    said: list[str] = []
    bot = FakeTradingBot().as_bot()
    assert not AnnouncedStart(lambda _stop: False, bot=bot, account_suffix="0001", say=said.append)(StopRequest())
    assert said == []
