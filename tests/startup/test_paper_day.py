"""A recorded day: what a strategy has to do to trade it, and what is left behind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading_bot import Config, OrderFilled, TradeStatus, paper_day
from trading_bot.bot_events import Alert, AlertCode
from trading_bot.config import ConfigError, TradingConfig
from trading_bot.market_hours import Calendar
from trading_bot.order_management.models import ExecutionMode, OrderState
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.paper.quotes import QuoteFileError

HOUR = 3600
QUOTES = """\
{"at":"2026-11-20T15:00:00Z","symbol":"AAPL","bid":"99.98","ask":"100.00","bid_size":90,"ask_size":90}
{"at":"2026-11-20T15:02:30Z","symbol":"AAPL","bid":"99.78","ask":"99.80","bid_size":90,"ask_size":90}
{"at":"2026-11-20T15:05:00Z","symbol":"AAPL","bid":"99.98","ask":"100.00","bid_size":90,"ask_size":90}
"""


@pytest.fixture
def quotes(tmp_path):
    path = tmp_path / "quotes.jsonl"
    path.write_text(QUOTES, encoding="utf-8")
    return path


def test_without_an_argument_it_is_the_bundled_day_from_open_to_close():
    with paper_day() as day:
        times = list(day.every(HOUR))
        assert day.bot.is_running
    assert (times[0], len(times), times[1] - times[0]) == (day.begins_at, 7, timedelta(hours=1))
    assert day.begins_at == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert day.ends_at == datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    assert day.clock.now() > day.ends_at
    assert not day.bot.is_running


def test_a_recorded_day_goes_into_no_database_of_others(quotes):
    config = Config.model_validate({"journal_url": "postgresql://nobody@127.0.0.1:1/shared"})
    with paper_day(quotes=quotes, config=config) as day:
        assert day.bot.journal_name.endswith("journal.sqlite3")


def test_the_bundled_day_keeps_the_hours_of_the_exchange():
    with paper_day() as day:
        for _ in day.every(HOUR):
            pass
        late = day.bot.execute_trade("AAPL", "buy", 1, Decimal("271.00"), "after the close")
    assert (late.status, late.code) == (TradeStatus.BLOCKED, "market_closed")


def test_fills_between_two_steps_are_known_at_the_next(quotes):
    with paper_day(quotes=quotes) as day:
        steps = day.every(240)
        next(steps)
        day.bot.execute_trade("AAPL", "buy", 10, Decimal("100.00"), "waits for 99.85", client_order_id="dip")
        assert [order.filled_quantity for order in day.bot.orders()] == [0]
        next(steps)
        (order,) = day.bot.orders()
    assert (order.filled_quantity, order.average_price) == (Decimal(10), Decimal("99.80"))


def test_a_listener_has_heard_of_a_fill_before_the_next_step(quotes):
    heard: list[object] = []
    with paper_day(quotes=quotes) as day:
        day.bot.subscribe(heard.append)
        for now in day.every(240):
            if now == day.begins_at:
                day.bot.execute_trade("AAPL", "buy", 10, Decimal("100.00"), "waits for 99.85")
            else:
                assert [event.new_quantity for event in heard if isinstance(event, OrderFilled)] == [10]


def test_an_order_of_the_day_is_seen_to_end_with_the_day():
    with paper_day() as day:
        for now in day.every(HOUR):
            if now == day.begins_at:
                day.bot.execute_trade("AAPL", "buy", 1, Decimal("200.00"), "far below the market")
        (order,) = day.bot.orders()
    assert order.state == "cancelled"


def test_a_step_that_was_slept_through_is_left_out(quotes):
    with paper_day(quotes=quotes) as day:
        times = []
        for now in day.every(60):
            times.append(now)
            if len(times) == 2:
                day.clock.sleep(130)
    assert [(now - day.begins_at).seconds for now in times] == [0, 60, 240, 300]


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_step_that_goes_nowhere_is_refused(quotes, seconds):
    with paper_day(quotes=quotes) as day, pytest.raises(ValueError, match="more than 0"):
        next(day.every(seconds))


def test_state_and_logs_are_kept_where_a_folder_is_named(tmp_path, quotes):
    with paper_day(quotes=str(quotes), folder=tmp_path / "kept" / "day"):
        pass
    assert sorted(path.name for path in (tmp_path / "kept" / "day").iterdir()) == ["logs", "state"]


def test_without_a_folder_nothing_is_left_behind(tmp_path, monkeypatch, quotes):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with paper_day(quotes=quotes):
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("taken", ["file", "folder"])
def test_a_folder_that_is_in_use_is_refused_and_left_alone(tmp_path, quotes, taken):
    place = quotes if taken == "file" else tmp_path
    with pytest.raises(ConfigError, match="in use"), paper_day(quotes=quotes, folder=place):
        pass
    assert quotes.read_text(encoding="utf-8") == QUOTES


def test_settings_of_the_callers_own_are_used(quotes):
    config = Config(trading=TradingConfig(calendar=Calendar.ALWAYS_OPEN))
    with paper_day(quotes=quotes, config=config) as day:
        assert day.bot.config.trading == config.trading


def test_a_live_account_is_never_meant(quotes):
    live = Config(trading=TradingConfig(mode=ExecutionMode.LIVE), account_number="123456789")
    with pytest.raises(ConfigError, match="on paper"), paper_day(quotes=quotes, config=live):
        pass


def test_a_quotes_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(QuoteFileError, match=r"nowhere\.jsonl"), paper_day(quotes=tmp_path / "nowhere.jsonl"):
        pass


def test_the_bot_is_stopped_when_the_strategy_fails(quotes):
    with pytest.raises(ZeroDivisionError), paper_day(quotes=quotes) as day:
        _ = 1 / 0
    assert not day.bot.is_running


def test_an_entry_that_stays_unfilled_ends_as_the_settings_say(quotes):
    config = Config.model_validate({"order_management": {"unfilled_timeout_s": 100}})
    with paper_day(quotes=quotes, config=config) as day:
        steps = day.every(60)
        next(steps)
        day.bot.execute_trade("AAPL", "buy", 10, Decimal("90.00"), "far away", client_order_id="far")
        next(steps)
        assert day.bot.manager.status_on_record("far").state.is_working
        next(steps)
        ended = day.bot.manager.status_on_record("far")
    assert (ended.state, ended.reason) == (
        OrderState.CANCELLED,
        "nothing of it was filled for 100 s (unfilled_timeout_s)",
    )


def test_a_stop_is_rehearsed_from_its_rest_to_its_fill(quotes):
    """The same calls as live: the bid of the second quote reaches it."""
    told: list[AlertCode] = []
    with paper_day(quotes=quotes) as day:
        day.bot.subscribe(lambda event: told.append(event.code) if isinstance(event, Alert) else None)
        steps = day.every(60)
        next(steps)
        day.bot.execute_trade("AAPL", "buy", 10, Decimal("100.00"), "in", pricing="marketable")
        next(steps)
        stop = day.bot.manager.place_stop_sell(
            StopRequest(symbol="AAPL", quantity=10, stop_price=Decimal("99.80"), limit_price=Decimal("99.00"))
        )
        assert stop.waits_for_stop
        next(steps)
        assert day.bot.manager.stops()[0].waits_for_stop
        next(steps)
        (sold,) = (order for order in day.bot.orders() if order.is_stop)
    assert (sold.state, sold.average_price) == (OrderState.FILLED, Decimal("99.78"))
    assert told == [AlertCode.STOP_REACHED]
