import io
import json
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from tests.support.fake_bot import OPEN, envelope, refused, submitted
from tests.support.told_events import EVENTS
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.cli.render.live_view import LiveView, newest
from trading_bot.cli.render.summary import Holdings, JournalCheck, RunSummary, Tally
from trading_bot.cli.render.views import JsonView, PlainView, fate_text, fate_word, result_text, summary_rows
from trading_bot.clock import VirtualClock
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.portfolio import Position
from trading_bot.signals import SignalLine, SignalResult, parse_signal

NEW_YORK = ZoneInfo("America/New_York")
LINE = b'{"symbol":"TSLA","action":"buy","shares":10,"price":"250.30","reason":"r","strategy_name":"momentum"}'
FILLED = envelope("f", state=OrderState.FILLED, filled_quantity=Decimal(10), average_price=Decimal("249.9"))
PART = envelope("p", state=OrderState.CANCELLED, filled_quantity=Decimal(4), average_price=Decimal("249.9"))
EXPIRED = envelope("e", state=OrderState.CANCELLED)
WORKING = envelope("w")


def result(trade: TradeResult) -> SignalResult:
    signal = parse_signal(SignalLine(number=1, data=LINE))
    return SignalResult(
        line=1, status=trade.status.value, code=trade.code, message=trade.message, signal=signal, trade=trade
    )


INVALID = SignalResult(line=2, status="invalid", code="invalid_signal", message="line 2: \x1b[2Jbad")


def summary(**changes: object) -> RunSummary:
    held = Position(
        symbol="TSLA", quantity=Decimal(10), average_buy_price=Decimal("249.9"), held_for_sells=Decimal(0), as_of=OPEN
    )
    plain = RunSummary(
        signals=6,
        submitted=4,
        duplicates=1,
        refused={"market_closed": 1},
        orders=(FILLED, PART, EXPIRED, WORKING),
        open_orders=(WORKING,),
        holdings=Holdings(cash=Decimal(97501), cash_held=Decimal(0), positions=(held,), value=Decimal(100001)),
        journal=JournalCheck(path="logs/orders.jsonl", ok=True, records=12, problem=None),
        logs=Path("logs"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


class TestTally:
    @pytest.mark.parametrize("status", TradeStatus)
    def test_every_result_is_counted_exactly_once(self, status):
        tally = Tally()
        tally.count(result(TradeResult(status=status, code="why", message="m", envelope=WORKING)))
        unknown = int(status is TradeStatus.UNKNOWN)
        assert tally.submitted + tally.duplicates + sum(tally.refused.values()) + unknown == tally.signals == 1

    def test_a_refusal_is_counted_under_its_reason(self):
        tally = Tally()
        tally.count(result(refused("market_closed")))
        tally.count(INVALID)
        assert tally.refused == {"market_closed": 1, "invalid_signal": 1}

    def test_the_orders_of_a_run_are_the_ones_it_sent(self):
        tally = Tally()
        tally.count(result(submitted(WORKING)))
        tally.count(result(TradeResult(status=TradeStatus.UNKNOWN, code="u", message="", envelope=PART)))
        tally.count(result(TradeResult(status=TradeStatus.DUPLICATE, code="d", message="", envelope=FILLED)))
        assert tally.orders_of([FILLED, PART, EXPIRED, WORKING]) == (PART, WORKING)


class TestSummary:
    def test_each_order_is_counted_by_its_end(self):
        counted = summary()
        assert (counted.filled, counted.partly_filled, counted.cancelled, counted.unresolved) == (1, 1, 1, 0)

    def test_an_order_without_proof_is_counted_as_unknown_and_said_so(self):
        counted = summary(orders=(envelope(state=OrderState.UNKNOWN),))
        assert counted.unresolved == 1
        assert "do not resend" in dict(summary_rows(counted))["unknown"]

    def test_as_json_it_has_decimals_as_text(self):
        written = json.loads(json.dumps(summary().as_json()))
        assert written["v"] == 1
        assert written["summary"] == {
            "signals": 6,
            "submitted": 4,
            "filled": 1,
            "partly_filled": 1,
            "cancelled": 1,
            "unresolved": 0,
            "open": 1,
            "duplicates": 1,
            "refused": {"market_closed": 1},
            "cash": "97501",
            "cash_held": "0",
            "account_value": "100001",
            "positions": [{"symbol": "TSLA", "quantity": "10", "average_price": "249.9"}],
            "journal": {"path": "logs/orders.jsonl", "ok": True, "records": 12, "problem": None},
            "logs": "logs",
        }

    def test_in_text_it_names_what_is_open_held_and_recorded(self):
        rows = dict(summary_rows(summary()))
        assert rows["refused"] == "1: market_closed 1"
        assert rows["still open"] == "1: buy 10 TSLA"
        assert (rows["positions"], rows["cash"]) == ("10 TSLA at 249.90", "$97,501.00")
        assert rows["account value"] == "$100,001.00 with positions at the bid"
        assert rows["journal"] == "12 records, verified: logs/orders.jsonl"
        assert "unknown" not in rows

    def test_holdings_that_could_not_be_read_are_not_shown_as_none(self):
        unquoted = Holdings(cash=Decimal(1), cash_held=Decimal(2), positions=(), value=None)
        shown = dict(summary_rows(summary(holdings=unquoted)))
        assert shown["account value"].startswith("not known")
        assert shown["cash"] == "$1.00, and $2.00 held for open orders"
        rows = dict(summary_rows(summary(holdings=None)))
        assert rows["positions"].startswith("not available")
        assert "cash" not in rows

    def test_a_journal_that_does_not_verify_is_shouted(self):
        broken = JournalCheck(path="j", ok=False, records=3, problem="record 2 was changed")
        row = dict(summary_rows(summary(journal=broken)))["journal"]
        assert "DOES NOT VERIFY (record 2 was changed)" in row

    def test_a_long_list_of_open_orders_is_cut_and_says_so(self):
        many = tuple(envelope(str(each)) for each in range(11))
        assert dict(summary_rows(summary(open_orders=many)))["still open"].endswith(", 3 more")


class TestWords:
    def test_a_submitted_order_shows_limit_reference_and_strategy(self):
        assert result_text(result(submitted(WORKING))) == "buy 10 TSLA limit 249.92 reference 250.30 [momentum]"

    def test_a_refusal_shows_its_code_and_reason(self):
        assert result_text(result(refused("market_closed", "opens Monday"))) == (
            "buy 10 TSLA [momentum] market_closed: opens Monday"
        )

    def test_the_text_of_a_bad_line_is_made_safe(self):
        assert result_text(INVALID) == "line 2: [2Jbad"

    def test_some_shares_of_a_working_order_make_it_partly_filled(self):
        assert fate_word(envelope(filled_quantity=Decimal(1))) == "partly filled"
        assert fate_word(PART) == "cancelled"
        assert fate_word(envelope(state=OrderState.PENDING_CANCEL)) == "pending cancel"

    def test_a_closed_order_keeps_the_shares_it_got(self):
        assert fate_text(PART) == "buy 10 TSLA limit 249.92: 4 of 10 filled at 249.90 on average"
        assert fate_text(EXPIRED) == "buy 10 TSLA limit 249.92: 0 of 10 filled"


class TestPlainView:
    def shown(self, capsys: pytest.CaptureFixture[str], *, quiet: bool) -> list[str]:
        view = PlainView(zone=NEW_YORK, quiet=quiet)
        with view.showing():
            view.took(result(submitted(WORKING)), OPEN)
            view.looked((WORKING,), OPEN)
            view.changed(FILLED, OPEN)
        view.finished(summary())
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.splitlines()

    def test_it_writes_one_line_a_fact_in_exchange_time(self, capsys):
        first, second, *rest = self.shown(capsys, quiet=False)
        assert " ".join(first.split()) == "09:30:00 EST submitted buy 10 TSLA limit 249.92 reference 250.30 [momentum]"
        assert second.startswith("09:30:00 EST  filled")
        assert rest[0].split() == ["signals", "6"]

    def test_quiet_leaves_the_summary(self, capsys):
        assert self.shown(capsys, quiet=True)[0].split() == ["signals", "6"]


class TestJsonView:
    def test_it_writes_a_line_a_result_and_one_summary_and_nothing_else(self, capsys):
        view = JsonView()
        with view.showing():
            view.took(result(submitted(WORKING)), OPEN)
            view.changed(FILLED, OPEN)
            view.looked((FILLED,), OPEN)
        view.finished(summary())
        written = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
        assert [("line" in each, "summary" in each) for each in written] == [(True, False), (False, True)]


class TestLiveView:
    clock = VirtualClock(OPEN)

    def test_it_rests_after_each_look_so_that_people_can_see_it(self):
        screen = Console(file=io.StringIO())
        before = self.clock.monotonic()
        view = LiveView(screen=screen, out=screen, zone=NEW_YORK, span=None, clock=self.clock, linger_s=2)
        view.looked((), OPEN)
        assert self.clock.monotonic() - before == 2

    def test_the_picture_shows_orders_progress_and_the_latest_result(self):
        drawn = io.StringIO()
        screen = Console(file=drawn, width=100, height=30, force_terminal=True, color_system=None)
        view = LiveView(screen=screen, out=screen, zone=NEW_YORK, span=None, clock=self.clock, linger_s=2)
        view.took(result(submitted(WORKING)), OPEN)
        view.looked((PART, WORKING), OPEN)
        screen.print(view._picture())
        for shown in ("09:30:00 EST", "signals 1", "4 / 10", "limit 249.92 reference 250.30"):
            assert shown in drawn.getvalue()

    def test_a_long_run_is_held_as_far_as_it_may_be_seen(self):
        """Working orders stay, however old, and each one as it was seen last."""
        screen = Console(file=io.StringIO(), width=100, height=3000)
        view = LiveView(screen=screen, out=screen, zone=NEW_YORK, span=None, clock=self.clock)
        view.looked((envelope("old"),), OPEN)
        for number in range(1200):
            view.looked((envelope(str(number), state=OrderState.FILLED, filled_quantity=Decimal(10)),), OPEN)
        view.looked((envelope("old", filled_quantity=Decimal(3)),), OPEN)
        assert len(view._orders) <= 1000
        assert view._orders[ClientOrderId("old")].filled_quantity == 3

    def test_foreign_text_is_not_taken_for_markup(self):
        drawn = io.StringIO()
        out = Console(file=drawn, width=100, color_system=None)
        hostile = envelope(strategy_name="[red]x[/red]\x1b[2J")
        LiveView(screen=out, out=out, zone=NEW_YORK, span=None, clock=self.clock, linger_s=2).finished(
            summary(orders=(hostile,))
        )
        assert "[red]x[/red] [2J" in drawn.getvalue()

    def test_where_room_is_short_working_orders_go_before_finished_and_newer_before_older(self):
        orders = [envelope("1", state=OrderState.FILLED), envelope("2"), EXPIRED, envelope("4")]
        assert [each.client_order_id for each in newest(orders, 3)] == ["2", "e", "4"]
        assert [each.client_order_id for each in newest(orders, 1)] == ["4"]


def test_json_lines_of_several_threads_are_whole_and_name_their_kind(capsys):
    view = JsonView()
    listener = view.listener
    assert listener is not None

    def tell() -> None:
        for event in EVENTS * 20:
            listener(event)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        view.took(INVALID, OPEN)
    for thread in threads:
        thread.join()
    view.finished(summary())
    words = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert words.count("signal_result") == 100
    assert len(words) == 4 * 20 * len(EVENTS) + 101
    assert words[-1] == "run_ended"
