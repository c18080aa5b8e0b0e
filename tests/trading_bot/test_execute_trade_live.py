"""`execute_trade` over the real HTTP path: strategy, gateway, session and paper broker are the ones that trade."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.support.bot_bench import (
    ACCOUNT,
    LIST,
    LOGIN,
    POSITIONS,
    SUBMIT,
    BotBench,
    answers,
    never_leaves,
    reply_lost,
    request_lost,
)
from tests.support.damaged_database import bodies
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.models import OrderState


@pytest.fixture
def bench(tmp_path) -> BotBench:
    return BotBench(tmp_path).started()


def submitted(bench: BotBench) -> TradeResult:
    return bench.trade()


def duplicate(bench: BotBench) -> TradeResult:
    bench.trade()
    return bench.trade(client_order_id="c2")


def blocked(bench: BotBench) -> TradeResult:
    return bench.trade(shares=100_000)


def rejected(bench: BotBench) -> TradeResult:
    bench.broker.tampers[SUBMIT].append(answers(400, {"detail": "You are restricted."}))
    return bench.trade()


def not_sent(bench: BotBench) -> TradeResult:
    bench.broker.standing[SUBMIT] = never_leaves
    return bench.trade()


def unknown(bench: BotBench) -> TradeResult:
    bench.broker.standing[SUBMIT] = request_lost
    return bench.trade()


def not_implemented(bench: BotBench) -> TradeResult:
    return bench.trade(order_type="stop")


EVERY_STATUS: dict[TradeStatus, tuple[Callable[[BotBench], TradeResult], str]] = {
    TradeStatus.SUBMITTED: (submitted, "submitted"),
    TradeStatus.DUPLICATE: (duplicate, "duplicate"),
    TradeStatus.BLOCKED: (blocked, "insufficient_buying_power"),
    TradeStatus.REJECTED: (rejected, "rejected"),
    TradeStatus.NOT_SENT: (not_sent, "not_sent"),
    TradeStatus.UNKNOWN: (unknown, "unknown_outcome"),
    TradeStatus.NOT_IMPLEMENTED: (not_implemented, "unsupported_order_type"),
}


@pytest.mark.parametrize("status", TradeStatus)
def test_every_status_is_answered_and_recorded(bench, status):
    trade, code = EVERY_STATUS[status]
    result = trade(bench)
    assert (result.status, result.code) == (status, code)
    assert result.message
    record = bench.trades()[-1]
    assert (record["status"], record["code"], record["message"]) == (status, code, result.message)
    assert (record["symbol"], record["side"], record["reason"]) == ("AAPL", "buy", "a test")


class TestSubmitted:
    def test_the_record_has_the_brokers_id_and_the_computed_limit(self, bench):
        result = bench.trade(strategy_name="momentum")
        assert result.envelope is not None
        (record,) = bench.trades()
        assert record["order_id"] == result.envelope.order_id
        assert (record["reference_price"], record["limit_price"]) == ("100", "99.85")
        assert (record["quantity"], record["client_order_id"]) == ("10", "c1")
        assert (record["strategy_name"], record["execution_mode"], record["duplicate_of"]) == (
            "momentum",
            "paper",
            None,
        )

    def test_the_broker_has_exactly_the_order_that_was_asked_for(self, bench):
        result = bench.trade()
        assert result.envelope is not None
        assert result.envelope.order_id is not None
        with bench.exchange.transaction() as state:
            order = state.order(result.envelope.order_id)
        assert order is not None
        assert (order.ref_id, order.symbol, order.side, order.quantity, order.price) == (
            result.envelope.ref_id,
            "AAPL",
            "buy",
            10,
            Decimal("99.85"),
        )

    def test_one_trade_is_one_submit(self, bench):
        bench.trade()
        assert (bench.submits, bench.orders_at_broker()) == (1, 1)

    def test_options_reach_the_order(self, bench):
        result = bench.trade(time_in_force="gtc", extended_hours=True, pricing="marketable", price="99.50")
        assert result.envelope is not None
        assert (result.envelope.time_in_force, result.envelope.extended_hours) == ("gtc", True)
        assert result.envelope.limit_price == Decimal("99.64")

    def test_a_sell_of_held_shares(self, bench):
        result = bench.trade("sell", shares=50)
        assert result.envelope is not None
        assert (result.envelope.side, result.envelope.limit_price) == ("sell", Decimal("100.10"))

    def test_a_name_is_made_up_where_none_is_given(self, bench):
        result = bench.trade(client_order_id=None)
        assert result.envelope is not None
        assert result.envelope.client_order_id.startswith("id-")


class TestDuplicates:
    def test_the_same_id_again_sends_nothing(self, bench):
        first = bench.trade()
        again = bench.trade()
        assert (again.status, bench.submits) == (TradeStatus.DUPLICATE, 1)
        assert first.envelope is not None
        assert again.envelope is not None
        assert again.envelope.order_id == first.envelope.order_id

    def test_the_record_names_the_order_that_stands(self, bench):
        duplicate(bench)
        assert [record["duplicate_of"] for record in bench.trades()] == [None, "c1"]
        assert bench.submits == 1

    def test_of_many_calls_with_one_id_one_submits_and_the_others_are_duplicates(self, bench):
        with ThreadPoolExecutor(20) as pool:
            results = list(pool.map(lambda _: bench.trade(client_order_id="c1"), range(20)))
        assert Counter(result.status for result in results) == {TradeStatus.SUBMITTED: 1, TradeStatus.DUPLICATE: 19}
        assert len({result.envelope.ref_id for result in results if result.envelope}) == 1
        # One that is answered while the order is on its way cannot know the broker's id yet.
        assert len({result.envelope.order_id for result in results if result.envelope} - {None}) == 1
        assert bench.submits == 1

    def test_an_equal_order_that_comes_in_during_the_checks_is_a_duplicate(self, bench):
        answers_of_other: list[TradeResult] = []
        other = threading.Thread(target=lambda: answers_of_other.append(bench.trade(client_order_id="other")))

        def meanwhile(forward, request):
            other.start()
            other.join(0.2)
            return forward()

        bench.broker.tampers[ACCOUNT].append(meanwhile)
        bench.bot.account.invalidate_cache()
        result = bench.trade()
        other.join(10)
        assert [result.status, *(each.status for each in answers_of_other)] == ["submitted", "duplicate"]
        assert (bench.submits, bench.orders_at_broker()) == (1, 1)

    def test_a_duplicate_is_told_before_any_safety_rule_is_asked(self, bench):
        """A repeated signal must learn of its order even where the cash for a second one is gone."""
        bench.trade()
        bench.broker.standing[POSITIONS] = bench.broker.standing[ACCOUNT] = answers(500)
        bench.bot.account.invalidate_cache()
        assert bench.trade().status is TradeStatus.DUPLICATE


class TestBlocked:
    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"action": "hold"}, "bad_action"),
            ({"action": None}, "bad_action"),
            ({"pricing": "fast"}, "bad_pricing"),
            ({"price": "0"}, "bad_price"),
            ({"price": "NaN"}, "bad_price"),
            ({"shares": 0}, "bad_quantity"),
            ({"shares": -5}, "bad_quantity"),
            ({"shares": Decimal("1.5")}, "bad_quantity"),
            ({"symbol": "not a symbol"}, "bad_symbol"),
            ({"symbol": None}, "bad_symbol"),
            ({"time_in_force": "ioc"}, "bad_time_in_force"),
            ({"strategy_name": 5}, "bad_strategy_name"),
            ({"strategy_name": ["momentum"]}, "bad_strategy_name"),
            ({"client_order_id": ""}, "bad_client_order_id"),
            ({"action": "sell", "shares": 51}, "insufficient_shares"),
            ({"shares": 400}, "max_order_notional"),
            ({"shares": 200, "price": "300"}, "max_order_notional"),
        ],
    )
    def test_each_with_its_own_code_and_no_submit(self, bench, options, code):
        result = bench.trade(**options)
        assert result.status is TradeStatus.BLOCKED
        assert result.code == code
        assert result.envelope is None
        assert (bench.submits, len(bench.trades())) == (0, 1)

    def test_a_symbol_the_broker_does_not_know(self, bench):
        assert bench.trade(symbol="ZZZZ").status is TradeStatus.BLOCKED
        assert bench.submits == 0

    def test_too_many_pending(self, bench):
        bench.trade()
        result = bench.trade(shares=11, client_order_id="c2")
        assert (result.status, result.code, bench.submits) == (TradeStatus.BLOCKED, "too_many_pending", 1)

    def test_a_killed_account(self, bench):
        (bench.state / "armed").unlink()
        result = bench.trade()
        assert (result.status, result.code, bench.submits) == (TradeStatus.BLOCKED, "trading_halted", 0)
        assert "arm it" in result.message

    def test_a_kill_between_the_intent_and_the_first_byte(self, bench):
        def killed(forward, request):
            (bench.state / "armed").unlink()
            return forward()

        bench.broker.tampers[SUBMIT].append(killed)
        result = bench.trade()
        assert (result.status, result.code) == (TradeStatus.BLOCKED, "trading_halted")
        assert result.envelope is not None
        assert result.envelope.state is OrderState.NOT_SENT
        assert bench.orders_at_broker() == 0

    def test_no_account_data_no_trade(self, bench):
        bench.broker.standing[ACCOUNT] = answers(500)
        bench.bot.account.invalidate_cache()
        result = bench.trade()
        assert (result.status, result.code, bench.submits) == (TradeStatus.BLOCKED, "no_account_data", 0)

    def test_a_bot_that_was_not_started_trades_nothing(self, tmp_path):
        bench = BotBench(tmp_path)
        assert bench.trade().status is TradeStatus.BLOCKED
        assert bench.submits == 0

    def test_a_bot_that_was_stopped_trades_nothing(self, bench):
        bench.bot.stop()
        assert bench.trade().status is TradeStatus.BLOCKED
        assert bench.submits == 0

    def test_a_journal_that_was_taken_away_stops_trading_before_anything_is_sent(self, bench):
        bench.database.rename(bench.folder / "elsewhere")
        result = bench.trade()
        assert (result.status, result.code, bench.submits) == (TradeStatus.BLOCKED, "journal_failed", 0)
        assert bench.trade(client_order_id="c2").code == "journal_failed"

    def test_a_wrong_price_is_named_by_its_symbol(self, bench):
        result = bench.bot.execute_trade("aapl", "buy", 1, Decimal(-1), "because")
        assert (result.status, result.code) == (TradeStatus.BLOCKED, "bad_price")
        assert result.message == (
            "AAPL: a price is a positive number of dollars below 100000000 in plain digits, such as 250.30, not -1"
        )


class TestRejected:
    def test_the_brokers_words_are_told_and_nothing_is_repeated(self, bench):
        result = rejected(bench)
        assert "the broker refused the order: You are restricted; change it" in result.message
        assert bench.submits == 1
        assert result.envelope is not None
        assert result.envelope.state is OrderState.REJECTED


class TestNotSent:
    def test_three_requests_in_total_and_no_order(self, bench):
        not_sent(bench)
        assert (bench.submits, bench.orders_at_broker()) == (3, 0)

    def test_a_connection_that_comes_back_is_one_order(self, bench):
        bench.broker.tampers[SUBMIT].extend([never_leaves, never_leaves])
        assert bench.trade().status is TradeStatus.SUBMITTED
        assert (bench.submits, bench.orders_at_broker()) == (3, 1)

    def test_a_throttled_submit_waits_as_long_as_it_was_told(self, bench):
        busy = answers(429, {"detail": "Request was throttled. Expected available in 4 seconds."})
        bench.broker.tampers[SUBMIT].append(busy)
        assert bench.trade().status is TradeStatus.SUBMITTED
        assert bench.clock.monotonic() == 4

    def test_a_wait_until_a_date_beyond_any_calendar_is_none(self, bench):
        """Whatever the broker sends, a trade ends in a result."""
        busy = answers(429, {"detail": "no"}, Retry_After="Mon, 01 Jan 99999999999 00:00:00 GMT")
        bench.broker.tampers[SUBMIT].append(busy)
        assert bench.trade().status is TradeStatus.SUBMITTED


class TestUnauthenticated:
    def test_an_expired_session_is_renewed_and_the_order_sent_once(self, bench):
        bench.broker.tampers[SUBMIT].append(answers(401, {"detail": "expired"}))
        assert bench.trade().status is TradeStatus.SUBMITTED
        assert (bench.submits, bench.orders_at_broker()) == (2, 1)
        assert bench.broker.seen.count(LOGIN) == 2

    def test_a_session_that_cannot_be_renewed_asks_for_a_login(self, bench):
        bench.broker.standing[SUBMIT] = bench.broker.standing[LOGIN] = answers(401, {"detail": "no"})
        result = bench.trade()
        assert (result.status, result.code) == (TradeStatus.NOT_SENT, "login_needed")
        assert "log in again" in result.message
        assert bench.orders_at_broker() == 0


class TestUnknown:
    def test_an_order_whose_reply_was_lost_is_found_by_its_name_and_never_sent_again(self, bench):
        bench.broker.tampers[SUBMIT].append(reply_lost)
        result = bench.trade()
        assert (result.status, bench.submits, bench.orders_at_broker()) == (TradeStatus.SUBMITTED, 1, 1)
        assert result.envelope is not None
        assert result.envelope.order_id is not None

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 200, 201, 302, 418])
    def test_an_answer_that_proves_nothing_is_unknown_and_never_repeated(self, bench, status):
        bench.broker.standing[SUBMIT] = answers(status, {"detail": "?"})
        result = bench.trade()
        assert (result.status, bench.submits) == (TradeStatus.UNKNOWN, 1)
        assert result.envelope is not None
        assert result.envelope.state is OrderState.UNKNOWN

    def test_one_that_stays_unknown_stands_for_its_repetition(self, bench):
        unknown(bench)
        assert bench.trade(client_order_id="c2").status is TradeStatus.DUPLICATE
        assert bench.submits == 1

    def test_a_sell_in_doubt_keeps_its_shares(self, tmp_path):
        """It may be live: what it may still take is not for sale a second time."""
        bench = BotBench(tmp_path, max_pending_per_side=9).started()
        bench.broker.tampers[SUBMIT].append(request_lost)
        assert bench.trade("sell", shares=30).status is TradeStatus.UNKNOWN
        assert bench.trade("sell", shares=21, client_order_id="c2").code == "insufficient_shares"
        assert bench.trade("sell", shares=20, client_order_id="c3").status is TradeStatus.SUBMITTED

    def test_one_that_turns_up_later_is_adopted(self, bench):
        bench.broker.tampers[SUBMIT].append(reply_lost)
        bench.broker.standing[LIST] = answers(500)
        assert bench.trade().status is TradeStatus.UNKNOWN
        bench.broker.standing.clear()
        bench.bot.synchronize_open_orders()
        (order,) = bench.bot.orders()
        assert order.order_id is not None
        assert (bench.submits, bench.orders_at_broker()) == (1, 1)


class TestNotImplemented:
    @pytest.mark.parametrize(
        "order_type", ["market", "stop", "stop_limit", "stop_market", "trailing_stop", "", "\x1b[2J", None]
    )
    @pytest.mark.parametrize("price", ["100", None])
    def test_other_order_types_reach_nothing(self, bench, order_type, price):
        """Whatever else is wrong: a market order has no price to be asked for."""
        asked = len(bench.broker.seen)
        journal = bench.records()
        result = bench.bot.execute_trade("AAPL", "BUY", 10, price, "a test", order_type=order_type)
        assert result.status is TradeStatus.NOT_IMPLEMENTED
        assert "\x1b" not in result.message
        assert len(bench.broker.seen) == asked
        assert bench.records() == journal
        assert bench.trades()[-1]["status"] == "not_implemented"

    def test_a_limit_order_may_be_called_that_in_any_case(self, bench):
        assert bench.trade(order_type="LIMIT").status is TradeStatus.SUBMITTED

    @pytest.mark.parametrize("symbol", ["BTC-USD", "AAPL261218C00150000"])
    def test_crypto_and_options_reach_nothing(self, bench, symbol):
        asked = len(bench.broker.seen)
        assert bench.trade(symbol=symbol).status is TradeStatus.NOT_IMPLEMENTED
        assert len(bench.broker.seen) == asked


class TestAfterwards:
    def test_a_pending_order_is_registered_with_the_safety_checks(self, bench):
        result = bench.trade()
        assert result.envelope is not None
        (pending,) = bench.bot._safety.pending_orders
        assert (pending.symbol, pending.side, pending.order_id) == ("AAPL", "buy", result.envelope.order_id)

    @pytest.mark.parametrize("end", ["fill", "cancel"])
    def test_its_end_clears_the_pending_entry(self, bench, end):
        bench.trade()
        if end == "fill":
            bench.let_it_fill()
        else:
            bench.bot.cancel_order("c1")
        assert bench.bot._safety.pending_orders == ()

    def test_only_the_side_that_ended_is_cleared(self, bench):
        bench.trade("sell", shares=5, client_order_id="out")
        bench.trade()
        bench.let_it_fill()
        assert [pending.side for pending in bench.bot._safety.pending_orders] == ["sell"]

    def test_a_fill_shows_in_positions_and_cash_at_once(self, bench):
        """Both were read and cached just before; the fill makes them stale."""
        bench.trade()
        before = bench.bot.account.buying_power(), bench.bot.account.positions()["AAPL"].quantity
        bench.let_it_fill()
        after = bench.bot.account.buying_power(), bench.bot.account.positions()["AAPL"].quantity
        assert after[1] - before[1] == 10
        assert after[0] != before[0]

    def test_an_accepted_order_takes_its_cash_out_of_the_buying_power_at_once(self, bench):
        before = bench.bot.account.buying_power()
        bench.trade()
        assert before - bench.bot.account.buying_power() == Decimal("998.50")

    def test_a_cancel_gives_the_cash_back_at_once(self, bench):
        before = bench.bot.account.buying_power()
        bench.trade()
        assert bench.bot.account.buying_power() < before
        bench.bot.cancel_order("c1")
        assert bench.bot.account.buying_power() == before

    def test_a_sell_may_follow_its_own_buy(self, bench):
        bench.trade()
        bench.let_it_fill()
        assert bench.trade("sell", shares=60, client_order_id="out").status is TradeStatus.SUBMITTED


def test_a_trade_log_that_cannot_be_written_hides_nothing(bench):
    (bench.folder / "logs" / "trades.jsonl").mkdir(parents=True)
    assert bench.trade().status is TradeStatus.SUBMITTED


def test_every_record_of_the_journal_names_its_session(bench):
    bench.trade()
    assert {record.session_id for record in bench.records()} == {"id-1"}


def test_no_account_number_is_ever_written_down(bench):
    bench.trade()
    bench.let_it_fill()
    assert not any("PAPER0001" in body for body in bodies(bench.database))
    assert "PAPER0001" not in (bench.folder / "logs" / "trades.jsonl").read_text(encoding="utf-8")
