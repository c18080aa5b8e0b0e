"""A broker that answers nothing: every way to look is over by the deadline that its documentation names."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest
import requests

from tests.support.bot_bench import BotBench, Forward, Tamper
from trading_bot.account.market_data import READ_WITHIN_S
from trading_bot.bot import TradingBot
from trading_bot.bot_lifecycle import StartError
from trading_bot.config import OrderManagementConfig
from trading_bot.lease import this_process
from trading_bot.operations import Command, ListOrders, ListPositions, Operations, PreviewOrder, ShowStatus, Synchronize
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import Side
from trading_bot.order_management.sync.synchronizer import SYNC_DEADLINE_S
from trading_bot.robinhood.sending import current_send_context

ORDER_SETTINGS = OrderManagementConfig.default()
STATUS = ShowStatus(id="c1")
PREVIEW = PreviewOrder(symbol="MSFT", side=Side.BUY, quantity=1, reference_price=Decimal(100))


def asked(command: Command) -> Callable[[TradingBot], object]:
    return lambda bot: Operations(bot, holder=this_process()).perform(command)


LOOKS: dict[str, tuple[Callable[[TradingBot], object], float]] = {
    "account_summary": (lambda bot: bot.account_summary(), READ_WITHIN_S),
    "account.account": (lambda bot: bot.account.account(), ORDER_SETTINGS.request_timeout_s),
    "account.positions": (lambda bot: bot.account.positions(), ORDER_SETTINGS.request_timeout_s),
    "history": (lambda bot: bot.history("AAPL"), READ_WITHIN_S),
    "orders": (asked(ListOrders()), 0),
    "order_status": (lambda bot: bot.order_status("c1"), ORDER_SETTINGS.request_timeout_s),
    "positions": (lambda bot: bot.positions(), READ_WITHIN_S),
    "positions, as a command": (asked(ListPositions()), READ_WITHIN_S),
    "preview": (asked(PREVIEW), ORDER_SETTINGS.intent_ttl_s),
    "quotes": (lambda bot: bot.quotes(["AAPL"]), READ_WITHIN_S),
    "status": (asked(STATUS), ORDER_SETTINGS.request_timeout_s),
    "sync": (asked(Synchronize()), SYNC_DEADLINE_S),
}


class Everywhere(dict[str, Tamper]):
    """One treatment of every route."""

    def get(self, _route: object, _default: object = None) -> Tamper:
        return self["all"]


@pytest.fixture
def bench(tmp_path):
    made = BotBench(tmp_path)
    made.settings["risk_management"] = {"account_cache_ttl_s": 0, "max_daily_loss": 1000}
    made.bot = made.new_bot()
    yield made
    made.broker.standing = {}
    made.bot.stop()


def hang(bench: BotBench) -> None:
    def silence(_forward: Forward, _request: requests.PreparedRequest) -> requests.Response:
        context = current_send_context()
        with context.writing():
            bench.clock.sleep(max(context.deadline - bench.clock.monotonic(), 0))
        raise requests.exceptions.ReadTimeout("no answer")

    bench.broker.standing = Everywhere(all=silence)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_a_silent_broker_is_over_by_its_deadline(bench, look):
    bench.started()
    bench.trade(price="90", pricing="passive")
    call, deadline_s = LOOKS[look]
    hang(bench)
    began = bench.clock.monotonic()
    with suppress(OrderStatusError):
        call(bench.bot)
    took_s = bench.clock.monotonic() - began
    assert took_s <= deadline_s
    assert (took_s > 0) == (deadline_s > 0), "it has to ask somebody"


def test_status_shows_what_is_on_record_once_its_time_is_over(bench):
    bench.started()
    bench.trade(price="90")
    hang(bench)
    shown = Operations(bench.bot, holder=this_process()).perform(STATUS)
    assert shown["state"] == "queued"
    assert "could not be read" in str(shown["problem"])


def test_a_start_ends_once_account_and_orders_had_their_time(bench):
    hang(bench)
    began = bench.clock.monotonic()
    with pytest.raises(StartError):
        bench.bot.start()
    assert bench.clock.monotonic() - began <= 16 + SYNC_DEADLINE_S
