"""How many requests an order makes, and which: on paper, and live over a loopback broker.

Where a running bot would have had a round of its pollers between two orders, the test has one.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.bot_bench import ACCOUNT, PAPER_ACCOUNT, SUBMIT, BotBench, answers, request_lost
from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.paper_market import quote_line
from trading_bot.bot import TradeStatus
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.models import OrderState
from trading_bot.startup.account import AccountParts

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own

INSTRUMENT, QUOTES = "GET /instruments/", "GET /quotes/"
SYMBOLS = tuple("SYM" + chr(ord("A") + number) for number in range(20))
PENDING_AT_ONCE = 10


class Running:
    """A bot whose pollers run when told to, and the requests that reach its broker."""

    def __init__(self, parts: AccountParts, seen: Callable[[], list[str]]) -> None:
        self.parts = parts
        self.bot = parts.bot(background_sync=False)
        self.bot.start()
        self._seen = seen
        self._shares = 0

    def round(self) -> None:
        """What the pollers of a running bot do every few seconds."""
        self.bot.synchronize_open_orders()
        self.bot._safety.renew()
        if self.parts._collar is not None:
            self.parts._collar.renew()

    def buy(self, symbol: str = "AAPL", price: str = "90", **options) -> list[str]:
        """Buy some shares, another number each time, and return the requests that this took."""
        return self._traded("buy", symbol, price, **options)

    def sell(self, symbol: str = "AAPL", price: str = "110") -> list[str]:
        return self._traded("sell", symbol, price)

    def _traded(self, side: str, symbol: str, price: str, **options) -> list[str]:
        self._shares += 1
        before = len(self._seen())
        result = self.bot.execute_trade(symbol, side, self._shares, Decimal(price), "a test", **options)
        assert result.status is TradeStatus.SUBMITTED, result.message
        return self._seen()[before:]


@pytest.fixture
def bench(tmp_path: Path) -> BotBench:
    quotes = [quote_line(-100 + number, "99.98", "100.00", symbol=symbol) for number, symbol in enumerate(SYMBOLS)]
    bench = BotBench(tmp_path, quotes=quotes, max_pending_per_side=PENDING_AT_ONCE)
    bench.settings["risk_management"] = {}
    return bench


def on_paper(bench: BotBench) -> Running:
    parts = AccountParts(
        bench.config, bench.surroundings(), account_number=PAPER_ACCOUNT, transport=bench.broker, quotes=None
    )
    return Running(parts, lambda: list(bench.broker.seen))


@pytest.fixture
def paper(bench: BotBench) -> Running:
    return on_paper(bench)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.settings["order_management"] = {"max_pending_per_side": PENDING_AT_ONCE}
        account.log_in()
        account.arm()
        yield account


@pytest.fixture
def live(account: LiveAccount) -> Running:
    parts = AccountParts(
        account.config, account.around, account_number=NUMBER, transport=account.transport, quotes=None
    )
    return Running(parts, account.server.paths)


def pollers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "trading-bot-poller"]


class TestOnPaper:
    def test_the_first_order_in_a_symbol_asks_for_its_instrument_and_no_more(self, paper):
        assert paper.buy() == [INSTRUMENT, SUBMIT]
        assert paper.buy("SYMA") == [INSTRUMENT, SUBMIT]

    def test_an_order_in_a_symbol_traded_before_is_one_request(self, paper):
        paper.buy()
        paper.buy("SYMA")
        assert paper.buy() == [SUBMIT]
        assert paper.buy("SYMA") == [SUBMIT]

    def test_a_cancel_makes_no_order_wait(self, paper):
        paper.buy(client_order_id="c1")
        paper.bot.cancel_order("c1")
        assert paper.buy() == [SUBMIT]

    def test_a_fill_makes_no_order_wait(self, paper, bench):
        paper.buy(price="100", client_order_id="c1")
        bench.clock.sleep(61)
        paper.round()
        assert paper.bot.manager.status_on_record("c1").filled_quantity == 1
        assert paper.buy() == [SUBMIT]

    def test_a_sell_is_one_request(self, paper):
        paper.buy()
        assert paper.sell() == [SUBMIT]

    def test_an_hour_with_a_poller_makes_no_order_wait(self, paper, bench):
        paper.buy()
        for _ in range(240):
            bench.clock.sleep(15)
            paper.round()
        assert paper.buy() == [SUBMIT]

    def test_a_minute_without_a_poller_makes_the_order_read_for_itself(self, paper, bench):
        paper.buy()
        bench.clock.sleep(61)
        assert paper.buy() == ["GET /orders/", "GET /positions/", ACCOUNT, SUBMIT]

    def test_funds_that_are_short_are_read_anew_before_a_refusal(self, bench):
        bench.settings["risk_management"] = {"max_order_notional": None, "max_position_notional": None}
        paper = on_paper(bench)
        paper.buy(client_order_id="c1", price="90000")
        before = len(bench.broker.seen)
        result = paper.bot.execute_trade("SYMA", "buy", 200, Decimal(90), "a test")
        assert (result.code, bench.broker.seen[before:]) == ("insufficient_buying_power", [INSTRUMENT, ACCOUNT])
        paper.bot.cancel_order("c1")
        assert paper.bot.execute_trade("SYMA", "buy", 200, Decimal(90), "a test").status is TradeStatus.SUBMITTED

    def test_the_money_of_a_buy_that_never_arrived_is_spent_as_soon_as_that_is_proven(self, bench):
        bench.settings["risk_management"] = {"max_order_notional": None, "max_position_notional": None}
        paper = on_paper(bench)
        bench.broker.tampers[SUBMIT].extend([request_lost] * 10)
        paper.bot.execute_trade("AAPL", "buy", 900, Decimal(90), "a test", client_order_id="c1")
        for _ in range(10):
            bench.clock.sleep(15)
            paper.round()
        ended = paper.bot.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, by="alice", reason="seen")
        assert ended.state is OrderState.NEVER_ACCEPTED
        bench.broker.tampers.clear()
        assert paper.bot.execute_trade("SYMA", "buy", 900, Decimal(90), "a test").status is TradeStatus.SUBMITTED

    def test_a_bot_that_starts_again_rests_on_no_balances_of_before(self, paper, bench):
        paper.bot.stop()
        before = len(bench.broker.seen)
        paper.bot.start()
        assert ACCOUNT in bench.broker.seen[before:]

    def test_the_poller_reads_balances_once_half_their_time_is_over_or_an_order_outdated_them(
        self, paper: Running, bench: BotBench
    ) -> None:
        def reads_of_rounds(rounds: int) -> int:
            before = len(bench.broker.seen)
            for _ in range(rounds):
                bench.clock.sleep(15)
                paper.round()
            return bench.broker.seen[before:].count(ACCOUNT)

        assert reads_of_rounds(8) == 4
        paper.buy()
        assert reads_of_rounds(1) == 1

    def test_a_renewal_that_fails_stops_no_round_and_leaves_the_order_to_read_for_itself(self, paper, bench):
        paper.buy()
        bench.broker.standing[ACCOUNT] = answers(500)
        bench.clock.sleep(59)
        paper.round()
        bench.clock.sleep(1)
        bench.broker.standing.clear()
        assert ACCOUNT in paper.buy()

    def test_orders_of_twenty_symbols_at_once_wait_for_no_read(self, paper, bench):
        for symbol in SYMBOLS:
            paper.buy(symbol)
        before = len(bench.broker.seen)
        with ThreadPoolExecutor(len(SYMBOLS)) as pool:
            done = list(
                pool.map(lambda symbol: paper.bot.execute_trade(symbol, "buy", 1, Decimal(80), "a test"), SYMBOLS)
            )
        assert Counter(each.status for each in done) == {TradeStatus.SUBMITTED: 20}
        assert bench.broker.seen[before:] == [SUBMIT] * 20

    def test_a_synchronisation_renews_nothing_so_no_read_of_a_renewal_delays_it_or_the_look_for_halts(
        self, bench: BotBench
    ) -> None:
        paper = on_paper(bench)
        paper.buy()
        bench.clock.sleep(40)
        before = len(bench.broker.seen)
        paper.parts._synchronise(paper.parts._halt_watch(paper.bot._safety))
        assert ACCOUNT not in bench.broker.seen[before:]

    def test_no_order_waits_for_a_renewal_that_hangs(self, paper, bench):
        paper.buy()
        begun, end = threading.Event(), threading.Event()

        def hangs(forward, request):
            begun.set()
            assert end.wait(10)
            return forward()

        bench.broker.tampers[ACCOUNT].append(hangs)
        poller = threading.Thread(target=paper.bot._safety.renew)
        poller.start()
        assert begun.wait(10)
        assert paper.buy() == [SUBMIT]
        end.set()
        poller.join(10)


class TestLive:
    def test_the_first_order_in_a_symbol_asks_for_its_instrument_and_its_quote_at_once(self, live, account):
        both = threading.Barrier(2)

        def answered_once_both_are_asked_for(heard):
            both.wait(10)
            return account.book(heard)

        for path in ("/instruments/", "/quotes/"):
            account.server.on_every("GET", path, answered_once_both_are_asked_for)
        asked = live.buy()
        assert (sorted(asked[:2]), asked[2:]) == ([INSTRUMENT, QUOTES], [SUBMIT])

    def test_an_order_in_a_symbol_traded_before_is_one_request_while_its_quote_is_renewed(self, live, account):
        live.buy()
        live.buy("MSFT")
        for _ in range(60):
            account.clock.sleep(2.5)
            live.round()
        assert live.buy() == [SUBMIT]
        assert live.buy("MSFT") == [SUBMIT]

    def test_an_order_whose_quote_is_too_old_reads_it(self, live, account):
        live.buy()
        account.clock.sleep(5)
        assert live.buy() == [QUOTES, SUBMIT]

    def test_a_sell_asks_for_no_quote(self, live, account):
        assert live.sell() == [INSTRUMENT, SUBMIT]
        for _ in range(10):
            account.clock.sleep(15)
            live.round()
        assert live.sell() == [SUBMIT]

    def test_a_fill_and_a_cancel_make_no_order_wait(self, live):
        live.buy(price="100", pricing="marketable", client_order_id="c1")
        live.buy(client_order_id="c2")
        live.bot.cancel_order("c2")
        live.round()
        assert live.bot.manager.status_on_record("c1").filled_quantity == 1
        assert live.buy() == [SUBMIT]

    def test_a_running_bot_follows_orders_and_renews_balances_and_quotes_in_threads_of_their_own(self, account):
        parts = AccountParts(
            account.config, account.around, account_number=NUMBER, transport=account.transport, quotes=None
        )
        bot = parts.bot(background_sync=True)
        bot.start()
        assert len(pollers()) == 7  # two follow the protection plans, one values the account, one ties it out
        bot.stop()
        assert pollers() == []
