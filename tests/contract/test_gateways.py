"""What every gateway keeps to, whatever answers it: the paper exchange, sockets to a server, or a test's script."""

from contextlib import AbstractContextManager
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.support.gateway_pairs import HELD_SHARES, LOOKS_SYMBOLS_UP, PAGE_SIZE, PAIRS, WITH_SESSION, GatewayPair
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError, OrderValidationError
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, RefId, Side
from trading_bot.order_management.outcomes import Accepted, CancelRefused, CancelTaken, NotSent, Rejected, Unknown
from trading_bot.order_management.ports import SendRefusedError

UNKNOWN_ID = OrderId("7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11")
MARKETABLE = Decimal("100.00")


@pytest.fixture(params=PAIRS)
def pair(request):
    with PAIRS[request.param]() as made:
        yield made


def placed(pair: GatewayPair, number: int = 1, **changes) -> OrderReport:
    outcome = pair.submit(pair.intent(number, **changes))
    assert isinstance(outcome, Accepted), outcome
    return outcome.report


def found(pair: GatewayPair, number: int):
    intent = pair.intent(number)
    return pair.gateway.find_by_client_order_id(
        intent.client_order_id, ref_id=intent.ref_id, created_after=pair.clock.now() - timedelta(days=365)
    )


def resting(pair: GatewayPair) -> OrderId:
    """An order that the broker has taken in: some refuse the cancel of one that it has only just accepted."""
    order_id = placed(pair).order_id
    pair.pass_time()
    return order_id


def settled(pair: GatewayPair, order_id: OrderId) -> OrderReport:
    for _ in range(20):
        report = pair.gateway.fetch_order_status(order_id)
        if report.state.is_terminal:
            return report
        pair.pass_time()
    return pytest.fail(f"still {report.state}")


def test_an_order_is_accepted_under_our_reference_on_our_terms(pair):
    intent = pair.intent()
    outcome = pair.submit(intent)
    assert isinstance(outcome, Accepted)
    assert outcome.mismatch is None
    report = outcome.report
    assert (report.ref_id, report.symbol, report.side) == (intent.ref_id, "AAPL", Side.BUY)
    assert (report.quantity, report.limit_price, report.time_in_force) == (
        Decimal(10),
        Decimal(90),
        intent.terms.time_in_force,
    )
    assert (report.state.is_working, report.state_is_known) == (True, True)


def test_a_sell_of_held_shares_is_accepted(pair):
    assert placed(pair, side=Side.SELL, quantity=HELD_SHARES, limit_price=Decimal("150.00")).side is Side.SELL


@pytest.mark.parametrize(
    "terms",
    [
        {"side": Side.SELL, "quantity": HELD_SHARES + 1, "limit_price": Decimal("150.00")},
        {"quantity": 1_000_000},
    ],
    ids=["more than held", "more than the cash"],
)
def test_what_the_account_cannot_cover_is_rejected_with_the_brokers_reason(pair, terms):
    outcome = pair.submit(pair.intent(**terms))
    assert isinstance(outcome, Rejected)
    assert outcome.status_code == 400
    assert outcome.reason
    assert pair.gateway.list_open_orders().reports == ()


def test_the_same_reference_again_makes_no_second_order(pair):
    intent = pair.intent()
    pair.submit(intent)
    again = pair.submit(intent)
    assert isinstance(again, Unknown)
    assert again.surely_there
    assert len(pair.gateway.list_open_orders().reports) == 1


def test_a_refused_permit_sends_nothing(pair):
    class Refusing(AbstractContextManager[None]):
        def __enter__(self):
            raise SendRefusedError("latch", "not armed")

        def __exit__(self, *_):
            """Never entered."""

    outcome = pair.submit(permit=Refusing())
    assert isinstance(outcome, NotSent)
    assert (outcome.refused_by, outcome.may_retry) == ("latch", False)
    assert pair.gateway.list_open_orders().reports == ()


@pytest.mark.parametrize("pair", sorted(LOOKS_SYMBOLS_UP), indirect=True)
def test_an_unknown_symbol_is_refused_before_anything_is_sent(pair):
    with pytest.raises(OrderValidationError):
        pair.intent(symbol="ZZZZZQ")


@pytest.mark.parametrize("pair", sorted(PAIRS.keys() - LOOKS_SYMBOLS_UP), indirect=True)
def test_an_unknown_symbol_that_the_broker_looks_up_is_rejected_by_it(pair):
    assert isinstance(pair.submit(pair.intent(symbol="ZZZZZQ")), Rejected)
    assert pair.gateway.list_open_orders().reports == ()


def test_all_open_orders_are_listed_over_all_pages(pair):
    ids = {placed(pair, number).order_id for number in range(1, 2 * PAGE_SIZE + 2)}
    listing = pair.gateway.list_open_orders()
    assert listing.complete
    assert {report.order_id for report in listing.reports} == ids


def test_an_order_is_found_by_its_reference_open_or_closed(pair):
    for number in range(1, PAGE_SIZE + 3):
        placed(pair, number)
    oldest = found(pair, 1)
    assert oldest.complete
    [report] = oldest.reports
    pair.gateway.cancel_order(report.order_id)
    [closed] = found(pair, 1).reports
    assert closed.order_id == report.order_id


def test_a_reference_nobody_used_is_completely_absent(pair):
    placed(pair)
    listing = found(pair, 2)
    assert (listing.complete, listing.reports) == (True, ())


def test_an_order_is_read_by_its_id(pair):
    report = placed(pair)
    assert pair.gateway.fetch_order_status(report.order_id).ref_id == RefId(report.ref_id or "")


def test_an_unknown_id_is_not_found(pair):
    with pytest.raises(OrderNotFoundError):
        pair.gateway.fetch_order_status(UNKNOWN_ID)


def test_a_cancelled_order_ends_cancelled_and_is_open_no_more(pair):
    order_id = resting(pair)
    assert isinstance(pair.gateway.cancel_order(order_id), CancelTaken)
    assert settled(pair, order_id).state is OrderState.CANCELLED
    listing = pair.gateway.list_open_orders()
    assert (listing.complete, listing.reports) == (True, ())


def test_a_cancel_of_a_finished_order_is_refused(pair):
    order_id = resting(pair)
    pair.gateway.cancel_order(order_id)
    settled(pair, order_id)
    assert isinstance(pair.gateway.cancel_order(order_id), CancelRefused)


def test_a_cancel_of_an_unknown_order_is_refused_as_not_found(pair):
    reply = pair.gateway.cancel_order(UNKNOWN_ID)
    assert isinstance(reply, CancelRefused)
    assert reply.status_code == 404


def test_each_of_many_cancels_has_its_own_answer(pair):
    order_id = resting(pair)
    replies = pair.gateway.cancel_all_equity_orders([UNKNOWN_ID, order_id])
    assert isinstance(replies[UNKNOWN_ID], CancelRefused)
    assert isinstance(replies[order_id], CancelTaken)


def test_a_fill_shows_in_the_order_the_position_and_the_cash(pair):
    before = pair.gateway.fetch_account().cash
    report = settled(pair, placed(pair, limit_price=MARKETABLE).order_id)
    assert (report.state, report.cumulative_quantity) == (OrderState.FILLED, Decimal(10))
    assert sum(fill.quantity for fill in report.executions) == 10
    assert report.average_price is not None
    assert report.average_price <= MARKETABLE
    [position] = pair.gateway.fetch_positions().positions
    assert (position.symbol, position.quantity) == ("AAPL", Decimal(HELD_SHARES + 10))
    assert before - pair.gateway.fetch_account().cash == report.average_price * 10


def test_open_orders_hold_cash_and_shares(pair):
    before = pair.gateway.fetch_account()
    placed(pair, 1)
    placed(pair, 2, side=Side.SELL, quantity=20, limit_price=Decimal("150.00"))
    after = pair.gateway.fetch_account()
    assert before.buying_power - after.buying_power == Decimal(900)
    assert pair.gateway.fetch_positions().positions[0].held_for_sells == Decimal(20)
    assert after.account_suffix == before.account_suffix
    assert after.restriction is None


def test_quotes_of_known_symbols_have_two_sides(pair):
    quotes = pair.gateway.fetch_quotes(["AAPL"])
    assert quotes["AAPL"].bid_price <= quotes["AAPL"].ask_price


def test_a_symbol_without_a_market_has_no_quote(pair):
    assert "ZZZZZQ" not in pair.gateway.fetch_quotes(["AAPL", "ZZZZZQ"])


def test_the_history_of_a_known_symbol_is_bars_that_have_ended_oldest_first(pair):
    bars = pair.gateway.fetch_history("AAPL", "5minute", "day")
    assert bars != ()
    assert list(bars) == sorted(bars, key=lambda bar: bar.begins_at)
    assert all(bar.begins_at + timedelta(minutes=5) <= pair.clock.now() for bar in bars)
    assert all(bar.low <= bar.close <= bar.high for bar in bars)


def test_the_history_of_an_unknown_symbol_is_an_error_and_not_an_empty_one(pair):
    with pytest.raises(OrderStatusError, match="the broker has none; check the symbol"):
        pair.gateway.fetch_history("ZZZZZQ", "5minute", "day")


def test_the_worth_of_the_account_is_its_cash_and_its_shares_at_the_bid(pair):
    bid = pair.gateway.fetch_quotes(["AAPL"])["AAPL"].bid_price
    assert pair.gateway.fetch_equity() == pair.gateway.fetch_account().cash + HELD_SHARES * bid


@pytest.mark.parametrize("pair", WITH_SESSION, indirect=True)
def test_a_session_that_ended_sends_no_order_and_can_be_renewed_once(pair):
    intent = pair.intent()
    pair.revoke()
    outcome = pair.submit(intent)
    assert isinstance(outcome, NotSent)
    assert (outcome.needs_login, outcome.may_retry) == (True, True)
    assert pair.gateway.renew_session(within_s=5)
    assert isinstance(pair.submit(intent), Accepted)


@pytest.mark.parametrize("pair", WITH_SESSION, indirect=True)
def test_a_read_renews_an_ended_session_by_itself(pair):
    placed(pair)
    pair.revoke()
    listing = pair.gateway.list_open_orders()
    assert (listing.complete, len(listing.reports)) == (True, 1)
