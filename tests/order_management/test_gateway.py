import threading
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
import requests

from tests.support.gateway_bench import CANCEL, OTHER, GatewayBench, terms
from tests.support.scripted_broker import (
    ACCOUNT,
    BASE,
    INSTRUMENT,
    ORDER,
    REF,
    account_row,
    instrument_row,
    lost,
    order_row,
    page,
    reply,
    unreachable,
)
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderNotSentError,
    OrderStatusError,
    OrderValidationError,
)
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import OrderId, RefId, Side
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    CancelUnknown,
    NotSent,
    Unknown,
)
from trading_bot.order_management.ports import AccountGateway, BrokerGateway
from trading_bot.robinhood.session import BrokerSession, WireReply, WireRequest


@pytest.fixture
def bench():
    return GatewayBench()


def test_it_fulfils_both_ports(bench):
    gateway: RobinhoodGateway = bench.gateway
    orders: BrokerGateway = gateway
    account: AccountGateway = gateway
    assert (orders.list_open_orders, account.fetch_account) == (gateway.list_open_orders, gateway.fetch_account)


class TestPreparing:
    def test_a_body_names_account_instrument_and_reference(self, bench):
        order = bench.gateway.prepare_order(terms(), RefId(REF))
        fields = {name: values[0] for name, values in parse_qs(order.body.decode()).items()}
        assert fields["account"] == f"{BASE}/accounts/{ACCOUNT}/"
        assert fields["instrument"] == f"{BASE}/instruments/{INSTRUMENT}/"
        assert (order.ref_id, fields["ref_id"], order.terms) == (REF, REF, terms())

    def test_the_order_form_version_is_configurable(self, bench):
        gateway = RobinhoodGateway(
            session=BrokerSession(adapter=bench.broker, clock=bench.time),
            clock=bench.time,
            account_number=ACCOUNT,
            renew=bench.renew,
            order_form_version=7,
        )
        assert gateway.prepare_order(terms(), RefId(REF)).body.endswith(b"order_form_version=7")

    def test_look_ups_are_made_once(self):
        bench = GatewayBench(account_number=None)
        bodies = {bench.gateway.prepare_order(terms(), RefId(REF)).body for _ in range(3)}
        assert (len(bodies), len(bench.broker.seen)) == (1, 2)

    def test_an_instrument_is_looked_up_anew_each_exchange_date(self, bench):
        bench.gateway.prepare_order(terms(), RefId(REF))
        bench.time.sleep(timedelta(hours=13, minutes=59).total_seconds())  # 23:59 in New York, the next day in UTC
        bench.gateway.prepare_order(terms(), RefId(REF))
        assert bench.broker.paths() == ["GET /instruments/"]
        bench.time.sleep(60)
        bench.broker.on("GET", "/instruments/", page(instrument_row(state="inactive")))
        with pytest.raises(OrderValidationError, match="inactive"):
            bench.gateway.prepare_order(terms(), RefId(REF))

    @pytest.mark.parametrize("tick", [None, "0.0500", "0.10"])
    def test_a_price_on_the_tick_of_the_instrument_is_prepared(self, bench, tick):
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size=tick)))
        assert bench.gateway.prepare_order(terms(), RefId(REF)).body

    def test_a_price_off_the_tick_of_the_instrument_is_refused(self, bench):
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size="0.2500")))
        with pytest.raises(OrderValidationError, match=r"AAPL trades in steps of \$0\.25.*nothing was sent"):
            bench.gateway.prepare_order(terms(), RefId(REF))

    @pytest.mark.parametrize(("tick", "step"), [(None, None), ("0.0500", Decimal("0.05"))])
    def test_the_step_of_an_instrument_is_its_own_or_none(self, bench, tick, step):
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size=tick)))
        assert bench.gateway.tick_of("AAPL", Side.BUY) == step
        assert bench.gateway.tick_of("AAPL", Side.SELL) == step
        assert bench.broker.paths() == ["GET /instruments/"], "looked up once a day"

    def test_a_price_is_written_in_the_steps_of_its_instrument(self, bench):
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size="0.0050")))
        assert b"price=1.005" in bench.gateway.prepare_order(terms(limit_price=Decimal("1.005")), RefId(REF)).body

    def test_without_a_step_of_its_own_a_price_between_two_cents_is_refused(self, bench):
        with pytest.raises(OrderValidationError, match=r"steps of \$0\.01"):
            bench.gateway.prepare_order(terms(limit_price=Decimal("1.005")), RefId(REF))

    def test_a_step_that_cannot_be_looked_up_means_that_nothing_is_sent(self, bench):
        bench.broker.always("GET", "/instruments/", reply(503))
        with pytest.raises(OrderNotSentError, match="no order was sent"):
            bench.gateway.tick_of("AAPL", Side.BUY)
        bench.broker.always("GET", "/instruments/", reply(401))
        with pytest.raises(AuthenticationError):
            bench.gateway.tick_of("AAPL", Side.BUY)

    @pytest.mark.parametrize("tick", ["0", "0.0000", 0, "-0.05", "NaN", "1e-2", "", True])
    def test_a_tick_of_nothing_is_none(self, bench, tick):
        """The ordinary steps hold then, and the broker judges."""
        bench.broker.on("GET", "/instruments/", page(instrument_row(min_tick_size=tick)))
        assert bench.gateway.prepare_order(terms(), RefId(REF)).body

    @pytest.mark.parametrize(
        "odd",
        [
            {"tradeable": None},
            {"tradeable": "yes"},
            {"tradability": "reduce_only_someday"},
            {"tradability": None},
            {"state": "renamed"},
            {"state": " ACTIVE"},
            {"symbol": " aapl "},
        ],
        ids=repr,
    )
    def test_only_documented_words_keep_an_instrument_from_trading(self, bench, odd):
        bench.broker.on("GET", "/instruments/", page(instrument_row(**odd)))
        assert bench.gateway.prepare_order(terms(), RefId(REF)).body

    def test_a_failed_look_up_is_not_remembered(self, bench):
        bench.broker.on("GET", "/instruments/", *[reply(500)] * 3)
        with pytest.raises(OrderNotSentError):
            bench.gateway.prepare_order(terms(), RefId(REF))
        assert bench.gateway.prepare_order(terms(), RefId(REF)).body

    @pytest.mark.parametrize(
        "rows",
        [
            [],
            [instrument_row("AAPLW")],
            [instrument_row(state="inactive")],
            [instrument_row(tradeable=False)],
            [instrument_row(tradability="untradable")],
            [instrument_row(tradability="position_closing_only")],
            [instrument_row(), instrument_row(id=OTHER)],
        ],
    )
    def test_only_the_one_tradable_instrument_of_exactly_that_symbol_will_do(self, bench, rows):
        bench.broker.on("GET", "/instruments/", page(*rows))
        with pytest.raises(OrderValidationError, match="AAPL"):
            bench.gateway.prepare_order(terms(), RefId(REF))

    def test_a_delisted_namesake_is_passed_over(self, bench):
        bench.broker.on("GET", "/instruments/", page(instrument_row(id=OTHER, state="inactive"), instrument_row()))
        assert INSTRUMENT.encode() in bench.gateway.prepare_order(terms(), RefId(REF)).body

    def test_a_name_closing_positions_only_can_be_sold(self, bench):
        bench.broker.on("GET", "/instruments/", page(instrument_row(tradability="position_closing_only")))
        assert bench.gateway.prepare_order(terms(side=Side.SELL), RefId(REF)).body
        with pytest.raises(OrderValidationError):
            bench.gateway.prepare_order(terms(), RefId(REF))

    @pytest.mark.parametrize(
        "symbol", ["", "aapl", "AAPL\n", "AAPL ", "AAPL,MSFT", "AAPL&side=sell", "../x", "\u0410APL", "A" * 9, "A/B"]
    )
    def test_what_cannot_be_a_symbol_is_never_asked_for(self, bench, symbol):
        with pytest.raises(OrderValidationError):
            bench.gateway.prepare_order(terms(symbol=symbol), RefId(REF))
        assert bench.broker.seen == []

    def test_an_instrument_without_an_id_is_not_sent(self, bench):
        bench.broker.on("GET", "/instruments/", page(instrument_row(id=None)))
        with pytest.raises(OrderNotSentError, match="names no instrument"):
            bench.gateway.prepare_order(terms(), RefId(REF))

    def test_an_odd_row_beside_the_instrument_hides_nothing(self, bench):
        bench.broker.on("GET", "/instruments/", page(None, {"id": 5}, instrument_row(), instrument_row("AAPLZZZ")))
        assert bench.gateway.prepare_order(terms(), RefId(REF)).body

    @pytest.mark.parametrize("rows", [[], [account_row(), account_row("9ZZ98765")]])
    def test_without_a_name_there_must_be_exactly_one_account(self, rows):
        bench = GatewayBench(account_number=None)
        bench.broker.on("GET", "/accounts/", page(*rows))
        with pytest.raises(OrderNotSentError, match="account_number") as caught:
            bench.gateway.prepare_order(terms(), RefId(REF))
        assert ACCOUNT not in str(caught.value)

    def test_a_dead_session_is_a_login_matter(self, bench):
        bench.can_renew = False
        bench.broker.on("GET", "/instruments/", reply(401))
        with pytest.raises(AuthenticationError, match="log in again"):
            bench.gateway.prepare_order(terms(), RefId(REF))


class TestSubmitting:
    def test_one_post_carries_the_recorded_bytes(self, bench):
        bench.broker.on("POST", "/orders/", reply(201, order_row()))
        intent = bench.intent()
        outcome = bench.gateway.submit_limit_buy(intent, permit=nullcontext(), timeout_s=3)
        assert isinstance(outcome, Accepted)
        seen = bench.broker.seen[-1]
        assert (seen.body, seen.query, seen.timeout) == (intent.body, {"account_numbers": ACCOUNT}, (3, 3))
        assert seen.headers["Content-Type"].startswith("application/x-www-form-urlencoded")

    def test_a_sell_is_sent_by_the_other_method(self, bench):
        bench.broker.on("POST", "/orders/", reply(201, order_row(side="sell")))
        outcome = bench.gateway.submit_limit_sell(bench.intent(Side.SELL), permit=nullcontext(), timeout_s=3)
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch is None

    def test_the_method_and_the_side_must_agree(self, bench):
        buy, sell = bench.intent(Side.BUY), bench.intent(Side.SELL)
        with pytest.raises(OrderValidationError, match="buy"):
            bench.gateway.submit_limit_sell(buy, permit=nullcontext(), timeout_s=3)
        with pytest.raises(OrderValidationError, match="sell"):
            bench.gateway.submit_limit_buy(sell, permit=nullcontext(), timeout_s=3)
        assert "POST /orders/" not in bench.broker.paths()

    @pytest.mark.parametrize(
        ("ending", "outcome"),
        [
            (reply(500), Unknown),
            (reply(429), NotSent),
            (reply(401), NotSent),
            (lost(), Unknown),
            (unreachable(), NotSent),
        ],
    )
    def test_whatever_happens_there_is_one_post_and_no_renewal(self, bench, ending, outcome):
        bench.broker.on("POST", "/orders/", ending)
        assert isinstance(bench.buy(), outcome)
        assert (bench.broker.paths().count("POST /orders/"), bench.renewals) == (1, 0)

    def test_the_permit_surrounds_the_writing(self, bench):
        log = []

        @contextmanager
        def permit():
            log.append("held")
            yield
            log.append("free")

        bench.broker.on("POST", "/orders/", reply(201, order_row()))
        bench.buy(permit())
        assert log == ["held", "free"]

    def test_an_echo_of_a_strange_instrument_asks_nothing_more(self, bench):
        bench.broker.on("POST", "/orders/", reply(201, order_row(instrument_id=OTHER)))
        outcome = bench.buy()
        assert isinstance(outcome, Accepted)
        assert outcome.mismatch is not None
        assert bench.broker.paths()[-1] == "POST /orders/"

    def test_without_a_configured_account_the_query_names_none(self):
        bench = GatewayBench(account_number=None)
        bench.broker.on("POST", "/orders/", reply(201, order_row()))
        bench.buy()
        assert bench.broker.seen[-1].query == {}

    def test_the_gateway_needs_no_more_of_a_session_than_its_exchange(self, mocker, bench):
        intent = bench.intent()
        session = mocker.Mock(spec=["exchange"])
        session.exchange.return_value = WireReply(status=409, headers={}, body=b"")
        gateway = RobinhoodGateway(session=session, clock=bench.time, account_number=ACCOUNT, renew=bench.renew)
        permit = nullcontext()
        outcome = gateway.submit_limit_buy(intent, permit=permit, timeout_s=4)
        assert isinstance(outcome, Unknown)
        assert outcome.surely_there
        assert session.exchange.call_args.kwargs == {"timeout_s": 4, "permit": permit}


class TestCancelling:
    def test_a_taken_cancel_is_one_empty_post(self, bench):
        bench.broker.on(*CANCEL, reply(200, {}))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        assert bench.broker.seen[0].body == b""

    @pytest.mark.parametrize("order_id", ["", "../orders", "a/b/c/d/e/f", "x?y=zzzzzz", "short"])
    def test_an_id_that_could_lead_elsewhere_is_never_sent(self, bench, order_id):
        assert isinstance(bench.gateway.cancel_order(OrderId(order_id)), CancelNotSent)
        assert bench.broker.seen == []

    @pytest.mark.parametrize("trouble", [unreachable(), lost(), reply(500), reply(503), reply(429)])
    def test_passing_trouble_is_repeated_because_a_cancel_may_be(self, bench, trouble):
        bench.broker.on(*CANCEL, trouble, trouble, trouble, reply(200, {}))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)

    @pytest.mark.parametrize(("trouble", "ending"), [(unreachable(), CancelNotSent), (reply(502), CancelUnknown)])
    def test_after_four_attempts_the_last_ending_is_reported(self, bench, trouble, ending):
        bench.broker.always(*CANCEL, trouble)
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), ending)
        assert len(bench.broker.seen) == 4

    @pytest.mark.parametrize("first", [lost(), reply(500)])
    @pytest.mark.parametrize("last", [unreachable(), reply(429), reply(401)])
    def test_a_request_that_was_not_sent_says_nothing_of_one_before_it_that_may_have_arrived(self, bench, first, last):
        bench.can_renew = False
        bench.broker.on(*CANCEL, first)
        bench.broker.always(*CANCEL, last)
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelUnknown)

    def test_a_certificate_failure_is_not_repeated(self, bench):
        bench.broker.on(*CANCEL, unreachable(requests.exceptions.SSLError("bad")))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelNotSent)

    def test_a_401_renews_once_and_repeats_once(self, bench):
        bench.broker.on(*CANCEL, reply(401), reply(200, {}))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        bench.broker.always(*CANCEL, reply(401))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelNotSent)
        assert (bench.renewals, len(bench.broker.seen)) == (2, 4)

    def test_what_is_recorded_of_a_refused_cancel_is_its_own_answer_and_not_that_to_the_renewal(self, bench):
        bench.broker.on(*CANCEL, reply(401, {"detail": "Token expired."}))
        bench.broker.on("POST", "/oauth2/token/", reply(400, {"error": "invalid_grant"}))
        session = BrokerSession(adapter=bench.broker, clock=bench.time)
        grant = WireRequest(method="POST", path="/oauth2/token/")
        bench.on_renewal, bench.can_renew = lambda: session.exchange(grant, timeout_s=5), False
        recorded = bench.gateway.cancel_order(OrderId(ORDER)).exchange
        assert recorded is not None
        assert (recorded.status, "invalid_grant" in (recorded.excerpt or "")) == (401, False)

    def test_a_throttled_cancel_waits_as_told(self, bench):
        bench.broker.on(*CANCEL, reply(429, {"detail": "Expected available in 14 seconds."}), reply(200, {}))
        bench.gateway.cancel_order(OrderId(ORDER))
        assert bench.time.monotonic() == 14

    def test_no_cancel_is_repeated_beyond_half_a_minute(self, bench):
        bench.broker.always(*CANCEL, reply(429, None, Retry_After="20"))
        reply_ = bench.gateway.cancel_order(OrderId(ORDER))
        assert replace(reply_, exchange=None) == CancelNotSent(
            cause="HTTP 429: the broker gave no reason", retry_after_s=20
        )
        assert bench.time.monotonic() == 20

    def test_one_failing_cancel_never_stops_the_others(self, bench):
        bench.broker.always(*CANCEL, lost())
        bench.broker.on("POST", f"/orders/{OTHER}/cancel/", reply(403, {"detail": "No."}))
        bad, failing, refused = OrderId("bad"), OrderId(ORDER), OrderId(OTHER)
        replies = bench.gateway.cancel_all_equity_orders([bad, failing, refused])
        assert isinstance(replies[bad], CancelNotSent)
        assert isinstance(replies[failing], CancelUnknown)
        assert replace(replies[refused], exchange=None) == CancelRefused(reason="No.", status_code=403)

    def test_cancels_leave_side_by_side_and_answer_in_the_order_asked_for(self, bench):
        """One answer that does not come keeps no other request from leaving."""
        together = threading.Barrier(2, timeout=10)
        for order_id in (OTHER, ORDER):
            taken = replace(reply(200, {}), then=together.wait)
            bench.broker.on("POST", f"/orders/{order_id}/cancel/", taken)
        asked = [OrderId(OTHER), OrderId(ORDER)]
        replies = bench.gateway.cancel_all_equity_orders(asked)
        assert [(name, type(each)) for name, each in replies.items()] == [(name, CancelTaken) for name in asked]

    def test_no_cancels_are_no_requests(self, bench):
        assert bench.gateway.cancel_all_equity_orders([]) == {}
        assert bench.broker.seen == []


class TestBy:
    """All reads and cancels of one view of the gateway end by one point in time."""

    def test_no_request_leaves_after_it(self, bench):
        bench.broker.always(*CANCEL, reply(200, {}))
        gateway = bench.gateway.by(bench.time.monotonic() + 5)
        assert isinstance(gateway.cancel_order(OrderId(ORDER)), CancelTaken)
        bench.time.sleep(5)
        seen = len(bench.broker.seen)
        assert isinstance(gateway.cancel_order(OrderId(ORDER)), CancelNotSent)
        with pytest.raises(OrderStatusError, match="no time was left"):
            gateway.fetch_order_status(OrderId(ORDER))
        assert not gateway.list_open_orders().complete
        assert len(bench.broker.seen) == seen
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken), "the gateway itself goes on"

    def test_nothing_is_repeated_beyond_it(self, bench):
        bench.broker.always(*CANCEL, lost())
        bench.gateway.by(bench.time.monotonic() + 1).cancel_order(OrderId(ORDER))
        assert bench.time.monotonic() <= 1

    def test_what_it_learns_of_instruments_is_remembered(self, bench):
        bench.gateway.by(bench.time.monotonic() + 5).prepare_order(terms(), RefId(REF))
        seen = len(bench.broker.seen)
        bench.gateway.prepare_order(terms(), RefId(REF))
        assert len(bench.broker.seen) == seen

    def test_instruments_too_are_looked_up_in_time(self, bench):
        gateway = bench.gateway.by(bench.time.monotonic())
        with pytest.raises(OrderNotSentError):
            gateway.prepare_order(terms(), RefId(REF))
