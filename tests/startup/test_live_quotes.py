"""Real prices, paper fills: the market is the loopback stand-in, read with a saved login, and no order reaches it."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.live_account import LiveAccount, live_account
from tests.support.loopback_broker.own_connections import as_the_broker
from trading_bot.bot import StartError, TradingBot
from trading_bot.config import Config
from trading_bot.lease import Lease
from trading_bot.order_management.exceptions import AuthenticationError, OrderStatusError
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.poller import Poller
from trading_bot.paper.quotes import ReplayQuotes, SeededWalkQuotes
from trading_bot.startup import create_bot
from trading_bot.startup.account import AccountParts
from trading_bot.startup.bot_building import parts_of
from trading_bot.startup.companions import Companion


class Shadow:
    """A paper account at the prices of a live one's broker."""

    def __init__(self, account: LiveAccount) -> None:
        self.live = account
        self.clock = account.clock
        self.config = Config.model_validate(
            {
                "paper": {"quotes": "live"},
                "logs_dir": str(account.folder / "shadow-logs"),
                "state_dir": str(account.folder / "state"),
            }
        )
        self.told: dict[str, object] = {}
        account.book.speak = self._speak

    def _speak(self, body: object) -> object:
        rows = body.get("results", ()) if isinstance(body, dict) else ()
        for row in rows:
            if isinstance(row, dict) and "bid_price" in row:
                row["updated_at"] = self.clock.now().isoformat()
                row.update(self.told)
        return body

    def bot(self) -> TradingBot:
        bot = create_bot(self.config, surroundings=self.live.around, background_sync=False)
        bot.start()
        return bot

    @property
    def heard(self) -> set[str]:
        return {path for path in self.live.server.paths() if "oauth2" not in path}

    @property
    def record(self) -> list[dict[str, object]]:
        file = self.config.logs_dir / "quotes" / "2026-11-23.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def shadow(tmp_path: Path) -> Iterator[Shadow]:
    with live_account(tmp_path) as account, as_the_broker(account.server):
        account.log_in()
        yield Shadow(account)


def buy(bot: TradingBot, price: str = "100", shares: int = 10) -> str:
    result = bot.execute_trade("AAPL", "buy", shares, Decimal(price), "a test", pricing="marketable")
    assert result.envelope is not None, result
    return result.envelope.client_order_id


def look(shadow: Shadow, bot: TradingBot, *, seconds: float = 2) -> None:
    """Let time go by, read the market as the companion does, and read the orders."""
    shadow.clock.sleep(seconds)
    bot.quotes(["AAPL"])
    bot.synchronize_open_orders()


def state_of(bot: TradingBot, name: str) -> tuple[OrderState, Decimal]:
    (order,) = (each for each in bot.orders() if each.client_order_id == name)
    return order.state, order.filled_quantity


def test_an_order_fills_at_the_real_ask_and_only_prices_are_read(shadow):
    shadow.live.book.ask = Decimal("99.70")
    bot = shadow.bot()
    name = buy(bot)
    look(shadow, bot)
    assert state_of(bot, name) == (OrderState.FILLED, Decimal(10))
    (order,) = bot.orders()
    assert order.average_price == Decimal("99.70")
    assert bot.history("AAPL")
    bot.stop()
    assert {path.split("?")[0] for path in shadow.heard} == {"GET /quotes/", "GET /marketdata/historicals/AAPL/"}


UNUSABLE = {
    "halted": {"trading_halted": True},
    "no ask": {"ask_price": None},
    "no bid": {"bid_price": "0.000000"},
    "crossed": {"bid_price": "99.80"},
    "old by the broker's own time": {"updated_at": "2026-11-23T14:00:00Z"},
}


@pytest.mark.parametrize("told", UNUSABLE.values(), ids=UNUSABLE)
def test_a_market_that_is_not_there_fills_nothing_and_then_it_does(shadow, told):
    shadow.live.book.ask = Decimal("99.70")
    bot = shadow.bot()
    shadow.told = told
    name = buy(bot)
    look(shadow, bot)
    assert state_of(bot, name)[1] == 0
    shadow.told = {}
    look(shadow, bot)
    assert state_of(bot, name) == (OrderState.FILLED, Decimal(10))
    bot.stop()


def test_a_quote_that_is_lost_goes_on_filling_for_no_more_than_ten_seconds(shadow, caplog):
    bot = shadow.bot()
    bot.quotes(["AAPL"])
    shadow.live.book.spell = lambda _heard, _text: b"a page of somebody else's"
    shadow.clock.sleep(11)
    name = buy(bot, "101")
    with pytest.raises(OrderStatusError):
        look(shadow, bot)
    bot.synchronize_open_orders()
    assert state_of(bot, name)[1] == 0
    shadow.live.book.spell = lambda _heard, text: text
    look(shadow, bot)
    assert state_of(bot, name)[1] == 10
    told = [word for each in caplog.records for word in ("lost", "back") if f"live_quotes_{word}" in each.message]
    assert told == ["lost", "back"]
    bot.stop()


def test_the_size_of_a_quote_that_stands_is_taken_once(shadow):
    shadow.live.book.ask = Decimal("99.70")
    bot = shadow.bot()
    shadow.told = {"updated_at": shadow.clock.now().isoformat()}
    name = buy(bot, shares=150)
    for _ in range(3):
        look(shadow, bot)
        assert state_of(bot, name)[1] == 100
    shadow.told = {}
    look(shadow, bot)
    assert state_of(bot, name)[1] == 150
    bot.stop()


def test_a_symbol_that_the_broker_does_not_know_is_refused_and_one_it_was_not_asked_about_is_not(shadow):
    bot = shadow.bot()
    result = bot.execute_trade("NOSUCH"[:5], "buy", 1, Decimal(10), "a test")
    assert result.envelope is None
    shadow.live.book.spell = lambda _heard, _text: b""
    assert buy(bot)
    bot.stop()


def test_what_was_seen_is_recorded_and_can_be_replayed(shadow):
    bot = shadow.bot()
    shadow.live.book.ask = Decimal("99.70")
    look(shadow, bot)
    shadow.told = {"ask_price": None}
    look(shadow, bot)
    shadow.told = {}
    look(shadow, bot)
    bot.stop()
    file = shadow.config.logs_dir / "quotes" / "2026-11-23.jsonl"
    recorded = ReplayQuotes.from_file(file)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row.get("halted", False) for row in rows] == [False, True, False, True]
    assert {(row["symbol"], row["bid"], row["ask"]) for row in rows} == {("AAPL", "99.680000", "99.700000")}
    assert recorded.last_at - recorded.first_at < timedelta(seconds=5)


def test_a_start_reads_the_market_of_what_is_held_and_ordered(shadow):
    bot = shadow.bot()
    buy(bot, "90")
    bot.stop()
    before = len(shadow.live.server.paths())
    bot = shadow.bot()
    assert "GET /quotes/" in shadow.live.server.paths()[before:]
    bot.stop()


def test_the_companion_reads_what_is_held_and_ordered_in_one_request(shadow):
    bot = shadow.bot()
    buy(bot, "90")
    bot.stop()
    paper = parts(shadow.config, shadow.live)._paper
    assert paper is not None
    paper.open()
    before = len(shadow.live.server.paths())
    paper.follow()
    assert [path.split()[1] for path in shadow.live.server.paths()[before:]] == ["/quotes/"]
    paper.close()


def test_a_session_that_has_ended_is_renewed_once(shadow):
    bot = shadow.bot()
    shadow.live.book.revoke_all()
    assert set(bot.quotes(["AAPL"])) == {"AAPL"}
    bot.stop()


def test_the_login_of_an_account_that_a_bot_runs_on_is_renewed_by_that_bot_alone(shadow):
    bot = shadow.bot()
    lease = Lease(path=shadow.live.state().lease)
    lease.acquire()
    shadow.live.book.revoke_all()
    before = shadow.live.state().session.read_bytes()
    with pytest.raises(OrderStatusError):
        bot.quotes(["AAPL"])
    assert "POST /oauth2/token/" not in shadow.live.server.paths()
    assert shadow.live.state().session.read_bytes() == before
    shadow.live.book.bearers = {"renewed"}
    shadow.live.log_in("renewed")
    assert set(bot.quotes(["AAPL"])) == {"AAPL"}
    shadow.live.state().session.unlink()
    shadow.live.book.revoke_all()
    shadow.clock.sleep(2)
    with pytest.raises(OrderStatusError):
        bot.quotes(["AAPL"])
    lease.release()
    bot.stop()


def test_where_nobody_can_tell_whether_a_bot_runs_its_login_is_left_alone(shadow):
    bot = shadow.bot()
    shadow.live.state().lease.mkdir()
    shadow.live.book.revoke_all()
    with pytest.raises(OrderStatusError):
        bot.quotes(["AAPL"])
    assert "POST /oauth2/token/" not in shadow.live.server.paths()
    bot.stop()


def test_without_a_login_it_does_not_start_and_says_what_to_do(shadow):
    shadow.live.state().session.unlink()
    with pytest.raises(StartError, match="trading-bot login") as caught:
        shadow.bot()
    assert isinstance(caught.value.cause, AuthenticationError)


def test_a_login_that_another_library_keeps_is_enough(shadow):
    shadow.live.state().session.unlink()

    class Theirs:
        headers = {"Authorization": "Bearer first"}  # noqa: RUF012

    bot = create_bot(shadow.config, session=Theirs(), surroundings=shadow.live.around, background_sync=False)
    bot.start()
    assert set(bot.quotes(["AAPL"])) == {"AAPL"}
    bot.stop()


def parts(config: Config, account: LiveAccount) -> AccountParts:
    return parts_of(config, account.around, transport=None, quotes=None)


def companions_in(config: Config, account: LiveAccount) -> Mapping[str, Companion]:
    made = parts(config, account)
    bot = made.bot(background_sync=False)
    return made._companions(lambda: bot, bot._safety)._make()


def test_only_live_quotes_have_a_way_to_the_network_and_a_companion(shadow):
    made = shadow.config.model_copy(update={"paper": Config().paper})
    generated = parts(made, shadow.live)._paper
    assert generated is not None
    assert generated.feed is None
    assert "live quotes" not in companions_in(shadow.config.model_copy(update={"paper": Config().paper}), shadow.live)
    assert isinstance(companions_in(shadow.config, shadow.live)["live quotes"], Poller)


def test_quotes_given_by_the_caller_win(shadow):
    bot = create_bot(shadow.config, surroundings=shadow.live.around, quotes=SeededWalkQuotes(1), background_sync=False)
    bot.start()
    bot.stop()
    assert shadow.live.server.heard == []


def test_real_prices_keep_the_hours_of_the_exchange_unless_told_otherwise():
    assert Config.model_validate({"paper": {"quotes": "live"}}).trading.effective_calendar == "NYSE"
    always = {"paper": {"quotes": "live"}, "trading": {"calendar": "always_open"}}
    assert Config.model_validate(always).trading.effective_calendar == "always_open"
    assert Config().trading.effective_calendar == "always_open"


def test_a_recorded_market_beside_the_real_one_is_refused():
    with pytest.raises(ValueError, match="either quotes live or a quotes_file"):
        Config.model_validate({"paper": {"quotes": "live", "quotes_file": "day.jsonl"}})
