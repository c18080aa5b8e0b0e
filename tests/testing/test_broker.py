"""What a test can have the scripted broker do, seen from the bot that trades with it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_bot import CancelVerdict, OrderCancellationError, OrderRejectedError, OrderState, TradeStatus
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.testing import (
    Outcome,
    ScriptedBroker,
    ScriptError,
    accept,
    accept_and_fill,
    accept_late,
    await_approval,
    lose_reply,
    lose_request,
    refuse_connection,
    reject,
    throttle,
)

LIMIT = Decimal("99.85")


def buy(bot, symbol="TSLA", shares=10, **options):
    return bot.execute_trade(symbol, "buy", shares, Decimal(100), "a test", **options)


def synchronised(bot, clock, seconds=15):
    clock.advance(seconds)
    return bot.synchronize_open_orders()


@pytest.fixture
def order(bot, broker):
    """An order of 10 TSLA at 99.85, open at the broker."""
    buy(bot)
    return broker.order("TSLA")


class TestLeftAlone:
    def test_an_order_rests_and_nothing_fills_by_itself(self, bot, broker, clock):
        broker.quote("TSLA", bid=10, ask=11)
        buy(bot)
        synchronised(bot, clock, 3600)
        (order,) = broker.open_orders
        assert (order.state, order.filled, order.left, order.average_price) == (OrderState.CONFIRMED, 0, 10, None)

    def test_what_the_cash_does_not_cover_is_rejected(self, bot, broker):
        broker.set_cash(900)
        with pytest.raises(OrderRejectedError) as caught:
            bot.manager.place_limit_buy("TSLA", 10, Decimal(100))
        assert caught.value.reason == "You do not have enough buying power."
        assert (broker.orders, len(broker.submitted)) == ((), 1)

    def test_what_an_open_order_has_promised_covers_no_other(self, bot, broker):
        broker.set_cash(1500)
        buy(bot)
        with pytest.raises(OrderRejectedError):
            bot.manager.place_limit_buy("MSFT", 10, Decimal(100))

    def test_what_an_open_order_sells_is_not_sold_again(self, start_bot, broker):
        broker.hold("TSLA", 10)
        sent = start_bot().execute_trade("TSLA", "sell", 6, 100, "a test")
        (request,) = broker.submitted
        assert sent.status is TradeStatus.SUBMITTED
        assert broker.submit(replace(request, quantity=5)) == reject("Not enough shares to sell.")
        assert broker.submit(replace(request, quantity=4)) == accept()

    def test_no_session_ends(self, broker):
        assert broker.renew_session(within_s=1)

    def test_the_account_holds_back_what_open_orders_may_cost(self, order, broker):
        account = broker.fetch_account()
        assert (account.portfolio_cash, account.cash_held_for_orders) == (100_000, 10 * LIMIT)
        assert account.buying_power == 100_000 - 10 * LIMIT


@pytest.mark.parametrize(
    ("outcomes", "status", "counts"),
    [
        ([accept()], TradeStatus.SUBMITTED, (1, 1)),
        ([await_approval()], TradeStatus.SUBMITTED, (1, 1)),
        ([reject("Not today.")], TradeStatus.REJECTED, (0, 1)),
        ([accept_and_fill(3, at=99)], TradeStatus.SUBMITTED, (1, 1)),
        ([lose_reply()], TradeStatus.SUBMITTED, (1, 1)),
        ([lose_request()], TradeStatus.UNKNOWN, (0, 1)),
        ([accept_late(5)], TradeStatus.SUBMITTED, (1, 1)),
        ([accept_late(3600)], TradeStatus.UNKNOWN, (0, 1)),
        ([throttle()], TradeStatus.SUBMITTED, (1, 2)),
        ([throttle(retry_after_s=60)], TradeStatus.NOT_SENT, (0, 1)),
        ([throttle(), throttle(), throttle()], TradeStatus.NOT_SENT, (0, 3)),
        ([refuse_connection()], TradeStatus.SUBMITTED, (1, 1)),
        ([throttle(), reject("Not today.")], TradeStatus.REJECTED, (0, 2)),
    ],
    ids=lambda value: None if isinstance(value, TradeStatus | tuple) else "-".join(each.reply.name for each in value),
)
def test_the_bot_answers_for_each_outcome(bot, broker, outcomes: list[Outcome], status, counts):
    """``counts`` is of the orders that the broker has, and of the requests that reached it."""
    broker.next_order(*outcomes)
    assert buy(bot).status is status
    assert (len(broker.orders), len(broker.submitted)) == counts
    assert len({sent.ref_id for sent in broker.submitted}) == 1


def test_an_outcome_holds_for_one_order(bot, broker):
    broker.next_order(reject("Not today."))
    statuses = [buy(bot, symbol).status for symbol in ("TSLA", "MSFT")]
    assert statuses == [TradeStatus.REJECTED, TradeStatus.SUBMITTED]


def test_the_brokers_reason_reaches_the_caller(bot, broker):
    broker.next_order(reject("Not today."))
    result = buy(bot)
    assert (result.envelope.reason, "Not today" in result.message) == ("Not today.", True)


def test_an_order_that_is_late_turns_up_when_it_is_due(bot, broker, clock):
    broker.next_order(accept_late(3600))
    buy(bot)
    clock.advance(3599 - clock.monotonic())
    assert broker.orders == ()
    clock.advance(1)
    assert [order.created_at for order in broker.orders] == [clock.now()]


class TestApprovals:
    def test_an_order_fills_once_the_owner_has_approved_it(self, bot, broker, clock):
        broker.next_order(await_approval())
        assert buy(bot).envelope.awaits_approval
        with pytest.raises(ScriptError, match="awaits approval; give it before"):
            broker.fill("TSLA")
        broker.approve("TSLA")
        broker.fill("TSLA", 4)
        bot.synchronize_open_orders()
        (order,) = bot.open_orders()
        assert (order.awaits_approval, order.filled_quantity) == (False, 4)

    def test_the_owner_may_decline_it(self, bot, broker):
        broker.next_order(await_approval())
        name = buy(bot).envelope.client_order_id
        broker.decline("TSLA")
        bot.synchronize_open_orders()
        status = bot.order_status(name)
        assert (status.state, status.awaits_approval) == ("cancelled", False)

    def test_what_awaits_none_cannot_be_approved(self, order, broker):
        for answer in (broker.approve, broker.decline):
            with pytest.raises(ScriptError, match="awaits no approval"):
                answer("TSLA")

    def test_nobody_approves_a_cancel(self, broker):
        with pytest.raises(ScriptError, match="nobody approves a cancel"):
            broker.next_cancel(await_approval())


class TestFills:
    def test_a_part_and_then_the_rest(self, bot, broker, clock, order):
        broker.fill("TSLA", 3, at="99.80")
        assert synchronised(bot, clock).fills_booked == 1
        assert bot.order_status(order.order_id).state is OrderState.PARTIALLY_FILLED
        broker.fill(order)
        assert synchronised(bot, clock).orders_closed == 1
        assert bot.order_status(order.order_id).average_price == (3 * Decimal("99.80") + 7 * LIMIT) / 10

    def test_cash_and_shares_follow(self, broker, order):
        broker.fill(order.order_id, at=99.5)
        assert (broker.cash, broker.holdings) == (100_000 - 995, {"TSLA": 10})

    def test_a_sale_brings_its_price_and_takes_the_shares(self, start_bot, broker):
        broker.hold("TSLA", 10, average_price=80)
        bot = start_bot()
        sold = bot.execute_trade("TSLA", "sell", 4, 100, "a test").envelope
        (row,) = broker.fetch_positions().positions
        assert (row.held_for_sells, row.sellable) == (4, 6)
        broker.fill(sold, at=101)
        (row,) = broker.fetch_positions().positions
        assert (row.quantity, row.average_buy_price, row.held_for_sells) == (6, 80, 0)
        assert broker.cash == 100_000 + 404

    @pytest.mark.parametrize(("before", "after"), [(None, None), (80, Decimal("89.9"))])
    def test_the_average_price_is_over_all_that_is_held(self, start_bot, broker, before, after):
        broker.hold("TSLA", 10, average_price=before)
        buy(start_bot())
        broker.fill("TSLA", at="99.80")
        assert broker.fetch_position("instrument-TSLA").average_buy_price == after
        assert broker.fetch_position("instrument-MSFT") is None

    def test_fills_count_in_the_order_in_which_they_happened(self, broker, clock):
        broker.hold("TSLA", 10, average_price=80)
        sell, bought = (broker.place_in_app("TSLA", side, 10, limit=90) for side in ("sell", "buy"))
        broker.fill(bought)
        clock.advance(1)
        broker.fill(sell)
        (row,) = broker.fetch_positions().positions
        assert (row.quantity, row.average_buy_price) == (10, 85)

    def test_an_annulled_execution_takes_its_cash_and_shares_back(self, bot, broker, clock, order):
        broker.fill(order, 4)
        broker.fill(order, 6)
        synchronised(bot, clock)
        assert broker.bust("TSLA").quantity == 6
        assert (broker.holdings, broker.cash) == ({"TSLA": 4}, 100_000 - 4 * LIMIT)
        synchronised(bot, clock, 300)
        assert bot.order_status(order.order_id).filled_quantity == 4

    def test_an_order_at_work_goes_on_after_a_bust(self, bot, broker, clock, order):
        broker.fill(order, 4)
        synchronised(bot, clock)
        broker.bust(order)
        synchronised(bot, clock)
        broker.fill(order)
        synchronised(bot, clock)
        status = bot.order_status(order.order_id)
        (fill,) = status.executions
        assert (status.state, fill.quantity, fill.execution_id) == (OrderState.FILLED, 10, "order-1-fill-2")


class TestEnds:
    @pytest.mark.parametrize(
        ("end", "state"),
        [
            (ScriptedBroker.cancel_in_app, OrderState.CANCELLED),
            (ScriptedBroker.expire, OrderState.CANCELLED),
            (lambda broker, which: broker.reject_later(which, "A halt."), OrderState.REJECTED),
        ],
        ids=["cancelled in the app", "expired", "rejected later"],
    )
    def test_the_bot_learns_of_an_end_and_keeps_the_fills(self, bot, broker, order, end, state):
        broker.fill(order, 4)
        end(broker, "TSLA")
        bot.synchronize_open_orders()
        status = bot.order_status(order.order_id)
        assert (status.state, status.filled_quantity, status.remaining_quantity) == (state, 4, 0)
        assert (order.left, bot.open_orders()) == (0, ())

    def test_the_reason_of_a_late_rejection_is_told(self, bot, broker, clock, order):
        broker.reject_later(order, "A halt.")
        synchronised(bot, clock)
        assert bot.order_status(order.order_id).reason == "A halt."


class TestCancels:
    @pytest.mark.parametrize(
        ("outcome", "verdict"),
        [
            (accept(), CancelVerdict.CANCELLED),
            (lose_reply(), CancelVerdict.CANCELLED),
            (accept_late(20), CancelVerdict.CANCELLED),
            (throttle(), CancelVerdict.CANCELLED),
            (lose_request(), CancelVerdict.CANCELLED),
            (refuse_connection(), CancelVerdict.CANCELLED),
        ],
        ids=lambda value: value.reply.name if isinstance(value, Outcome) else None,
    )
    def test_the_bot_asks_until_the_order_has_ended(self, bot, broker, order, outcome, verdict):
        broker.next_cancel(outcome)
        assert bot.cancel_order(order.order_id).verdict is verdict
        assert order.state is OrderState.CANCELLED

    def test_a_cancel_that_is_late_ends_the_order_when_it_is_due(self, broker, clock, order):
        broker.next_cancel(accept_late(20))
        broker.cancel_order(order.order_id)
        for seconds, state in ((19, OrderState.CONFIRMED), (1, OrderState.CANCELLED)):
            clock.advance(seconds)
            assert broker.order("TSLA").state is state
        assert order.updated_at == clock.now()

    def test_a_cancel_that_is_always_refused_leaves_the_order_at_work(self, bot, mock_session, order):
        mock_session.cancel.return_value = reject("Too late to cancel.")
        with pytest.raises(OrderCancellationError):
            bot.cancel_order(order.order_id)
        assert mock_session.order("TSLA").state is OrderState.CONFIRMED

    def test_a_cancel_that_is_late_ends_what_has_filled_in_part_meanwhile(self, broker, clock, order):
        broker.next_cancel(accept_late(60))
        broker.cancel_order(order.order_id)
        clock.advance(59)
        broker.fill(order, 4)
        assert order.state is OrderState.PARTIALLY_FILLED
        clock.advance(1)
        assert (broker.order("TSLA").state, order.filled, order.left) == (OrderState.CANCELLED, 4, 0)

    def test_a_cancel_that_is_late_comes_too_late_for_what_has_filled(self, broker, clock, order):
        broker.next_cancel(accept_late(60))
        broker.cancel_order(order.order_id)
        broker.fill(order)
        clock.advance(60)
        assert broker.order("TSLA").state is OrderState.FILLED

    def test_a_second_cancel_puts_the_first_off_no_further(self, broker, clock, order):
        broker.next_cancel(accept_late(60), accept_late(60))
        broker.cancel_order(order.order_id)
        clock.advance(30)
        broker.cancel_order(order.order_id)
        clock.advance(30)
        assert broker.order("TSLA").state is OrderState.CANCELLED

    def test_an_order_that_has_ended_cannot_be_cancelled(self, broker, order):
        broker.fill(order)
        assert broker.cancel(order) == reject("the order is filled already")
        broker.next_cancel(accept())
        broker.cancel_order(order.order_id)
        assert broker.order("TSLA").state is OrderState.FILLED


class TestDown:
    def test_nothing_is_sent_while_the_broker_is_down(self, bot, broker):
        with broker.down():
            assert buy(bot).status is TradeStatus.NOT_SENT
        assert buy(bot).status is TradeStatus.SUBMITTED

    def test_an_order_is_not_sent_where_only_the_last_step_fails(self, bot, broker):
        bot.account.account()
        broker.go_down()
        with pytest.raises(Exception, match="connection"):
            bot.manager.place_limit_buy("TSLA", 10, Decimal(100))
        assert broker.submitted == ()

    def test_nothing_can_be_read_or_cancelled_and_everything_is_there_afterwards(self, bot, broker, clock, order):
        broker.go_down()
        broker.fill(order, 4)
        assert not synchronised(bot, clock).complete
        with pytest.raises(OrderCancellationError):
            bot.cancel_order(order.order_id)
        for read in (broker.fetch_account, broker.fetch_positions, broker.fetch_equity):
            with pytest.raises(OrderStatusError):
                read()
        broker.come_back()
        assert synchronised(bot, clock).fills_booked == 1


def test_a_list_of_changes_has_what_changed_since(broker, clock, order):
    """An order that is found by its key has to be in it, an old one does not."""
    placed = clock.now()
    clock.advance(60)
    assert [len(broker.list_orders_since(since).reports) for since in (placed, clock.now())] == [1, 0]
    for change in (lambda: broker.fill(order, 1), lambda: broker.bust(order)):
        clock.advance(60)
        change()
        assert len(broker.list_orders_since(clock.now()).reports) == 1


class TestTheApp:
    def test_an_order_of_the_owner_is_seen_and_is_not_the_bots(self, bot, broker, clock):
        placed = broker.place_in_app("TSLA", "buy", 5, limit="99.00")
        assert synchronised(bot, clock).external_orders == 1
        assert (placed.client_order_id, bot.open_orders(), broker.submitted) == (None, (), ())

    def test_shares_that_the_owner_buys_are_a_difference_the_bot_sees(self, bot, broker, clock):
        broker.fill(broker.place_in_app("TSLA", "buy", 5, limit="99.00"))
        (difference,) = synchronised(bot, clock, 300).differences
        assert (difference.symbol, difference.broker, difference.expected) == ("TSLA", 5, 0)


class TestTheMarket:
    def test_quotes_are_those_that_the_test_has_set(self, broker):
        quote = broker.quote("TSLA", bid="99.98", ask="100.02", size=5)
        assert broker.fetch_quotes(["TSLA", "MSFT"]) == {"TSLA": quote}
        assert (quote.last_price, quote.bid_size, quote.trading_halted) == (None, 5, False)
        assert broker.quote("TSLA", bid=99, ask=100, last=98, halted=True).last_price == 98

    def test_bars_are_those_that_the_test_has_set_and_that_have_ended(self, bot, broker, clock):
        clock.advance(100)
        made = broker.history("TSLA", 100, "100.50", 99)
        assert bot.history("TSLA") == made
        assert [(bar.open, bar.high, bar.low, bar.close) for bar in made] == [
            (100, 100, 100, 100),
            (100, Decimal("100.50"), 100, Decimal("100.50")),
            (Decimal("100.50"), Decimal("100.50"), 99, 99),
        ]
        assert [f"{bar.begins_at:%H:%M}" for bar in made] == ["14:45", "14:50", "14:55"]
        assert (bot.history("MSFT"), bot.history("TSLA", "day", "month")) == ((), ())

    def test_bars_of_a_day_begin_at_midnight(self, broker):
        assert [f"{bar.begins_at:%d %H:%M}" for bar in broker.history("TSLA", 1, 2, interval="day")] == [
            "28 00:00",
            "01 00:00",
        ]

    def test_an_exit_can_end_within_its_call(self, start_bot, broker):
        """A fill that the test gives after the call would come too late for it."""
        broker.hold("TSLA", 10)
        broker.quote("TSLA", bid="99.00", ask="99.10")
        broker.next_order(accept_and_fill(4, at="98.90"), accept_and_fill())
        start_bot().exit_position("TSLA")
        assert [(order.quantity, order.filled) for order in broker.orders] == [(10, 4), (6, 6)]
        assert broker.holdings == {}

    def test_a_symbol_that_is_not_traded_is_refused_before_anything_is_sent(self, bot, broker):
        broker.does_not_trade("TSLA")
        assert buy(bot).status is TradeStatus.BLOCKED
        assert broker.submitted == ()

    def test_the_account_is_worth_its_cash_and_shares(self, broker):
        broker.hold("TSLA", 10)
        assert broker.fetch_equity() is None
        broker.quote("TSLA", bid=99, ask=100)
        assert broker.fetch_equity() == 100_990


MISTAKES = {
    "no such order": (lambda broker: broker.fill("MSFT"), "no order of MSFT is open; open are order-1 (buy 10 TSLA at"),
    "none at all": (lambda broker: (broker.expire("TSLA"), broker.expire("MSFT")), "none at all; the result of"),
    "two of a symbol": (
        lambda broker: (broker.place_in_app("TSLA", "buy", 1, limit=9), broker.fill("TSLA")),
        "2 orders of TSLA are open; name one by its order id: order-1",
    ),
    "more than is left": (lambda broker: broker.fill("TSLA", 11), "11 shares cannot fill: 10 are left of order-1"),
    "worse than the limit": (lambda broker: broker.fill("TSLA", at=100), "no broker fills at 100, which is worse"),
    "half a share": (lambda broker: broker.fill("TSLA", 1.5), "quantity is a positive whole number of shares, not 1.5"),
    "no price": (lambda broker: broker.fill("TSLA", at="cheap"), "at is a positive number of dollars such as '249.90'"),
    "a price below zero": (lambda broker: broker.fill("TSLA", at=-1), "at is a positive number"),
    "an order that has ended": (
        lambda broker: (broker.fill("TSLA"), broker.fill("TSLA")),
        "no order of TSLA is open any more: order-1 (buy 10 TSLA at 99.85, filled)",
    ),
    "no order at all": (
        lambda broker: broker.fill(object()),
        "an order is named by its symbol, an id of it or its envelope, not by object",
    ),
    "more than is held": (
        lambda broker: broker.fill(broker.place_in_app("MSFT", "sell", 5, limit=9)),
        "5 shares cannot be sold: 0 are held; say before what is, with hold()",
    ),
    "more than can be paid": (
        lambda broker: broker.fill(broker.place_in_app("MSFT", "buy", 5, limit=20_001)),
        "$100005 cannot be paid: the cash is $100000; say before what it is, with set_cash()",
    ),
    "a debt": (lambda broker: broker.set_cash(-1), "cash is a number of dollars such as '5000', and not below zero"),
    "a time that is over": (lambda broker: accept_late(-1), "after_s is a number of seconds such as 60, not -1"),
    "a time in words": (
        lambda broker: throttle("soon"),  # type: ignore[arg-type]  # the mistake
        "retry_after_s is a number of seconds such as 60, not 'soon'",
    ),
    "nothing to annul": (lambda broker: broker.bust("TSLA"), "nothing of order-1"),
    "an unknown side": (lambda broker: broker.place_in_app("A", "hold", 1, limit=9), "side is 'buy' or 'sell'"),
    "a crossed market": (lambda broker: broker.quote("A", bid=2, ask=1), "the bid 2 of A is above the ask 1"),
    "an unknown interval": (lambda broker: broker.history("A", 1, interval="tick"), "an interval is one of 5minute,"),
    "held too late": (lambda broker: broker.hold("MSFT", 5), "say what is held before the bot starts"),
    "no outcome": (lambda broker: broker.next_order("reject"), "outcomes are accept(), reject(...)"),
    "no outcome of a cancel": (lambda broker: broker.next_cancel(reject), "outcomes are accept(), reject(...)"),
    "a stop that is none": (lambda broker: broker.reach_stop("TSLA"), "waits for no stop, so none can be reached"),
    "a cancel that fills": (lambda broker: broker.next_cancel(accept_and_fill(3)), "a cancel fills nothing;"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_test_is_named(broker, order, name):
    make, message = MISTAKES[name]
    with pytest.raises(ScriptError) as caught:
        make(broker)
    assert message in str(caught.value)


def test_a_sell_does_not_fill_below_its_limit(start_bot, broker):
    broker.hold("TSLA", 10)
    start_bot().execute_trade("TSLA", "sell", 4, 100, "a test")
    with pytest.raises(ScriptError, match="worse than the limit"):
        broker.fill("TSLA", at=100)


def test_a_stop_fills_once_the_test_lets_it_be_reached(start_bot, broker, clock):
    broker.hold("TSLA", 10)
    broker.quote("TSLA", bid=250, ask=251)
    bot = start_bot()
    stop = StopRequest(symbol="TSLA", quantity=4, stop_price=Decimal(240), limit_price=Decimal(238))
    placed = bot.manager.place_stop_sell(stop)
    assert (placed.waits_for_stop, broker.submitted[-1].stop_price) == (True, 240)
    assert str(broker.order("TSLA")) == "order-1 (sell 4 TSLA at 238 from 240 on, confirmed)"
    with pytest.raises(ScriptError, match="rests until its stop is reached"):
        broker.fill("TSLA", at=239)
    broker.reach_stop("TSLA")
    broker.fill("TSLA", at=239)
    clock.advance(15)
    bot.synchronize_open_orders()
    assert bot.manager.status_on_record("order-1").state is OrderState.FILLED


def test_the_money_of_an_account_is_what_the_test_says(clock):
    assert ScriptedBroker(clock, cash="5000.50").fetch_account().buying_power == Decimal("5000.50")


def test_an_account_may_have_no_money(bot, broker):
    broker.set_cash(0)
    assert (broker.cash, buy(bot).status) == (0, TradeStatus.REJECTED)


class TestNames:
    """An order goes by its symbol, by either id, and by what the bot returned for it."""

    def test_the_bots_own_id_names_an_order(self, bot, broker):
        buy(bot, client_order_id="mine")
        assert broker.order("mine").symbol == "TSLA"

    def test_the_envelope_of_an_order_that_turned_up_late_names_it(self, bot, broker, clock):
        broker.next_order(accept_late(60))
        envelope = buy(bot).envelope
        assert envelope.order_id is None
        clock.advance(60)
        assert broker.fill(envelope).quantity == 10


class TestReplaced:
    """`submit` and `cancel` may be replaced on the object; what they return is carried out."""

    def test_a_replaced_answer_is_carried_out_in_the_book(self, bot, broker, mocker):
        mocker.patch.object(broker, "submit", side_effect=[reject("Not today."), accept()])
        assert [buy(bot).status, buy(bot).status] == [TradeStatus.REJECTED, TradeStatus.SUBMITTED]
        assert len(broker.orders) == 1

    def test_a_spy_sees_the_order_and_changes_nothing(self, bot, broker, mocker):
        spy = mocker.spy(broker, "submit")
        assert buy(bot).status is TradeStatus.SUBMITTED
        assert spy.call_args.args == broker.submitted

    @pytest.mark.parametrize("error", [TimeoutError("no answer"), ConnectionError])
    def test_an_error_of_the_network_is_an_answer_that_never_came(self, bot, mock_session, error):
        mock_session.submit.side_effect = error
        assert buy(bot).status is TradeStatus.UNKNOWN

    def test_a_list_of_outcomes_that_is_too_short_is_a_mistake_in_the_test(self, bot, mock_session):
        mock_session.submit.side_effect = [throttle()]
        with pytest.raises(ScriptError, match="called submit once more than side_effect has outcomes"):
            buy(bot)

    def test_an_answer_that_is_no_outcome_is_a_mistake_in_the_test(self, bot, mock_session):
        mock_session.submit.return_value = "filled"
        with pytest.raises(ScriptError, match="submit answers with accept"):
            buy(bot)
