"""What a message says; money to the cent or finer, and what nobody knows is said to be unknown."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.notify_bench import AT, alert, ended, filled, halted, submitted
from trading_bot.account_summary import AccountSummary, EquitySource
from trading_bot.bot_events import TradingResumed
from trading_bot.notify.wording import summary_words, words_of
from trading_bot.order_management.models import OrderState


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (submitted(), "submitted: buy 10 AAPL (c1)"),
        (filled(), "filled: buy 3 AAPL at $99.80; 7 left (c1)"),
        (filled("3.50", price="99.805"), "filled: buy 3.5 AAPL at $99.805; 6.5 left (c1)"),
        (filled(price=None), "filled: buy 3 AAPL at a price that is not listed yet; 7 left (c1)"),
        (filled(new="0"), "filled: buy 3 AAPL at $99.80, 0 of them new; 7 left (c1)"),
        (ended(), "cancelled: buy AAPL, 0 filled (c1)"),
        (ended(OrderState.REJECTED, "not enough"), "rejected: buy AAPL, 0 filled (c1): not enough"),
        (ended(OrderState.NEVER_ACCEPTED), "never accepted: buy AAPL, 0 filled (c1)"),
        (alert(), "ALERT outcome_unknown AAPL: the reply was lost (c1)"),
        (halted("drift", "AAPL", "it has 5."), "halted, AAPL: it has 5; do this"),
        (halted("not_armed"), "halted, the account: a reason; do this"),
        (
            TradingResumed(at=AT, symbol="AAPL", cause="drift", reason="both agree", by="trading-bot"),
            "resumed, AAPL: both agree",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_an_event_is_one_line(event, words):
    assert words_of(event) == words


def test_what_a_terminal_or_a_phone_could_take_for_a_command_becomes_a_space():
    assert words_of(ended(OrderState.REJECTED, "a\nb\x1b[31m\u202ec")).endswith(": a b [31m c")


def test_a_bare_alert_names_no_order():
    assert words_of(replace(alert(), client_order_id=None, symbol=None)) == "ALERT outcome_unknown: the reply was lost"


def summary(**changes: object) -> AccountSummary:
    known: dict[str, object] = {
        "as_of": datetime(2026, 3, 2, 21, 0, tzinfo=UTC),
        "cash": Decimal("1234.5"),
        "buying_power": Decimal(1),
        "equity": Decimal("101234.567"),
        "equity_from": EquitySource.BROKER,
        "realised_today": Decimal("-12.3"),
        "realised": None,
        "unrealised_today": Decimal(7),
        "unrealised": None,
        "unknown_sales_today": 0,
        "unknown_sales": 0,
        "unmarked": (),
        "unknown_cost": (),
        "problems": (),
    }
    return AccountSummary(**(known | changes))  # type: ignore[arg-type]


def test_the_day_is_told_in_three_lines():
    assert summary_words(summary(), trades=4, open_orders=1).splitlines() == [
        "equity $101,234.57, cash $1,234.50",
        "today: realised -$12.30, unrealised +$7.00",
        "orders taken today: 4, open now: 1",
    ]


def test_what_is_not_known_of_the_day_is_said_and_is_no_zero():
    names = tuple(f"S{number}" for number in range(7))
    told = summary_words(
        summary(
            equity=None,
            cash=None,
            realised_today=None,
            unrealised_today=None,
            unknown_sales_today=2,
            unmarked=names,
            unknown_cost=("S0",),
            problems=("positions cannot be had.", "more"),
        ),
        trades=0,
        open_orders=0,
    )
    assert told.splitlines() == [
        "equity unknown, cash unknown",
        "today: realised unknown (without 2 sales of unknown cost), unrealised unknown",
        "orders taken today: 0, open now: 0",
        "not counted: S0, S1, S2, S3, S4 and 2 more",
        "not read: positions cannot be had",
    ]


def test_one_sale_is_one_and_nothing_gained_has_no_sign():
    told = summary_words(summary(unknown_sales_today=1, realised_today=Decimal(0)), trades=0, open_orders=0)
    assert "realised $0.00 (without 1 sale of unknown cost)" in told
