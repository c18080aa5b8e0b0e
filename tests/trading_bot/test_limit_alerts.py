"""A limit that is nearly used up is an alert of a bot that somebody listens to."""

import threading
from decimal import Decimal
from pathlib import Path

from tests.support.bot_bench import PAPER_ACCOUNT, BotBench
from trading_bot.bot_events import Alert, AlertCode, BotEvent
from trading_bot.config import Config
from trading_bot.limit_alerts import LimitAlerts
from trading_bot.startup import create_bot
from trading_bot.startup.account import AccountParts


class Listening:
    """A bot of four trades a day, its alerts, and who hears them."""

    def __init__(self, folder: Path) -> None:
        self.bench = BotBench(folder, max_pending_per_side=10)
        self.bench.settings["risk_management"] = {"max_trades_per_day": 4, "max_open_orders": None}
        self.bench.bot = self.bench.new_bot()
        self.bench.started()
        bot = self.bench.bot
        self.alerts = LimitAlerts(limits=bot.limits.now, thresholds=(70, 90), events=bot.events, clock=bot.clock)
        self.heard: list[Alert] = []

    def hear(self, event: BotEvent) -> None:
        if isinstance(event, Alert):
            self.heard.append(event)

    def buy(self, count: int) -> None:
        for number in range(count):
            price = str(90 + len(self.bench.bot.orders()))
            assert self.bench.trade("buy", 1, price, client_order_id=f"c{price}").status == "submitted", number

    def look(self) -> list[str]:
        self.heard.clear()
        self.alerts.look()
        assert self.bench.bot.wait_for_listeners()
        return [alert.message for alert in self.heard]


def test_each_crossing_is_told_once(tmp_path):
    listening = Listening(tmp_path)
    listening.bench.bot.subscribe(listening.hear)
    listening.buy(2)
    assert listening.look() == []
    listening.buy(1)
    assert listening.look() == ["75 % of risk_management.max_trades_per_day is used: 3 of 4"]
    assert listening.look() == []
    listening.buy(1)
    (message,) = listening.look()
    assert message.startswith("100 %")
    assert {alert.code for alert in listening.heard} == {AlertCode.LIMIT_NEAR}


def test_nobody_is_told_and_the_first_listener_hears_what_stands(tmp_path):
    listening = Listening(tmp_path)
    listening.buy(3)
    assert listening.look() == []
    listening.bench.bot.subscribe(listening.hear)
    assert len(listening.look()) == 1


def test_each_round_of_a_running_bot_looks_by_its_own_settings(tmp_path):
    bench = BotBench(tmp_path)
    bench.settings["risk_management"] = {"max_trades_per_day": 2, "warn_at_pct": [50]}
    parts = AccountParts(
        bench.config, bench.surroundings(), account_number=PAPER_ACCOUNT, transport=bench.broker, quotes=None
    )
    bench.bot = parts.bot(background_sync=False)
    bench.started()
    heard: list[BotEvent] = []
    bench.trade("buy", 1)
    bench.bot.wait_for_listeners()
    bench.bot.subscribe(heard.append)
    parts._limit_alerts(bench.bot._safety).look()
    assert bench.bot.wait_for_listeners()
    assert [event.code for event in heard if isinstance(event, Alert)] == [AlertCode.LIMIT_NEAR]


def test_a_bot_in_the_background_tells_them_by_itself(tmp_path):
    """The thread is real, so this waits for the event, a few rounds of one second at most."""
    config = Config.model_validate(
        {
            "logs_dir": str(tmp_path / "logs"),
            "state_dir": str(tmp_path / "state"),
            "order_management": {"poll_interval_seconds": 1},
            "risk_management": {"max_open_orders": 1},
        }
    )
    told = threading.Event()
    with_thread = create_bot(config)
    with_thread.subscribe(lambda event: told.set() if isinstance(event, Alert) else None)
    with_thread.start()
    try:
        with_thread.execute_trade("AAPL", "buy", 1, Decimal(100), "a test")
        assert told.wait(10)
    finally:
        with_thread.stop()
