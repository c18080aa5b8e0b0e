import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.fake_bot import OPEN, FakeBot, envelope, refused, submitted
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.clock import VirtualClock
from trading_bot.order_management.results import SyncSummary
from trading_bot.signals import (
    MAX_LINE_BYTES,
    ExitSignal,
    Replay,
    SignalError,
    SignalLine,
    SignalResult,
    SignalRunner,
    parse_signal,
)

PLAIN = {"symbol": "TSLA", "action": "buy", "shares": 10, "price": "250.30", "reason": "because"}


def line(text: str | bytes, number: int = 1) -> SignalLine:
    return SignalLine(number=number, data=text if isinstance(text, bytes) else text.encode())


def signal_line(number: int = 1, /, **changes: object) -> SignalLine:
    return line(json.dumps({**PLAIN, **changes}), number)


def parsed(**changes: object):
    signal = parse_signal(signal_line(**changes))
    assert signal is not None
    return signal


def at(minutes: float) -> str:
    return (OPEN + timedelta(minutes=minutes)).isoformat()


class TestParsing:
    def test_the_five_required_keys_make_a_signal_with_the_documented_defaults(self):
        signal = parsed()
        assert (signal.symbol, signal.action, signal.shares, signal.reason) == ("TSLA", "buy", 10, "because")
        assert (signal.strategy_name, signal.order_type, signal.time_in_force) == ("manual", "limit", "gfd")
        assert (signal.extended_hours, signal.client_order_id, signal.pricing, signal.at) == (False, None, None, None)

    @pytest.mark.parametrize("written", ['"250.30"', "250.30", '"0.1"', "0.1", "250"])
    def test_a_price_is_read_exactly_whether_text_or_number(self, written):
        text = json.dumps(PLAIN).replace('"250.30"', written)
        signal = parse_signal(line(text))
        assert signal is not None
        assert str(signal.price) == written.strip('"')

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("250.29500000000002", "250.29500000000002"),
            ("250.3333333333", "250.3333333333"),
            ('"250.29500000000002"', "250.29500000000002"),
            ("2.5E+2", "250"),
            ("1.0000000000000002e-4", "0.00010000000000000002"),
        ],
    )
    def test_a_price_out_of_float_arithmetic_keeps_every_digit(self, written, read):
        """A double prints up to 17 digits; whether a signal trades must not depend on them."""
        signal = parse_signal(line(json.dumps(PLAIN).replace('"250.30"', written)))
        assert signal is not None
        assert str(signal.price) == read

    @pytest.mark.parametrize("written", ["10.0", "1e1", "10.00", "10"])
    def test_a_number_of_shares_without_a_fraction_is_whole(self, written):
        signal = parse_signal(line(json.dumps(PLAIN).replace(": 10,", f": {written},")))
        assert signal is not None
        assert (signal.shares, type(signal.shares)) == (10, int)

    def test_an_action_may_be_written_in_capitals(self):
        assert parsed(action="BUY").action == "buy"

    def test_a_wrong_action_is_told_all_that_there_are(self):
        with pytest.raises(SignalError, match="'action' must be 'buy', 'sell', 'exit' or 'protect'; correct the line"):
            parse_signal(signal_line(action="leave"))

    @pytest.mark.parametrize(
        ("key", "remedy"),
        [
            ("price", "give the reference price in dollars"),
            ("shares", "give a whole number of shares"),
            ("action", "give buy, sell, exit or protect"),
            ("time_in_force", "leave it out or give a value"),
        ],
    )
    def test_a_null_is_refused_in_words_of_trading(self, key, remedy):
        with pytest.raises(SignalError, match=f"line 1: '{key}' is null; {remedy}; correct the line"):
            parse_signal(signal_line(**{key: None}))

    def test_no_word_of_the_validation_library_is_shown(self):
        wrong = {key: [1] for key in PLAIN} | {"at": "yesterday", "extended_hours": "yes", "client_order_id": "x" * 65}
        with pytest.raises(SignalError) as caught:
            parse_signal(line(json.dumps(wrong)))
        assert not re.search(r"Input|input|Decimal|instance|Value error|isoformat", str(caught.value))

    def test_every_optional_key_is_taken(self):
        given = {
            "strategy_name": "momentum",
            "order_type": "stop",
            "time_in_force": "gtc",
            "extended_hours": True,
            "client_order_id": "mine-1",
            "pricing": "marketable",
        }
        signal = parsed(**given, at="2026-11-20T09:30:00-05:00")
        assert {name: getattr(signal, name) for name in given} == given
        assert signal.at == OPEN

    @pytest.mark.parametrize("text", ["", "   ", "\t\r", "# a comment", '  # {"symbol": 1}'])
    def test_blank_lines_and_comments_are_no_signals(self, text):
        assert parse_signal(line(text)) is None

    def test_a_byte_order_mark_is_allowed_at_the_start_of_the_file_only(self):
        marked = b"\xef\xbb\xbf" + signal_line().data
        assert parse_signal(line(marked, number=1)) is not None
        with pytest.raises(SignalError):
            parse_signal(line(marked, number=2))

    @pytest.mark.parametrize("missing", sorted(PLAIN))
    def test_each_required_key_is_missed_by_name(self, missing):
        rest = {key: value for key, value in PLAIN.items() if key != missing}
        with pytest.raises(SignalError, match=f"line 7: '{missing}' is missing; correct the line") as caught:
            parse_signal(line(json.dumps(rest), 7))
        assert caught.value.line == 7

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"symbol": 5}, "symbol"),
            ({"symbol": ""}, "symbol"),
            ({"symbol": "X" * 17}, "symbol"),
            ({"action": "hold"}, "action"),
            ({"shares": 10.5}, "shares"),
            ({"shares": 1e300}, "shares"),
            ({"action": None}, "action"),
            ({"shares": "10"}, "shares"),
            ({"shares": True}, "shares"),
            ({"price": True}, "price"),
            ({"price": None}, "price"),
            ({"price": "NaN"}, "price"),
            ({"price": "Infinity"}, "price"),
            ({"price": "1e3"}, "price"),
            ({"price": "1_000"}, "price"),
            ({"price": "250,30"}, "price"),
            ({"price": "1." + "1" * 30}, "price"),
            ({"price": "1" * 12 + "." + "1" * 19}, "price"),
            ({"price": 1e30}, "price"),
            ({"price": 1e-30}, "price"),
            ({"reason": ""}, "reason"),
            ({"strategy_name": 1}, "strategy_name"),
            ({"order_type": None}, "order_type"),
            ({"time_in_force": "day"}, "time_in_force"),
            ({"extended_hours": "yes"}, "extended_hours"),
            ({"extended_hours": 1}, "extended_hours"),
            ({"client_order_id": "x" * 65}, "client_order_id"),
            ({"pricing": "aggressive"}, "pricing"),
            ({"at": "2026-11-20T09:30:00"}, "at"),
            ({"at": "yesterday"}, "at"),
            ({"at": "1969-11-20T09:30:00Z"}, "at"),
            ({"at": "9999-12-31T23:59:59-05:00"}, "at"),
            ({"at": 1763649000}, "at"),
            ({"quantity": 10}, "quantity"),
        ],
    )
    def test_a_wrong_value_or_an_unknown_key_is_refused_by_name(self, changes, named):
        with pytest.raises(SignalError, match=f"line 1: '{named}'"):
            parse_signal(signal_line(**changes))

    def test_a_key_or_value_with_half_a_character_is_refused(self):
        with pytest.raises(SignalError, match="a key must be text without half characters"):
            parse_signal(SignalLine(number=1, data=b'{"action":"buy","\\ud800":1}'))
        with pytest.raises(SignalError, match="'symbol' must be text without half characters"):
            parse_signal(SignalLine(number=1, data=b'{"action":"buy","symbol":"\\ud800"}'))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "not valid JSON"),
            ("[1]", "not a JSON object"),
            ('"text"', "not a JSON object"),
            ('{"symbol": "A", "symbol": "B"}', "given twice"),
            ('{"price": NaN}', "NaN is not a number"),
            ('{"price": -Infinity}', "-Infinity is not a number"),
            ("[" * 60_000, "not valid JSON"),
            ('{"shares": ' + "9" * 5000 + "}", "not valid JSON"),
            (b"\xff\xfe", "not UTF-8"),
        ],
    )
    def test_what_is_not_one_json_object_is_refused_with_a_remedy(self, text, said):
        with pytest.raises(SignalError, match=said):
            parse_signal(line(text))

    def test_a_line_over_the_limit_is_refused(self):
        text = " " * (MAX_LINE_BYTES + 1)
        with pytest.raises(SignalError, match="longer than 65536 bytes"):
            parse_signal(line(text))
        with pytest.raises(SignalError, match="longer than 65536 bytes"):
            parse_signal(SignalLine(number=1, data=b"", oversized=True))


class Desk:
    """A runner with everything it reports noted down."""

    def __init__(self, *, answer=None, replay_s: int = 0, stop_at_sync: bool = False) -> None:
        self.clock = VirtualClock(OPEN)
        self.bot = FakeBot(self.clock, answer)
        self.results: list[SignalResult] = []
        self.summaries: list[SyncSummary] = []
        self.idle = 0
        self.stopped = False
        self.stop_at_sync = stop_at_sync
        self.replay = Replay(
            bot=self.bot,
            clock=self.clock,
            poll_interval_s=replay_s,
            on_sync=self._note,
            should_stop=lambda: self.stopped,
        )
        self.runner = SignalRunner(
            bot=self.bot,
            on_result=self.results.append,
            on_idle=self._count,
            should_stop=lambda: self.stopped,
            replay=self.replay if replay_s else None,
        )

    def _count(self) -> None:
        self.idle += 1

    def _note(self, summary: SyncSummary) -> None:
        self.summaries.append(summary)
        self.stopped = self.stop_at_sync


class TestRunning:
    def test_every_field_of_a_signal_reaches_the_bot(self):
        desk = Desk()
        extras = {
            "strategy_name": "momentum",
            "order_type": "market",
            "time_in_force": "gtc",
            "extended_hours": True,
            "client_order_id": "mine-1",
            "pricing": "marketable",
            "correlation_id": "rebalance-7",
        }
        desk.runner.run([signal_line(**extras)])
        (_, asked), *rest = desk.bot.trades
        assert asked == {**PLAIN, "price": Decimal("250.30"), **extras, "stop": None, "target": None, "trail": None}
        assert rest == []

    def test_the_prices_that_protect_what_a_buy_buys_reach_the_bot(self):
        desk = Desk()
        desk.runner.run([signal_line(stop="240.10", target=280, trail=2), signal_line(trail="2%")])
        asked = [trade for _, trade in desk.bot.trades]
        assert [asked[0][name] for name in ("stop", "target", "trail")] == [Decimal("240.10"), Decimal(280), "2"]
        assert asked[1]["trail"] == "2%"

    def test_a_plan_for_what_is_held_is_set_and_said(self):
        desk = Desk()
        plan = {"symbol": "TSLA", "action": "PROTECT", "reason": "r", "stop": "240", "shares": 10.0, "trail": "2%"}
        desk.runner.run([line(json.dumps(plan))])
        (_, asked), (result,) = desk.bot.trades[0], desk.results
        wanted = {"symbol": "TSLA", "quantity": 10, "stop": Decimal(240), "target": None, "trail": "2%", "reason": "r"}
        assert asked == {**wanted, "strategy_name": "manual", "correlation_id": None}
        assert (result.status, result.code) == ("done", "protected")
        assert result.message == "TSLA: 10 shares protected: stop 240.00 is watched; a note"
        assert result.as_json()["price"] is None

    def test_a_plan_that_cannot_be_ended_is_a_refusal(self):
        desk = Desk()
        desk.runner.run([line(json.dumps({"symbol": "TSLA", "action": "protect", "reason": "r", "off": True}))])
        assert (desk.results[0].status, desk.results[0].code) == ("blocked", "not_protected")

    def test_an_exit_has_the_id_of_its_signal_and_is_not_held_up_by_a_wrong_one(self):
        desk = Desk()
        for given in ("rebalance-7", "x" * 65, 7):
            desk.runner.run(
                [line(json.dumps({"symbol": "TSLA", "action": "exit", "reason": "r", "correlation_id": given}))]
            )
        assert [asked["correlation_id"] for _, asked in desk.bot.trades] == ["rebalance-7", None, None]

    def test_a_trade_under_an_id_that_is_too_long_is_no_signal(self):
        desk = Desk()
        desk.runner.run([signal_line(correlation_id="x" * 65)])
        assert [(each.status, "'correlation_id'" in each.message) for each in desk.results] == [("invalid", True)]

    def test_a_bad_line_is_a_result_and_the_run_goes_on(self):
        desk = Desk()
        desk.runner.run([line("nonsense", 1), signal_line(2)])
        assert [(each.line, each.status) for each in desk.results] == [(1, "invalid"), (2, "submitted")]
        assert desk.results[0].code == "invalid_signal"
        assert desk.results[0].message.startswith("line 1: not valid JSON")
        assert len(desk.bot.trades) == 1

    def test_blank_lines_and_comments_have_no_result(self):
        desk = Desk()
        desk.runner.run([line("# hello"), line("")])
        assert (desk.results, desk.bot.trades) == ([], [])

    def test_an_idle_input_is_reported_as_such(self):
        desk = Desk()
        desk.runner.run([None, signal_line(), None])
        assert (desk.idle, len(desk.results)) == (2, 1)

    def test_nothing_is_traded_once_a_stop_is_asked_for(self):
        desk = Desk()
        desk.stopped = True
        desk.runner.run([signal_line()])
        assert desk.bot.trades == []

    def test_in_real_time_the_time_of_a_signal_moves_nothing(self):
        desk = Desk()
        desk.runner.run([signal_line(at=at(60))])
        assert (desk.clock.now(), len(desk.bot.trades), desk.bot.syncs) == (OPEN, 1, [])


class TestReplay:
    def test_a_signal_trades_at_its_own_time(self):
        desk = Desk(replay_s=15)
        desk.runner.run([signal_line(1, at=at(0)), signal_line(2, at=at(1.1))])
        assert [when for when, _ in desk.bot.trades] == [OPEN, OPEN + timedelta(minutes=1.1)]

    def test_the_bot_synchronises_at_every_poll_boundary_on_the_way(self):
        desk = Desk(replay_s=15)
        desk.runner.run([signal_line(at=at(1))])
        assert desk.bot.syncs == [OPEN + timedelta(seconds=each) for each in (15, 30, 45, 60)]
        assert len(desk.summaries) == 4

    def test_boundaries_slept_past_are_not_made_up_for(self):
        desk = Desk(replay_s=15)
        desk.bot.work_s = 40
        desk.runner.run([signal_line(at=at(2))])
        assert desk.bot.syncs == [OPEN + timedelta(seconds=each) for each in (15, 60, 105)]

    def test_a_signal_without_a_time_trades_at_the_current_one(self):
        desk = Desk(replay_s=15)
        desk.runner.run([signal_line(1, at=at(1)), signal_line(2)])
        assert desk.bot.trades[1][0] == OPEN + timedelta(minutes=1)

    def test_a_signal_from_before_an_earlier_line_is_refused(self):
        desk = Desk(replay_s=15)
        desk.runner.run([signal_line(1, at=at(2)), signal_line(2, at=at(1))])
        assert [each.status for each in desk.results] == ["submitted", "invalid"]
        assert "sort the signals by time" in desk.results[1].message

    def test_the_rest_of_the_day_runs_on_to_the_given_moment(self):
        desk = Desk(replay_s=60)
        desk.replay.advance_to(OPEN + timedelta(minutes=2.5))
        assert len(desk.bot.syncs) == 2
        assert desk.clock.now() == OPEN + timedelta(minutes=2.5)

    def test_a_stop_on_the_way_keeps_the_signal_from_trading_before_its_time(self):
        desk = Desk(replay_s=15, stop_at_sync=True)
        desk.runner.run([signal_line(at=at(1))])
        assert (len(desk.bot.syncs), desk.bot.trades) == (1, [])


class TestResultAsJson:
    def test_a_submitted_order_is_written_with_its_names_and_decimals_as_text(self):
        desk = Desk(answer=lambda: replace(submitted(envelope("c-9")), correlation_id="rebalance-7"))
        desk.runner.run([signal_line(3, strategy_name="momentum")])
        assert desk.results[0].as_json() == {
            "v": 1,
            "event": "signal_result",
            "line": 3,
            "status": "submitted",
            "code": "submitted",
            "message": "submitted",
            "symbol": "TSLA",
            "action": "buy",
            "shares": 10,
            "price": "250.30",
            "strategy_name": "momentum",
            "limit_price": "249.92",
            "client_order_id": "c-9",
            "order_id": "order-c-9",
            "duplicate_of": None,
            "correlation_id": "rebalance-7",
        }

    def test_an_invalid_line_is_written_with_nulls_for_what_is_not_known(self):
        desk = Desk()
        desk.runner.run([line("x", 4)])
        written = desk.results[0].as_json()
        assert (written["line"], written["status"], written["symbol"], written["order_id"]) == (
            4,
            "invalid",
            None,
            None,
        )

    @pytest.mark.parametrize("status", TradeStatus)
    def test_every_trade_status_is_passed_on_as_its_word(self, status):
        desk = Desk(answer=lambda: TradeResult(status=status, code="c", message="m", envelope=None))
        desk.runner.run([signal_line()])
        assert (desk.results[0].status, desk.results[0].code) == (status.value, "c")

    def test_a_refusal_keeps_its_code_and_message(self):
        desk = Desk(answer=lambda: refused("market_closed", "closed until Monday"))
        desk.runner.run([signal_line()])
        assert (desk.results[0].code, desk.results[0].message) == ("market_closed", "closed until Monday")


def test_times_with_any_zone_mean_the_same_moment():
    assert parsed(at="2026-11-20T14:30:00Z").at == parsed(at="2026-11-20T09:30:00-05:00").at
    assert parsed(at="2026-11-20T14:30:00Z").at == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


class TestExits:
    """A signal that leaves a position needs no price and no number of shares."""

    def test_an_exit_leaves_the_position(self):
        bot = FakeBot()
        results: list[SignalResult] = []
        runner = SignalRunner(bot=bot, on_result=results.append, on_idle=lambda: None, should_stop=lambda: False)
        line = b'{"symbol":"TSLA","action":"EXIT","reason":"stop hit","strategy_name":"momentum"}'
        runner.run([SignalLine(number=1, data=line)])
        ((_, asked),) = bot.trades
        assert (asked["symbol"], asked["action"], asked["shares"], asked["limit"]) == ("TSLA", "exit", None, None)
        (result,) = results
        assert (result.status, result.code) == ("submitted", "sold")
        shown = result.as_json()
        assert (shown["action"], shown["shares"], shown["price"]) == ("exit", None, None)

    def test_it_may_name_shares_and_a_price(self):
        signal = parse_signal(
            SignalLine(number=1, data=b'{"symbol":"TSLA","action":"exit","shares":5,"price":"250.10","reason":"r"}')
        )
        assert isinstance(signal, ExitSignal)
        assert (signal.shares, signal.price) == (5, Decimal("250.10"))

    def test_a_key_of_another_kind_of_signal_is_named(self):
        with pytest.raises(SignalError, match="'pricing' is not a key of such a signal"):
            parse_signal(SignalLine(number=1, data=b'{"symbol":"T","action":"exit","reason":"r","pricing":"passive"}'))
