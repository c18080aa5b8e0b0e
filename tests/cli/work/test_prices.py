"""`quote` and `history`: from a running bot, else by a direct read that starts no bot."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command_line_bench import QUOTE as PAPER_QUOTE
from tests.support.command_line_bench import CommandLineBench
from tests.support.live_account import NUMBER, live_account
from tests.support.loopback_broker.own_connections import as_the_broker
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work import prices as work
from trading_bot.config import Config
from trading_bot.operations import Ping, ShowHistory, ShowQuotes
from trading_bot.operations.price_commands import quote_json, source_of
from trading_bot.order_management.portfolio import Quote
from trading_bot.paper.quotes import ReplayQuotes
from trading_bot.startup import create_bot, price_look_up
from trading_bot.startup.price_look_up import _DirectAnswers

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
QUOTE = Quote(
    symbol="AAPL",
    bid_price=Decimal("99.98"),
    ask_price=Decimal(100),
    bid_size=0,
    ask_size=700,
    last_price=Decimal("99.99"),
    trading_halted=False,
    updated_at=NOW - timedelta(seconds=3),
    venue_ask_time=NOW - timedelta(seconds=2),
    previous_close=Decimal(200),
    adjusted_previous_close=Decimal(101),
)


@pytest.fixture
def bench(tmp_path: Path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def test_the_paper_market_is_shown_without_a_bot_and_what_nobody_says_is_not_known(bench):
    done = bench("quote", "aapl", "MSFT")
    head, aapl, msft = (line.split() for line in done.stdout.splitlines())
    assert (done.returncode, head[:4]) == (0, ["symbol", "bid", "size", "ask"])
    assert (aapl[:5], msft[0]) == (["AAPL", "99.98", "500", "100.00", "500"], "MSFT")
    assert aapl[5:8] == ["99.98", "not", "known"]  # the bid is the last trade of a paper market
    assert "recorded prices of the paper market" in done.stderr
    assert not bench.database.exists()


def test_a_symbol_without_a_quote_is_named_and_the_others_are_shown(bench):
    done = bench("--quiet", "quote", "AAPL", "NOPE")
    assert done.returncode == 7
    assert done.stdout.splitlines()[1].startswith("AAPL")
    assert done.stderr.count("\n") == 1
    assert "no quote of NOPE" in done.stderr


def test_a_program_gets_the_figures_and_null_for_what_is_not_known(bench):
    answer = bench.json("quote", "AAPL")
    (quote,) = answer["quotes"]
    assert (answer["source"], answer["missing"], quote["bid"], quote["change"]) == ("recorded", [], "99.980000", None)


def test_figures_count_from_the_adjusted_close_and_the_latest_time():
    form = quote_json(QUOTE, NOW)
    assert (form["change"], form["change_pct"], form["previous_close"]) == ("-1.01", "-1.00", "101")
    assert (form["age_s"], form["bid_size"], form["ask_size"]) == (2.0, None, 700)


@pytest.mark.parametrize(
    ("age_s", "shown"), [(None, "not known"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h")]
)
def test_an_age_is_shown_in_the_unit_that_reads_best(age_s, shown):
    assert work._age({"age_s": age_s}) == shown


def test_a_halt_and_a_change_are_shown():
    row = work._quote_row({**quote_json(QUOTE, NOW), "halted": True})
    assert row == ("AAPL", "99.98", "?", "100.00", "700", "99.99", "-1.01 (-1.00 %)", "2 s", "HALTED")


def recorded_day(bench: CommandLineBench) -> None:
    rows = [
        {"at": f"2026-11-23T14:{minute}:00Z", "symbol": "AAPL", "bid": bid, "ask": "100", "bid_size": 1, "ask_size": 1}
        for minute, bid in ((31, "98"), (41, "99"))
    ]
    (bench.home / "quotes.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    settings = json.loads(bench.config.read_text())
    bench.config.write_text(json.dumps({**settings, "trading": {"calendar": "NYSE"}}))


def test_bars_go_to_the_terminal_to_a_file_and_to_a_program(bench):
    recorded_day(bench)
    days = ("--interval", "day", "--span", "5year")
    shown = bench("history", "AAPL", *days).stdout.splitlines()[1].split()
    assert shown == ["2026-11-23", "99.00", "99.50", "99.00", "99.50", "?"]
    (row,) = csv.DictReader(io.StringIO(bench("history", "AAPL", *days, "--csv").stdout))
    assert (row["begins_at"], row["close"], row["volume"], row["interpolated"]) == (
        "2026-11-23T00:00:00.000000Z",
        "99.500000",
        "",
        "False",
    )
    (bar,) = bench.json("history", "AAPL", *days)["bars"]
    assert (bar["high"], bar["volume"]) == ("99.500000", None)


def test_a_bar_in_which_nothing_traded_says_so_and_its_time_is_that_of_the_exchange():
    bar = {"begins_at": "2026-11-23T14:35:00.000000Z", "open": "1", "high": "1", "low": "1", "close": "1"}
    row = work._bar_row({**bar, "volume": 0, "interpolated": True}, Config().trading.hours.timezone, "5minute")
    assert (row[0], row[-2:]) == ("2026-11-23 09:35 EST", ("0", "no trade"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("history", "AAPL", "--interval", "5minute", "--span", "year"), 2, "no history of interval"),
        (("history", "AAPL", "--csv", "--json"), 2, "give one of them"),
        (("history", "NOPE"), 7, "check the symbol"),
        (("history", "AAPL", "--interval", "second"), 2, "--interval"),
        (("quote",), 2, "SYMBOL"),
        (("quote", *(f"A{number}" for number in range(401))), 2, "symbols"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(bench, arguments, code, said):
    recorded_day(bench)
    done = bench("--quiet", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


def test_no_bars_yet_are_said(capsys):
    none = {"symbol": "AAPL", "interval": "5minute", "bars": []}
    work.show_bars(none, Config().trading.hours.timezone, Invocation())
    assert capsys.readouterr().out.startswith("no bars of AAPL")


def test_a_running_bot_answers(bench):
    """Its market is another one than that of the quotes file, which a direct read would show."""
    other = json.dumps(PAPER_QUOTE | {"symbol": "AAPL", "bid": "49.98", "ask": "50.00"})
    bot = create_bot(Config.from_env_and_json(bench.config), quotes=ReplayQuotes([other]))
    bot.start()
    try:
        assert [quote["bid"] for quote in bench.json("quote", "AAPL")["quotes"]] == ["49.980000"]
        assert bench("history", "AAPL", "--interval", "week", "--span", "year").returncode == 0
    finally:
        bot.stop()


def test_a_live_quote_is_read_with_the_saved_login_and_nothing_else_is(tmp_path):
    with live_account(tmp_path) as account, as_the_broker(account.server):
        account.log_in()
        look = price_look_up(account.config, surroundings=account.around)
        answer = look.perform(ShowQuotes(symbols=("AAPL", "NOPE")))
        assert (answer["source"], answer["missing"]) == ("live", ["NOPE"])
        assert look.perform(ShowHistory(symbol="AAPL"))["bars"]
        paper = account.config.model_copy(update={"trading": Config().trading})
        shadow = paper.model_copy(update={"paper": Config.model_validate({"paper": {"quotes": "live"}}).paper})
        assert price_look_up(shadow, surroundings=account.around).perform(ShowQuotes(symbols=("AAPL",)))["quotes"]
        assert {path.split("?")[0].split()[1] for path in account.server.paths()} <= {
            "/quotes/",
            "/marketdata/historicals/AAPL/",
        }
        assert NUMBER not in "".join(account.server.paths())


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({}, "generated"),
        ({"paper": {"quotes_file": "q"}}, "recorded"),
        ({"paper": {"quotes": "live"}}, "live"),
        ({"trading": {"mode": "live"}, "account_number": "5QR10001"}, "live"),
    ],
)
def test_an_answer_says_whose_prices_they_are(settings, source):
    assert source_of(Config.model_validate(settings)) == source


def test_a_direct_read_answers_nothing_but_prices():
    reads = _DirectAnswers(config=Config(), around=None, state=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no question about prices"):
        reads.answer(Ping(), problem=None)
