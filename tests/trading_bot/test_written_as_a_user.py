"""The rules of an order, each written as the owner of a strategy would, with nothing but the installed fixtures."""

import json
from decimal import Decimal

import pytest

from trading_bot import CancelVerdict, OrderCancellationError, OrderRequest, OrderState, Side, TradeStatus
from trading_bot.testing import accept, accept_late, lose_reply, lose_request, reject

PRICE = Decimal("250.30")


@pytest.fixture
def broker(broker):
    broker.hold("AAPL", 50, average_price=180)
    return broker


def test_a_buy_is_priced_below_the_reference_by_the_offset_in_basis_points(bot, broker):
    bot.execute_trade("TSLA", "buy", 50, PRICE, "the worked example")
    assert broker.order("TSLA").limit_price == Decimal("249.93")


def test_a_strategy_sells_above_the_reference_by_its_own_offset_in_dollars(start_bot, broker):
    own = {"offset_mode": "absolute", "buy_offset": "0.02", "sell_offset": "0.04"}
    bot = start_bot(order_management={"strategy_overrides": {"momentum": own}})
    bot.execute_trade("AAPL", "sell", 10, Decimal("252.10"), "the worked example", strategy_name="momentum")
    assert broker.order("AAPL").limit_price == Decimal("252.14")


def test_a_buy_reaches_the_broker_once_with_the_computed_limit_and_is_logged(bot, mock_session):
    result = bot.execute_trade("TSLA", "buy", 5, PRICE, "a signal", strategy_name="momentum")
    mock_session.submit.assert_called_once()
    (sent,) = mock_session.submit.call_args.args
    assert (sent.symbol, sent.side, sent.quantity, sent.limit_price) == ("TSLA", Side.BUY, 5, Decimal("249.93"))
    line = json.loads((bot.config.logs_dir / "trades.jsonl").read_text())
    assert (line["order_id"], line["limit_price"]) == (result.envelope.order_id, "249.93")
    assert (line["reason"], line["strategy_name"], line["status"]) == ("a signal", "momentum", "submitted")


def test_no_more_is_sold_than_is_held_and_free(bot, broker):
    assert bot.execute_trade("AAPL", "sell", 51, 200, "too many").code == "insufficient_shares"
    assert bot.execute_trade("AAPL", "sell", 50, 200, "all").status is TradeStatus.SUBMITTED
    assert bot.execute_trade("AAPL", "sell", 1, 210, "none are free").code == "insufficient_shares"
    assert [order.quantity for order in broker.submitted] == [50]


def test_a_repeated_signal_sends_no_second_order(bot, broker):
    first, again = (bot.execute_trade("TSLA", "buy", 5, PRICE, "the same signal") for _ in range(2))
    assert (first.status, again.status) == (TradeStatus.SUBMITTED, TradeStatus.DUPLICATE)
    assert again.envelope.order_id == first.envelope.order_id
    assert len(broker.submitted) == 1


def test_an_order_whose_reply_is_lost_is_found_at_the_broker_and_not_sent_again(bot, broker):
    broker.next_order(lose_reply())
    assert bot.execute_trade("TSLA", "buy", 5, PRICE, "a signal").status is TradeStatus.SUBMITTED
    assert len(broker.submitted) == 1


def test_an_order_that_nobody_can_find_is_unknown_until_it_is_found(bot, broker, clock):
    broker.next_order(accept_late(60))
    result = bot.execute_trade("TSLA", "buy", 5, PRICE, "a signal")
    assert (result.status, result.envelope.state) == (TradeStatus.UNKNOWN, OrderState.UNKNOWN)
    clock.advance(60)
    bot.synchronize_open_orders()
    (found,) = bot.open_orders()
    assert (found.client_order_id, found.state) == (result.envelope.client_order_id, OrderState.CONFIRMED)
    assert len(broker.submitted) == 1


def in_doubt(bot, broker):
    broker.next_order(lose_request())
    return bot.execute_trade("TSLA", "buy", 5, PRICE, "a signal", client_order_id="lost")


def test_an_order_that_never_arrived_is_given_up_once_lists_with_another_order_lack_it(bot, broker, clock):
    bot.execute_trade("MSFT", "buy", 1, PRICE, "proves that the list can be believed")
    assert in_doubt(bot, broker).status is TradeStatus.UNKNOWN
    for _ in range(2):
        clock.advance(60)
        bot.synchronize_open_orders()
    assert bot.order_status("lost").state is OrderState.PRESUMED_ABSENT
    assert bot.execute_trade("TSLA", "buy", 5, PRICE, "anew").status is TradeStatus.SUBMITTED


def test_without_such_a_list_an_order_stays_in_doubt_until_a_person_ends_it(bot, broker, clock):
    in_doubt(bot, broker)
    for _ in range(3):
        clock.advance(3600)
        bot.synchronize_open_orders()
    assert bot.order_status("lost").state is OrderState.UNKNOWN
    bot.manager.decisions.resolve("lost", as_="never_accepted", by="me", reason="the app shows no such order")
    assert bot.order_status("lost").state is OrderState.NEVER_ACCEPTED


def test_cancel_all_answers_for_each_order_and_raises_while_one_may_trade(bot, broker, mock_session):
    mock_session.cancel.side_effect = lambda order: reject("Too late.") if order.symbol == "TSLA" else accept()
    for symbol in ("TSLA", "MSFT", "NVDA"):
        bot.execute_trade(symbol, "buy", 1, PRICE, "three orders")
    broker.fill("MSFT")
    with pytest.raises(OrderCancellationError) as caught:
        bot.cancel_all_open_orders()
    assert {result.symbol: result.verdict for result in caught.value.results} == {
        "TSLA": CancelVerdict.REFUSED,
        "MSFT": CancelVerdict.FILLED_BEFORE_CANCEL,
        "NVDA": CancelVerdict.CANCELLED,
    }
    assert [order.symbol for order in broker.open_orders] == ["TSLA"]


def test_a_fill_is_told_once_booked_and_ends_what_was_pending(bot, broker, clock):
    fills = []
    bot.manager.subscribe(lambda change: fills.append((change.event.last_quantity, change.event.last_price)))
    result = bot.execute_trade("TSLA", "buy", 5, PRICE, "an entry")
    assert bot.execute_trade("TSLA", "buy", 9, PRICE, "one is pending").code == "too_many_pending"
    broker.fill("TSLA", 3, at="249.90")
    broker.fill("TSLA")
    clock.advance(15)
    bot.synchronize_open_orders()
    assert [fill for fill in fills if fill[0]] == [(3, Decimal("249.90")), (2, Decimal("249.93"))]
    status = bot.order_status(result.envelope.order_id)
    assert (status.state, status.average_price) == (OrderState.FILLED, Decimal("249.912"))
    assert bot.execute_trade("TSLA", "buy", 9, PRICE, "nothing is pending").status is TradeStatus.SUBMITTED


@pytest.mark.parametrize("order_type", ["stop", "market"])
def test_an_order_of_another_type_is_answered_in_structure_and_reaches_nothing(bot, mock_session, order_type):
    result = bot.execute_trade("TSLA", "buy", 5, PRICE, "a stop", order_type=order_type)
    assert (result.status, result.code) == (TradeStatus.NOT_IMPLEMENTED, "unsupported_order_type")
    assert result.message
    mock_session.submit.assert_not_called()


def test_a_paper_trade_goes_from_signal_to_position(bot, broker, clock):
    assert bot.config.trading.mode == "paper"
    bot.execute_trade("TSLA", "buy", 5, PRICE, "in", client_order_id="in")
    broker.fill("TSLA", at=249)
    clock.advance(60)
    bot.synchronize_open_orders()
    out = bot.execute_trade("TSLA", "sell", 5, Decimal("252.10"), "out", client_order_id="out")
    broker.fill(out.envelope)
    assert bot.synchronize_open_orders().fills_booked == 1
    assert (broker.holdings, bot.open_orders()) == ({"AAPL": 50}, ())
    assert broker.cash == 100_000 - 5 * 249 + 5 * out.envelope.limit_price


def test_the_order_manager_alone_takes_a_request(bot, broker):
    request = OrderRequest(symbol="TSLA", side=Side.BUY, quantity=5, reference_price=PRICE, client_order_id="mine")
    envelope = bot.manager.place_limit_order(request)
    assert (envelope.client_order_id, broker.order("TSLA").client_order_id) == ("mine", "mine")
