import io
import json
import os
import signal
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.support.fake_bot import OPEN, FakeAccount, FakeTradingBot, envelope, position, refused
from trading_bot.bot_events import BotEvent, BotListener, TradingResumed
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.replay_progress import WithProgress
from trading_bot.cli.render.summary import RunSummary
from trading_bot.cli.render.views import JsonView, PlainView
from trading_bot.cli.work.run.session import ReplayPlan, Session, choose_view, plan_replay
from trading_bot.config import Config
from trading_bot.order_management.exceptions import OrderLogError, OrderStatusError
from trading_bot.order_management.models import OrderEnvelope, OrderState
from trading_bot.signals import Signal, SignalLine, SignalResult, parse_signal

NYSE = Config.model_validate({"trading": {"calendar": "NYSE"}})
FILL = {"state": OrderState.FILLED, "filled_quantity": Decimal(10)}


def signal_line(number: int = 1, minutes: float | None = None) -> SignalLine:
    text: dict[str, object] = {"symbol": "TSLA", "action": "buy", "shares": 10, "price": "250.30", "reason": "r"}
    if minutes is not None:
        text["at"] = (OPEN + timedelta(minutes=minutes)).isoformat()
    return SignalLine(number=number, data=json.dumps(text).encode())


class NotingView:
    """Notes what it is told, and whether it was open at the time."""

    listener: BotListener | None = None

    def __init__(self) -> None:
        self.open = False
        self.told: list[tuple[str, bool]] = []
        self.summaries: list[RunSummary] = []

    def showing(self) -> "NotingView":
        return self

    def __enter__(self) -> None:
        self.open = True

    def __exit__(self, *_: object) -> None:
        self.open = False

    def took(self, result: SignalResult, now: datetime) -> None:
        self.told.append((result.status, self.open))

    def changed(self, order: OrderEnvelope, now: datetime) -> None:
        self.told.append((f"{order.client_order_id} {order.state}", self.open))

    def looked(self, orders: Sequence[OrderEnvelope], now: datetime) -> None: ...

    def finished(self, summary: RunSummary) -> None:
        self.told.append(("finished", self.open))
        self.summaries.append(summary)


class Desk:
    def __init__(
        self, bot: FakeTradingBot | None = None, *, json_wanted: bool = False, is_unattended: bool = False
    ) -> None:
        self.bot = bot or FakeTradingBot()
        self.view = NotingView()
        invocation = Invocation(json=json_wanted)
        self.session = Session(
            bot=self.bot.as_bot(), view=self.view, invocation=invocation, is_unattended=is_unattended
        )

    def run(self, lines, *, minutes: float | None = None, settle_s: float | None = None) -> ExitCode:
        plan = None if minutes is None else ReplayPlan(start=OPEN, until=OPEN + timedelta(minutes=minutes))
        return self.session.run(lines, plan=plan, settle_s=settle_s)


class TestARunWithoutASignal:
    def test_lines_none_of_which_is_a_signal_are_a_usage_error(self, capsys):
        cli = Desk()
        assert cli.run([SignalLine(number=number, data=b"nonsense") for number in (1, 2)]) is ExitCode.USAGE
        assert capsys.readouterr().err == (
            "trading-bot: none of the 2 lines was a signal, so nothing was traded; correct them\n"
        )

    def test_one_line_that_is_no_signal_is_called_one_line(self, capsys):
        assert Desk().run([SignalLine(number=1, data=b"nonsense")]) is ExitCode.USAGE
        said = "trading-bot: the line was no signal, so nothing was traded; correct it\n"
        assert capsys.readouterr().err == said

    @pytest.mark.parametrize("lines", [[], [SignalLine(number=1, data=b"nonsense"), signal_line(2)]])
    def test_a_day_without_signals_and_a_bad_line_among_good_ones_are_no_error(self, lines):
        assert Desk().run(lines) is ExitCode.DONE


class TestAnUnattendedRun:
    def test_every_signal_refused_ends_with_the_code_of_the_last_refusal(self, capsys):
        cli = Desk(FakeTradingBot(answer=lambda: refused("market_closed")), is_unattended=True)
        assert cli.run([signal_line(1), signal_line(2)]) is ExitCode.MARKET_CLOSED
        assert "every signal was refused, the last one because" in capsys.readouterr().err

    def test_one_that_was_traded_makes_it_a_good_run(self):
        signal = parse_signal(signal_line())
        assert isinstance(signal, Signal)
        answers = [refused("market_closed"), FakeTradingBot().trade(signal.trade())]
        cli = Desk(FakeTradingBot(answer=lambda: answers.pop(0)), is_unattended=True)
        assert cli.run([signal_line(1), signal_line(2)]) is ExitCode.DONE

    def test_a_hangup_stops_nothing_and_is_answered_once(self, capsys):
        cli = Desk(is_unattended=True)

        def lines():
            os.kill(os.getpid(), signal.SIGHUP)
            yield from (None, None, signal_line())

        assert cli.run(lines()) is ExitCode.DONE
        assert capsys.readouterr().err.count("settings are read once, at the start") == 1
        assert ("submitted", True) in cli.view.told


class TestAskedToEnd:
    def test_a_run_ends_between_two_signals_and_is_no_failure(self, capsys):
        cli = Desk()

        def lines():
            yield signal_line(1)
            cli.bot.is_asked_to_stop.make()
            yield signal_line(2)

        assert cli.run(lines()) is ExitCode.DONE
        assert [status for status, _ in cli.view.told if status == "submitted"] == ["submitted"]
        assert "stopped by 'trading-bot stop'; orders still open: 0" in capsys.readouterr().err


class TestAViewThatListens:
    def test_it_hears_what_the_start_finds_and_nothing_after_the_run(self):
        cli, heard = Desk(), list[BotEvent]()
        cli.view.listener = heard.append
        began = TradingResumed(at=OPEN, symbol=None, cause=None, reason="found at the start", by="alice")
        cli.bot.at_start = lambda: cli.bot.feeds.tell([began])
        assert cli.run([]) is ExitCode.DONE
        assert heard == [began]
        assert not cli.bot.feeds.is_heard


class TestAStartThatIsPutOff:
    def test_a_run_that_was_stopped_before_it_could_start_reads_no_signal(self):
        bot, view = FakeTradingBot(), NotingView()

        def interrupted(stop) -> bool:
            stop.note(signal.SIGTERM)
            return False

        session = Session(bot=bot.as_bot(), view=view, invocation=Invocation(), start=interrupted)
        assert session.run([signal_line()], plan=None, settle_s=None) is ExitCode.TERMINATED
        assert (bot.events, view.told) == (["stop"], [])


class TestPlanningAReplay:
    def test_it_begins_with_the_first_signal_and_ends_two_polls_after_the_close(self):
        plan = plan_replay([signal_line(1, 5), signal_line(2, 9)], config=NYSE, settle_s=None)
        assert plan.start == OPEN + timedelta(minutes=5)
        assert plan.until == OPEN + timedelta(hours=6.5, seconds=30)

    def test_signals_after_the_close_do_not_wait_for_the_next_session(self):
        plan = plan_replay([signal_line(1, 0), signal_line(2, 395)], config=NYSE, settle_s=None)
        assert plan.until == OPEN + timedelta(minutes=395, seconds=30)

    def test_a_settling_time_counts_from_the_last_signal(self):
        plan = plan_replay([signal_line(1, 0), signal_line(2, 10)], config=NYSE, settle_s=60)
        assert plan.until == OPEN + timedelta(minutes=11)

    def test_a_bad_line_does_not_hide_the_times_of_the_others(self):
        bad = SignalLine(number=1, data=b"nonsense")
        assert plan_replay([bad, signal_line(2, 3)], config=NYSE, settle_s=0).start == OPEN + timedelta(minutes=3)

    def test_without_any_time_there_is_nothing_to_follow(self):
        with pytest.raises(CommandError, match="add times or leave --replay out") as caught:
            plan_replay([signal_line()], config=NYSE, settle_s=None)
        assert caught.value.exit_code is ExitCode.USAGE


class TestRunning:
    def test_the_bot_is_started_and_stopped_and_the_summary_comes_last(self):
        cli = Desk()
        assert cli.run([signal_line()]) is ExitCode.DONE
        assert cli.bot.events == ["start", "stop"]
        assert cli.view.told == [("submitted", True), ("finished", False)]

    def test_the_summary_counts_this_run_and_lists_all_open_orders(self):
        cli = Desk()
        cli.bot.book = [envelope("earlier"), envelope("c-1")]
        cli.run([signal_line()])
        (summary,) = cli.view.summaries
        assert [order.client_order_id for order in summary.orders] == ["c-1"]
        assert [order.client_order_id for order in summary.open_orders] == ["earlier", "c-1"]
        assert (summary.signals, summary.submitted) == (1, 1)
        assert summary.holdings is not None
        assert (summary.holdings.cash, cli.bot.account.invalidated) == (Decimal(1000), 1)

    def test_a_fill_is_shown_when_it_happens_and_earlier_orders_are_not(self):
        bot = FakeTradingBot()
        cli = Desk(bot)
        bot.book = [envelope("earlier", **FILL)]

        def lines() -> Iterator[SignalLine | None]:
            bot.show(envelope("c-1"))
            yield signal_line()
            bot.show(envelope("c-1", **FILL))
            yield None

        cli.run(lines())
        assert [told for told, _ in cli.view.told] == ["submitted", "c-1 filled", "finished"]

    def test_refusals_are_a_normal_end(self):
        cli = Desk(FakeTradingBot(answer=lambda: refused("market_closed")))
        assert cli.run([signal_line()]) is ExitCode.DONE
        assert cli.view.summaries[0].refused == {"market_closed": 1}

    def test_a_replay_runs_to_the_end_of_its_plan(self):
        cli = Desk()
        cli.run([signal_line(1, 1)], minutes=3)
        assert cli.bot.clock.now() == OPEN + timedelta(minutes=3)
        assert len(cli.bot.syncs) == 12

    def test_settling_waits_for_open_orders_and_no_longer_than_asked(self):
        cli = Desk()
        cli.bot.book = [envelope("c-1")]
        cli.run([signal_line()], settle_s=5)
        assert cli.bot.clock.monotonic() == 5

    def test_settling_ends_with_the_last_open_order(self):
        cli = Desk()
        cli.run([signal_line()], settle_s=5)
        assert cli.bot.clock.monotonic() == 0

    def test_positions_that_cannot_be_read_do_not_fail_the_run(self):
        cli = Desk()
        cli.bot.account = FakeAccount(OrderStatusError("no answer"))
        assert cli.run([signal_line()]) is ExitCode.DONE
        assert cli.view.summaries[0].holdings is None

    @pytest.mark.parametrize(("symbol", "value"), [("TSLA", Decimal("1202.00")), ("DARK", None)])
    def test_the_account_is_valued_at_the_bid_or_not_at_all(self, symbol, value):
        cli = Desk()
        cli.bot.account.held = {symbol: position(symbol)}
        cli.run([])
        assert cli.view.summaries[0].holdings is not None
        assert cli.view.summaries[0].holdings.value == value


class TestTrouble:
    def test_the_bot_is_stopped_when_the_journal_fails_under_way(self):
        def fail():
            raise OrderLogError("the disk is full; free some space")

        cli = Desk(FakeTradingBot(answer=fail))
        with pytest.raises(OrderLogError):
            cli.run([signal_line()])
        assert cli.bot.events == ["start", "stop"]

    def test_a_journal_that_does_not_verify_ends_with_its_own_exit_code(self, capsys):
        cli = Desk()
        cli.bot.verdict = SimpleNamespace(ok=False, records=2, problem="record 2 was changed")
        assert cli.run([]) is ExitCode.JOURNAL
        assert "record 2 was changed" in capsys.readouterr().err

    def test_an_incomplete_listing_is_said_once_until_it_changes(self, capsys):
        cli = Desk()
        cli.bot.sync_problem = "page 2 failed"
        cli.run([signal_line(1, 2)], minutes=3)
        assert capsys.readouterr().err.count("page 2 failed") == 1

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_stop_signal_ends_the_run_cleanly_and_says_what_is_open(self, capsys, number, code):
        cli = Desk()
        cli.bot.book = [envelope("c-1")]

        def lines() -> Iterator[SignalLine | None]:
            yield signal_line(1)
            os.kill(os.getpid(), number)
            yield signal_line(2)

        assert cli.run(lines()) == code
        assert (len(cli.bot.trades), cli.bot.events) == (1, ["start", "stop"])
        assert capsys.readouterr().err == f"trading-bot: stopped by {number.name}; orders still open: 1\n"
        assert len(cli.view.summaries) == 1

    def test_a_stop_ends_settling(self):
        cli = Desk()
        cli.bot.book = [envelope("c-1")]

        def lines() -> Iterator[SignalLine | None]:
            yield signal_line()
            os.kill(os.getpid(), signal.SIGTERM)

        cli.run(lines(), settle_s=60)
        assert cli.bot.clock.monotonic() == 0

    def test_under_json_notices_are_objects_on_stderr(self, capsys):
        cli = Desk(json_wanted=True)
        cli.bot.sync_problem = "page 2 failed"
        cli.run([signal_line(1, 1)], minutes=1)
        assert json.loads(capsys.readouterr().err)["error"]["code"] == "notice"


class TestChoosingAView:
    def test_json_beats_everything(self):
        assert isinstance(choose(Invocation(json=True)), JsonView)

    def test_without_a_terminal_the_lines_are_plain(self):
        assert isinstance(choose(Invocation()), PlainView)


def choose(invocation: Invocation):
    return choose_view(invocation, zone=NYSE.trading.hours.timezone, plan=None)


class Terminal(io.StringIO):
    """A stream that people watch."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("options", "has_bar"), [({}, True), ({"json": True}, True), ({"quiet": True}, False)])
def test_a_replay_whose_lines_go_elsewhere_has_a_bar_at_a_terminal_on_stderr(monkeypatch, options, has_bar):
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    plan = ReplayPlan(start=OPEN, until=OPEN + timedelta(hours=1))
    shown = choose_view(Invocation(**options), zone=NYSE.trading.hours.timezone, plan=plan)
    assert isinstance(shown, WithProgress) is has_bar
    assert not isinstance(choose(Invocation(**options)), WithProgress)
