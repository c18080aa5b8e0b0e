"""A whole bot on paper, and what it tells a phone, a heartbeat and Prometheus over loopback."""

import json
import re
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.bot_bench import ACCOUNT, LOGIN, BotBench, answers
from tests.support.command_line import REPOSITORY
from tests.support.live_account import NUMBER
from tests.support.notify_bench import LoopbackService, loopback_service
from trading_bot.bot import StartError, TradingBot
from trading_bot.config import Config, ConfigError, NotifyConfig
from trading_bot.files import LocalFiles
from trading_bot.metrics.figures import Figure
from trading_bot.notify.messenger import Messenger
from trading_bot.notify.outbox import QuietHours
from trading_bot.startup import create_bot
from trading_bot.startup.access import Login
from trading_bot.startup.companions import CompanionError, Late
from trading_bot.startup.metrics import Sources, exporter_of, figures_of
from trading_bot.startup.tell_somebody import (
    account_label,
    day_words,
    heartbeat_of,
    message_masker,
    messenger_of,
    notify_services,
    unwell,
)

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # one of the plug-ins that apprise loads
PAGE = REPOSITORY / "docs" / "notifications.md"


def config_in(folder: Path, settings: object = None, **secrets: str) -> Config:
    """Settings of a folder, with the addresses in a .env beside them."""
    (folder / "config.json").write_text(json.dumps(settings or {"state_dir": "state"}))
    (folder / ".env").write_text("".join(f'{name}="{text}"\n' for name, text in secrets.items()))
    (folder / ".env").chmod(0o600)
    return Config.from_env_and_json(folder / "config.json", environ={})


def hook(there: LoopbackService, name: str = "hook") -> str:
    return f"json://127.0.0.1:{there.port}/{name}"


def told(there: LoopbackService) -> list[str]:
    return [body["message"] for _, _, body in there.got]


def new_bot(bench: BotBench, config: Config) -> TradingBot:
    return create_bot(config, transport=bench.broker, surroundings=bench.surroundings())


def test_a_phone_hears_of_what_was_filled_while_no_bot_ran(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade()
    bench.bot.stop()
    bench.clock.sleep(61)
    with loopback_service() as there:
        bot = new_bot(bench, config_in(tmp_path, bench.settings, TRADING_BOT_NOTIFY_URLS=hook(there)))
        bot.start()
        bot.stop()
    assert "filled: buy 10 AAPL at $99.8" in "".join(told(there))
    assert there.got[0][2]["title"].startswith("PAPER: ")


def test_a_start_that_needs_a_login_is_told_before_it_fails(tmp_path):
    bench = BotBench(tmp_path)
    bench.broker.standing[LOGIN] = answers(401, {"detail": "no"})
    with loopback_service() as there:
        bot = new_bot(bench, config_in(tmp_path, bench.settings, TRADING_BOT_NOTIFY_URLS=hook(there)))
        with pytest.raises(StartError):
            bot.start()
    assert "halted, the account:" in told(there)[0]
    assert "trading-bot login" in told(there)[0]
    assert there.got[0][2]["title"] == "PAPER: login needed"


def test_a_wrong_address_is_logged_and_the_bot_trades_without(tmp_path, caplog):
    bench = BotBench(tmp_path)
    bot = new_bot(bench, config_in(tmp_path, bench.settings, TRADING_BOT_NOTIFY_URLS="nosuch://topsecret"))
    bot.start()
    try:
        assert bot.is_running
        assert "'companion': 'notify'" in caplog.text
        assert "nosuch://..." in caplog.text
        assert "topsecret" not in caplog.text
    finally:
        bot.stop()


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.delitem(sys.modules, "trading_bot.notify.apprise_services", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "trading_bot.metrics.prometheus", raising=False)
    bench = BotBench(tmp_path).started()
    bench.settings["metrics"] = {"port": 9464}
    config = config_in(tmp_path, bench.settings, TRADING_BOT_NOTIFY_URLS="ntfy://topic")
    with pytest.raises(ConfigError, match=r"pip install 'trading-bot\[notify\]'"):
        notify_services(config)
    bench.bot.stop()
    exporter = exporter_of(sources(bench, bot=new_bot(bench, config)))
    assert exporter is not None
    with pytest.raises(CompanionError, match=r"pip install 'trading-bot\[metrics\]'"):
        exporter.start()


def test_without_an_address_nothing_listens_or_beats(tmp_path):
    bench = BotBench(tmp_path).started()
    assert messenger_of(bench.bot) is None
    assert heartbeat_of(bench.bot) is None
    bench.bot.stop()


def test_a_messenger_has_the_settings_of_the_section(tmp_path):
    settings = {"state_dir": "state", "notify": {"quiet_from": "22:00", "quiet_to": "07:00", "queue_limit": 11}}
    bot = create_bot(config_in(tmp_path, settings, TRADING_BOT_NOTIFY_URLS="json://127.0.0.1/a json://127.0.0.1/b"))
    messenger = messenger_of(bot)
    assert messenger is not None
    first, second = (lane._outbox for lane in messenger._lanes)
    assert (first._limit, first._max_per_minute) == (11, NotifyConfig().max_per_minute)
    assert first is not second
    assert isinstance(first._quiet, QuietHours)


def test_no_message_has_a_secret_of_the_settings_in_it(tmp_path):
    secrets = {
        "ROBINHOOD_USERNAME": "anna.login",
        "ROBINHOOD_PASSWORD": "correct horse",
        "TRADING_BOT_NOTIFY_URLS": "ntfy://topic-1 ntfy://topic-2",
        "TRADING_BOT_HEARTBEAT_URL": "https://hc.example/ping/1",
    }
    config = config_in(tmp_path, {"trading": {"mode": "live"}, "account_number": NUMBER}, **secrets)
    mask = message_masker(config).mask_text
    for secret in (
        NUMBER,
        "anna.login",
        "correct horse",
        "ntfy://topic-1",
        "ntfy://topic-2",
        "https://hc.example/ping/1",
    ):
        assert mask(f"about {secret} here") == "about *** here"
    assert account_label(config) == f"LIVE ...{NUMBER[-4:]}"


def test_a_message_is_headed_with_the_name_that_the_file_gives_the_account(tmp_path):
    config = config_in(tmp_path, {"accounts": {"dry": {}}})
    assert account_label(config) == "PAPER dry"


def test_the_day_is_told_from_the_account(tmp_path):
    bench = BotBench(tmp_path)
    assert day_words(bench.bot) is None
    bench.started().trade()
    words = day_words(bench.bot)
    assert words is not None
    assert "cash $100,000.00" in words
    assert "orders taken today: 1, open now: 1" in words
    bench.bot.stop()


def test_a_day_that_cannot_be_read_is_said_to_be_unread(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.broker.standing[ACCOUNT] = answers(500)
    bench.clock.sleep(400)
    assert "the account could not be read for the summary of the day" in (day_words(bench.bot) or "")
    bench.bot.stop()


def test_a_bot_is_well_while_it_runs_follows_its_orders_and_takes_entries(tmp_path):
    bench = BotBench(tmp_path)
    assert unwell(bench.bot) == "the bot is not running"
    bench.started()
    assert unwell(bench.bot) is None
    bench.clock.sleep(timedelta(hours=1).total_seconds())
    assert "were last compared with the broker" in (unwell(bench.bot) or "")
    bench.bot.synchronize_open_orders()
    assert unwell(bench.bot) is None
    (bench.state / "armed").unlink()
    assert unwell(bench.bot) is not None
    bench.bot.stop()


def test_a_bot_is_not_well_while_nothing_watches_its_protection_plans(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.bot.execute_trade("AAPL", "buy", 1, Decimal(100), "a test", stop=Decimal(90))
    assert "nothing watches" in (unwell(bench.bot) or "")
    bench.bot.protection.is_followed = True
    assert unwell(bench.bot) is None
    bench.bot.stop()


def test_a_heartbeat_goes_to_its_address(tmp_path):
    with loopback_service() as there:
        address = f"http://127.0.0.1:{there.port}/ping"
        bench = BotBench(tmp_path)
        bot = create_bot(
            config_in(tmp_path, bench.settings, TRADING_BOT_HEARTBEAT_URL=address),
            transport=bench.broker,
            surroundings=bench.surroundings(),
            background_sync=False,
        )
        bot.start()
        heartbeat = heartbeat_of(bot)
        assert heartbeat is not None
        heartbeat.look()
        bot.stop()
        heartbeat.look()
    assert [each[:2] for each in there.got] == [("GET", "/ping")]


# Figures


def sources(bench: BotBench, **changes: object) -> Sources:
    parts = {
        "bot": bench.bot,
        "store": SimpleNamespace(last_seq=7, subscribe=lambda listener: None),
        "login": Login(requests_left=lambda: {"order": 3}),
        "poller": SimpleNamespace(is_running=True, failures=2),
        "database": bench.database,
        "files": LocalFiles(),
    }
    return Sources(**(parts | changes))  # type: ignore[arg-type]


def by_name(figures: Callable[[], object]) -> dict[str, Figure]:
    return {each.metric.name.removeprefix("trading_bot_"): each for each in figures()}  # type: ignore[attr-defined]


def test_every_figure_is_looked_at(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade()
    messenger = SimpleNamespace(waiting=4, left_out=5, failures=6)
    found = by_name(lambda: figures_of(sources(bench, messenger=messenger)))
    assert {
        name: each.value for name, each in found.items() if name not in ("journal_bytes", "updated_timestamp_seconds")
    } == {
        "info": 1,
        "view_age_seconds": 0,
        "open_orders": 1,
        "orders_in_doubt": 0,
        "frozen_symbols": 0,
        "entries_allowed": 1,
        "requests_left": 3,
        "journal_records": 7,
        "events_waiting": 0,
        "poller_running": 1,
        "poller_failures": 2,
        "messages_waiting": 4,
        "messages_left_out": 5,
        "messages_failed": 6,
    }
    assert found["updated_timestamp_seconds"].value == bench.clock.now().timestamp()
    assert found["journal_bytes"].value >= bench.database.stat().st_size
    assert found["requests_left"].labels == ("order",)
    assert found["info"].labels[1] == "paper"
    bench.bot.stop()


class Unreadable(LocalFiles):
    def facts_at(self, path):
        raise PermissionError(13, "no")


@pytest.mark.parametrize("files", [LocalFiles(), Unreadable()])
def test_what_cannot_be_looked_at_is_no_figure(tmp_path, files):
    bench = BotBench(tmp_path).started()
    bench.bot.manager._services.sync.freshness.forget()
    found = by_name(lambda: figures_of(sources(bench, files=files, database=tmp_path / "none")))
    assert not {"journal_bytes", "view_age_seconds", "messages_waiting"} & set(found)
    assert found["entries_allowed"].value == 1
    bench.bot.stop()


def test_without_a_port_no_figures_are_shown(tmp_path):
    assert exporter_of(sources(BotBench(tmp_path).started())) is None


def test_a_running_bot_shows_its_figures_on_its_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bench = BotBench(tmp_path)
    bench.settings["metrics"] = {"port": port}
    bot = create_bot(bench.config, transport=bench.broker, surroundings=bench.surroundings())
    bot.start()
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/metrics")
        assert b"trading_bot_submit_latency_seconds_count" in connection.getresponse().read()
        connection.close()
    finally:
        bot.stop()


def test_a_port_that_is_taken_keeps_the_figures_from_being_shown_and_nothing_else(tmp_path, caplog):
    bench = BotBench(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bench.settings["metrics"] = {"port": taken.getsockname()[1]}
        bot = create_bot(bench.config, transport=bench.broker, surroundings=bench.surroundings())
        bot.start()
        bot.stop()
    assert "set metrics.port to one that is free" in caplog.text


# Companions that are made late


def test_one_that_has_nothing_to_do_is_not_made():
    late: Late[Messenger] = Late(lambda: None)
    late.start()
    late.stop(timeout_s=1)
    assert late.made is None


def test_the_page_has_every_kind_and_its_rule():
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(rows) == {name: rule.value for name, rule in NotifyConfig().rules}
