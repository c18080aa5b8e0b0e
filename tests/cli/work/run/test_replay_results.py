"""What a replay came to is kept, and compared with replays of the same input alone."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.work.run.test_session import NotingView
from tests.support.fake_bot import OPEN, envelope
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.summary import JournalCheck, RunSummary
from trading_bot.cli.work.run.compared_view import ComparedView
from trading_bot.cli.work.run.replay_results import (
    KEPT_RESULTS,
    ReplayInput,
    ReplayResults,
    differing_settings,
    input_hash,
    replay_input,
)
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderState
from trading_bot.signals import SignalLine, SignalResult

LINES = [SignalLine(number=1, data=b"one"), SignalLine(number=2, data=b"two")]
GIVEN = ReplayInput(hash="aa", signals="day.jsonl", quotes="generated", settings={"paper.seed": "8"})
RESULT = SignalResult(line=1, status="invalid", code="invalid_signal", message="no")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def summary(*orders) -> RunSummary:
    return RunSummary(
        signals=3,
        submitted=len(orders),
        duplicates=0,
        refused={},
        orders=orders,
        open_orders=(),
        holdings=None,
        journal=JournalCheck(path="j", ok=True, records=1, problem=None),
        logs=Path("logs"),
    )


ORDERS = (
    envelope(state=OrderState.FILLED, filled_quantity=Decimal(10)),
    envelope(state=OrderState.CANCELLED, filled_quantity=Decimal(3)),
    envelope(state=OrderState.CANCELLED),
)
ACCOUNT = SimpleNamespace(realised=Decimal("12.34567"), unrealised=None, equity=Decimal(100_012))


def bot(answer=ACCOUNT):
    def account_summary():
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(account_summary=account_summary)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "replays.jsonl"


def results(path, given=GIVEN) -> ReplayResults:
    return ReplayResults(path, given=given, clock=VirtualClock(NOW), files=LocalFiles())


def test_the_figures_are_those_of_orders_and_account_and_what_is_not_known_is_null(path):
    each = results(path)
    each.read(bot())
    row, earlier = each.kept(summary(*ORDERS))
    assert (row["signals"], row["orders"], row["fills"], row["fill_ratio"]) == (3, 3, 2, "0.4333")
    assert (row["realised"], row["unrealised"], row["equity"]) == ("12.3457", None, "100012.0000")
    assert (row["settings"], row["at"], earlier) == ({"paper.seed": "8"}, "2026-11-27T12:00:00+00:00", ())
    assert [json.loads(line) for line in path.read_text().splitlines()] == [row]


def test_an_account_that_cannot_be_read_and_a_day_without_orders_have_no_figures(path):
    each = results(path)
    each.read(bot())
    each.read(bot(OrderStatusError("no")))
    row, _ = each.kept(summary())
    assert (row["equity"], row["fill_ratio"]) == (None, None)


def test_only_replays_of_the_same_input_are_compared_and_all_are_kept(path):
    other = ReplayInput(hash="bb", signals="x", quotes="y", settings={})
    first, _ = results(path).kept(summary())
    results(path, other).kept(summary())
    with path.open("a") as file:
        file.write('no result\n{"v": 99}\n[]\n')
    _, earlier = results(path).kept(summary())
    assert earlier == (first,)
    assert len(path.read_text().splitlines()) == 3


def test_the_file_keeps_a_bounded_number_of_results(path):
    path.write_text(f"{json.dumps({'v': 1, 'input': 'bb'})}\n" * (KEPT_RESULTS + 5))
    results(path).kept(summary())
    assert len(path.read_text().splitlines()) == KEPT_RESULTS


def test_the_input_is_signals_and_quotes_and_not_their_names(tmp_path):
    quotes = tmp_path / "q.jsonl"
    quotes.write_bytes(b"quotes")
    config = Config.model_validate({"paper": {"quotes_file": quotes}})
    given = replay_input(config, source="-", lines=LINES, settle_s=3, files=LocalFiles())
    assert given.hash == input_hash(LINES, b"quotes") != input_hash(LINES, None)
    assert given.hash != input_hash(LINES[:1], b"quotes")
    assert (given.signals, given.quotes, given.settings) == ("stdin", "q.jsonl", {"--settle": "3"})
    generated = replay_input(Config(), source="a/day.jsonl", lines=LINES, settle_s=None, files=LocalFiles())
    assert (generated.signals, generated.quotes, generated.settings) == ("day.jsonl", "generated", {})


def test_settings_that_differ_are_named_and_an_account_number_never_is():
    config = Config.model_validate(
        {"paper": {"seed": 8}, "trading": {"calendar": "NYSE"}, "account_number": "5AB12345", "logs_dir": "elsewhere"}
    )
    assert differing_settings(config) == {"paper.seed": "8", "trading.calendar": "NYSE"}


def shown(path, capsys, **options) -> tuple[NotingView, str]:
    view = NotingView()
    ComparedView(view, results=results(path), invocation=Invocation(**options)).finished(summary(*ORDERS))
    return view, capsys.readouterr().out


def test_the_end_of_a_replay_shows_it_beside_earlier_ones(path, capsys):
    _, first = shown(path, capsys)
    view, second = shown(path, capsys)
    assert "the first replay of this input (aa)" in first
    assert len(view.summaries) == 1
    table = [line.split() for line in second.splitlines() if line]
    assert table[0] == [
        "replay",
        "signals",
        "orders",
        "fills",
        "filled",
        "%",
        "realised",
        "unrealised",
        "equity",
        "settings",
    ]
    not_known = ["not", "known"] * 3
    assert table[1:] == [
        ["2026-11-27T12:00:00Z", "3", "3", "2", "43.3", *not_known, "paper.seed=8"],
        ["this", "one", "3", "3", "2", "43.3", *not_known, "paper.seed=8"],
    ]


def test_a_program_gets_the_comparison_as_one_object_and_quiet_gets_none(path, capsys):
    _, text = shown(path, capsys, json=True)
    assert json.loads(text)["event"] == "replay_compared"
    assert shown(path, capsys, quiet=True)[1] == ""


def test_a_result_that_cannot_be_kept_is_said_and_the_summary_is_shown(tmp_path, capsys):
    path = tmp_path / "replays.jsonl"
    path.mkdir()
    view = NotingView()
    ComparedView(view, results=results(path), invocation=Invocation()).finished(summary())
    assert len(view.summaries) == 1
    assert "was not kept" in capsys.readouterr().err


def test_a_figure_that_somebody_altered_is_not_known(path, capsys):
    path.write_text(json.dumps({"v": 1, "input": "aa", "equity": "much", "settings": None}) + "\n")
    assert "not known" in shown(path, capsys)[1]


def test_everything_else_goes_to_the_view(path):
    view = NotingView()
    compared = ComparedView(view, results=results(path), invocation=Invocation())
    assert compared.listener is view.listener
    with compared.showing():
        compared.took(RESULT, OPEN)
        compared.changed(ORDERS[0], OPEN)
        compared.looked(ORDERS, OPEN)
    assert [told for told, _ in view.told][:1] == ["invalid"]
