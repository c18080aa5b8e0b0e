"""What a person reads of orders, positions and synchronisations that hold something odd."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.support.fake_bot import envelope
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.work.looks import show_listed
from trading_bot.order_json import envelope_json, external_order_json, sync_summary_json
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderState
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.results import PositionDifference, SyncSummary
from trading_bot.order_management.sync.external_orders import external_order

ZONE = ZoneInfo("America/New_York")
ODD = envelope("w3", broker_state="parked", state_is_known=False)


def test_a_state_word_that_is_not_known_is_shown_with_the_order():
    (row,) = words.order_rows([envelope_json(ODD)], ZONE)
    assert row[3] == "confirmed (the broker says 'parked')"


def test_a_status_says_what_ends_an_order_under_such_a_word():
    lines = words.status_lines({**envelope_json(ODD), "executions": []}, ZONE)
    assert "confirmed (the broker says 'parked')" in lines[0]
    assert "trading-bot resolve w3 --as cancelled" in lines[-1]


def test_an_order_that_a_person_has_ended_puzzles_nobody():
    ended = envelope("w3", broker_state="parked", state_is_known=False, state=OrderState.CANCELLED)
    (row,) = words.order_rows([envelope_json(ended)], ZONE)
    assert row[3] == "cancelled"
    assert "resolve" not in words.status_lines({**envelope_json(ended), "executions": []}, ZONE)[-1]


def test_a_renamed_symbol_is_shown_with_the_name_that_it_had():
    (row,) = words.order_rows([envelope_json(envelope(symbol="METX", symbol_was="FBX"))], ZONE)
    assert row[1] == "METX (was FBX)"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, ()),
        ({"external_orders": 0}, ()),
        ({"external_orders": 1}, ("1 open order was placed elsewhere; list them with --all-origins",)),
        ({"external_orders": 2}, ("2 open orders were placed elsewhere; list them with --all-origins",)),
        ({"external_orders": 2, "external": []}, ()),
    ],
)
def test_orders_placed_elsewhere_are_counted_where_they_are_not_listed(answer, said):
    assert words.orders_notes(answer) == said


def test_that_the_brokers_list_was_not_read_is_said():
    (said,) = words.orders_notes({"external_orders": None})
    assert "is not known" in said


def test_an_order_placed_elsewhere_is_a_row_with_what_is_not_understood():
    row = UnreadRow(problem="quantity: null", order_id=OrderId("app-1"), instrument_id="I9", broker_state="confirmed")
    read = external_order_json(external_order(row))
    may_be = external_order_json(external_order(row, may_be=(ClientOrderId("c1"),)))
    first, second = words.external_rows([read, may_be])
    assert first == ("app-1", "I9", "-", "confirmed", "-", "-", "quantity: null")
    assert second[-1] == "may be our order c1"


def test_a_synchronisation_names_differences_and_what_concerns_single_orders():
    summary = SyncSummary(
        complete=True,
        open_orders=0,
        fills_booked=0,
        orders_closed=0,
        external_orders=0,
        notes=("order c9 stays in doubt",),
        differences=(PositionDifference(symbol="F", broker=Decimal(100), expected=Decimal(10)),),
    )
    counts, note, difference = words.sync_lines(sync_summary_json(summary))
    assert counts.startswith("0 open")
    assert note == "order c9 stays in doubt"
    assert difference == (
        "F: the broker shows 100, our fills explain 10; if the broker is right, run 'trading-bot accept-position F "
        '--by NAME --reason "..."\''
    )


def test_positions_name_what_differs_and_what_cannot_be_read():
    answer = {
        "positions": [
            {"symbol": "F", "quantity": "100", "expected": "10", "free": "10", "differs": True},
            {"symbol": "METX", "symbol_was": "FBX", "quantity": "5", "expected": "5", "free": "5", "differs": False},
        ],
        "unread": [{"name": "I2", "problem": "HTTP 404"}],
    }
    assert [row[:3] for row in words.position_rows(words.parts(answer, "positions"))] == [
        ("F", "100", "10"),
        ("METX (was FBX)", "5", "5"),
    ]
    difference, unread = words.position_notes(answer)
    assert "the broker shows 100, our fills explain 10; run 'trading-bot sync', because a fill may not be" in difference
    assert "if they still differ and the broker is right, run 'trading-bot accept-position F " in difference
    assert unread == "I2 cannot be read (HTTP 404); it is neither bought nor sold here"


@pytest.mark.parametrize("shows_others", [False, True])
def test_orders_placed_elsewhere_are_listed_before_anybody_is_asked_to_cancel_them(shows_others, capsys):
    row = external_order_json(external_order(UnreadRow(problem="quantity: null", order_id=OrderId("app-1"))))
    answer: dict[str, object] = {"orders": [envelope_json(ODD)], **({"external": [row]} if shows_others else {})}
    show_listed(answer, ZONE, Invocation())
    listed = capsys.readouterr().out
    assert "w3" in listed
    assert ("app-1" in listed) is shows_others
