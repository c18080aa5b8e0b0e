"""Every name that the owner of an existing bot uses, used as that owner would: it imports, and does what it says.

What is mocked here is what an owner mocks: the broker's end of the wire, and functions of the owner's own.
"""

import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_mock import MockerFixture

from trading_bot.account.account_data import AccountData
from trading_bot.bot import StartError, TradeStatus, TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config, OrderManagementConfig
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.error_handling.retry import with_retry
from trading_bot.logging.structured_logger import StructuredTradeLogger, TradeRecord
from trading_bot.order_management import (
    ExecutionMode,
    OrderCancellationError,
    OrderEnvelope,
    OrderError,
    OrderManager,
    OrderRequest,
    OrderStatus,
    OrderStatusError,
    OrderSubmissionError,
    PriceOffsetConfig,
    Side,
    UnsupportedOrderTypeError,
    price_order,
)
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.order_management.ports import AccountGateway
from trading_bot.safety_checks import SafetyChecks, SafetyResult
from trading_bot.startup import create_bot

MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)
NAMES = {
    "trading_bot": "create_bot Config TradingBot TradeResult TradeStatus OrderManager OrderRequest OrderError",
    "trading_bot.order_management": "OrderManager OrderRequest PriceOffsetConfig OrderEnvelope OrderStatus OrderError "
    "OrderSubmissionError OrderCancellationError OrderStatusError UnsupportedOrderTypeError OrderValidationError "
    "OrderRejectedError OrderNotSentError OrderOutcomeUnknownError DuplicateOrderError TradingHaltedError "
    "OrderLogError",
    "trading_bot.order_management.models": "OrderRequest OrderEnvelope OrderStatus",
    "trading_bot.order_management.manager": "OrderManager",
    "trading_bot.logging.structured_logger": "StructuredTradeLogger TradeRecord",
    "trading_bot.error_handling.retry": "with_retry",
    "trading_bot.error_handling.policies": "RetryPolicy",
    "trading_bot.config": "Config OrderManagementConfig",
    "trading_bot.safety_checks": "SafetyChecks SafetyResult",
    "trading_bot.account.account_data": "AccountData",
    "trading_bot.bot": "TradingBot",
    "trading_bot.startup": "create_bot",
}


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names.split()]
)
def test_a_name_is_where_an_existing_bot_imports_it_from(module: str, name: str):
    assert getattr(importlib.import_module(module), name)


def test_the_startup_package_can_be_run():
    assert find_spec("trading_bot.startup.__main__") is not None


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "config.json").write_text(
        '{"logs_dir": "logs", "state_dir": "state", "paper": {"seed": 7}}', encoding="utf-8"
    )
    return Config.from_env_and_json(tmp_path / "config.json", environ={})


@pytest.fixture
def bot(config: Config) -> Iterator[TradingBot]:
    bot = create_bot(config, clock=VirtualClock(MONDAY), background_sync=False)
    bot.start()
    yield bot
    bot.stop()


def trades(config: Config) -> list[dict[str, object]]:
    text = (config.logs_dir / "trades.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_trade_is_asked_for_by_position(bot: TradingBot, config: Config):
    price: Any = 250.30
    result = bot.execute_trade("TSLA", "BUY", 5, price, "breakout")
    assert (result.status, result.code) == (TradeStatus.SUBMITTED, "submitted")
    assert isinstance(result.envelope, OrderEnvelope)
    assert (result.envelope.symbol, result.envelope.limit_price) == ("TSLA", Decimal("249.93"))
    (record,) = trades(config)
    assert (record["order_id"], record["limit_price"]) == (result.envelope.order_id, "249.93")


def test_the_manager_places_reads_and_cancels(bot: TradingBot, mocker: MockerFixture):
    heard = mocker.stub("a listener of the owner's")
    manager: OrderManager = bot.manager
    manager.subscribe(heard)
    placed = manager.place_limit_buy("TSLA", 50, Decimal("250.30"), strategy_name="momentum")
    assert (placed.limit_price, placed.execution_mode) == (Decimal("249.93"), "paper")
    assert heard.called
    status = manager.get_order_status(str(placed.order_id))
    assert isinstance(status, OrderStatus)
    assert status.state.is_working
    assert (status.filled_quantity, status.remaining_quantity) == (Decimal(0), Decimal(50))
    (cancelled,) = manager.cancel_all()
    assert (cancelled.order_id, cancelled.verdict) == (placed.order_id, "cancelled")
    assert manager.open_orders() == ()


def test_a_stop_order_is_refused_by_the_manager_and_answered_by_the_bot(bot: TradingBot, config: Config):
    request = OrderRequest(
        symbol="TSLA", side=Side.SELL, quantity=5, reference_price=Decimal("240.00"), order_type="stop"
    )
    with pytest.raises(UnsupportedOrderTypeError, match="leave the position with an exit"):
        bot.manager.place_limit_order(request)
    result = bot.execute_trade("TSLA", "SELL", 5, Decimal("240.00"), "protect it", "momentum", "stop")
    assert (result.status, result.code) == (TradeStatus.NOT_IMPLEMENTED, "unsupported_order_type")
    assert bot.orders() == ()
    assert [record["status"] for record in trades(config)] == ["not_implemented"]


def test_errors_are_one_tree():
    for kind in (OrderSubmissionError, OrderCancellationError, OrderStatusError, UnsupportedOrderTypeError):
        assert issubclass(kind, OrderError)


def test_a_broker_that_cannot_be_reached_is_told_at_the_start(config: Config, mocker: MockerFixture):
    transport = mocker.Mock(spec=requests.adapters.BaseAdapter)
    transport.send.side_effect = requests.exceptions.ConnectionError("refused")
    bot = create_bot(config, transport=transport, clock=VirtualClock(MONDAY), background_sync=False)
    with pytest.raises(StartError, match="check the network"):
        bot.start()
    assert {call.args[0].path_url for call in transport.send.call_args_list} == {"/oauth2/token/"}


def test_offsets_price_an_order():
    words: dict[str, Any] = {
        "offset_mode": "absolute",
        "buy_offset": 0.04,
        "sell_offset": 0.04,
        "max_slippage_pct": 0.5,
    }
    request = OrderRequest(symbol="TSLA", side=Side.SELL, quantity=50, reference_price=Decimal("252.10"))
    assert price_order(request, PriceOffsetConfig(**words)).limit_price == Decimal("252.14")


def test_settings_come_from_defaults_a_mapping_or_a_file(config: Config):
    assert OrderManagementConfig.default() == config.order_management
    wide = OrderManagementConfig.from_dict({"strategy_overrides": {"wide": {"buy_offset": 40, "sell_offset": 40}}})
    assert isinstance(wide.pricing_rules("wide"), PriceOffsetConfig)
    assert wide.pricing_rules("wide").buy_offset == 40


def snapshot(dollars: int) -> AccountSnapshot:
    return AccountSnapshot(
        account_suffix="0001",
        buying_power=Decimal(dollars),
        cash=None,
        cash_held_for_orders=None,
        restriction=None,
        as_of=MONDAY,
    )


def test_account_data_is_kept_until_it_is_old_or_invalidated(mocker: MockerFixture):
    broker, clock = mocker.Mock(spec=AccountGateway), VirtualClock(MONDAY)
    broker.fetch_account.side_effect = [snapshot(1000), snapshot(900), snapshot(800)]
    account = AccountData(gateway=broker, clock=clock, ttl_s=15)
    assert [account.buying_power() for _ in range(3)] == [1000, 1000, 1000]
    clock.sleep(16)
    assert account.buying_power() == 900
    account.invalidate_cache()
    assert account.buying_power() == 800


def test_the_safety_checks_answer_with_a_result_and_remember_pending_orders(bot: TradingBot):
    checks: SafetyChecks = bot._safety
    action: Any = "BUY"
    result = checks.validate_trade("TSLA", action, 5, Decimal("250.30"))
    assert isinstance(result, SafetyResult)
    assert result.is_safe
    assert not checks.validate_trade("TSLA", action, 100_000, Decimal("250.30")).is_safe
    checks.register_pending_order("TSLA", action, "an order id")
    assert [order.symbol for order in checks.pending_orders] == ["TSLA"]
    checks.clear_pending_order("TSLA", action)
    checks.register_pending_order("TSLA", action, "another one")
    checks.clear_all_pending_orders()
    assert checks.pending_orders == ()


def test_the_trade_logger_writes_a_line(tmp_path: Path, mocker: MockerFixture):
    on_problem = mocker.stub("an alarm of the owner's")
    path = tmp_path / "trades.jsonl"
    logger = StructuredTradeLogger(path=path, clock=VirtualClock(MONDAY), session_id="s1", on_problem=on_problem)
    logger.record(
        TradeRecord(
            symbol="TSLA",
            side="buy",
            quantity=5,
            reference_price=Decimal("250.30"),
            limit_price=Decimal("249.93"),
            order_id="o1",
            client_order_id="c1",
            status="submitted",
            code="submitted",
            reason="breakout",
            message="submitted",
            strategy_name="momentum",
            execution_mode=ExecutionMode.PAPER,
        )
    )
    assert json.loads(path.read_text(encoding="utf-8"))["limit_price"] == "249.93"
    assert not on_problem.called


def test_a_read_of_the_owners_is_repeated(mocker: MockerFixture):
    fetch = mocker.Mock(side_effect=[OrderStatusError("the broker could not be read"), "249.90"])
    no_wait = RetryPolicy(max_attempts=3, initial_delay_s=0, max_delay_s=0, jitter_s=0)

    @with_retry(policy=no_wait)
    def price_of(symbol: str) -> str:
        return str(fetch(symbol))

    assert price_of("TSLA") == "249.90"
    assert fetch.call_count == 2


def test_a_plain_decorator_leaves_what_works_alone(mocker: MockerFixture):
    fetch = mocker.Mock(return_value="249.90")
    assert with_retry(fetch)("TSLA") == "249.90"
    fetch.assert_called_once_with("TSLA")
