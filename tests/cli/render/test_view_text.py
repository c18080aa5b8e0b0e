"""The words of the live view: the mode, what is known, what is not, and what stops entries."""

from zoneinfo import ZoneInfo

import pytest
from rich.text import Text

from tests.support.watched_view import EXTERNAL, POSITION, order, view
from trading_bot.cli.render.view_rows import (
    ORDER_COLUMNS,
    POSITION_COLUMNS,
    Row,
    detail_lines,
    heights,
    order_rows,
    position_rows,
    positions_title,
)
from trading_bot.cli.render.view_text import age_text, mode_text, money_line, notes
from trading_bot.order_management.models import OrderState

ZONE = ZoneInfo("America/New_York")
FREEZE = {"symbol": "AAPL", "cause": "drift", "reason": "12 are not 10", "remedy": "find out why"}


def cells(row: Row) -> list[str]:
    return [cell.plain for cell in row.cells]


def plain(lines: tuple[Text, ...]) -> list[str]:
    return [line.plain for line in lines]


@pytest.mark.parametrize(
    ("mode", "said"), [("paper", " PAPER "), ("live", " LIVE, REAL MONEY "), ("new", " LIVE, REAL MONEY ")]
)
def test_what_is_not_known_to_be_paper_is_shown_as_real_money(mode, said):
    shown = mode_text(view(mode=mode))
    assert (shown.plain, "red" in str(shown.style)) == (said, mode != "paper")


@pytest.mark.parametrize(
    ("age_s", "said", "style"),
    [
        (0.4, "seen 0 s ago", ""),
        (3, "seen 3 s ago", "bold yellow"),
        (5, " NO ANSWER FOR 5 s ", "bold white on red"),
        (119, " NO ANSWER FOR 119 s ", "bold white on red"),
        (600, " NO ANSWER FOR 10 min ", "bold white on red"),
        (9000, " NO ANSWER FOR 2 h ", "bold white on red"),
    ],
)
def test_the_age_turns_yellow_and_then_red(age_s, said, style):
    assert (age_text(age_s).plain, str(age_text(age_s).style)) == (said, style)


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ({"realised": "12.50", "unrealised": "-0.80"}, "today +11.70 (+12.50 realised, -0.80 on held shares)"),
        ({"realised": "12.50", "unrealised": None}, "today unknown (+12.50 realised, unknown on held shares)"),
        ({"realised": None, "unrealised": "3"}, "today unknown (unknown realised, +3.00 on held shares)"),
        ({"realised": None, "unrealised": None}, "today unknown"),
        ({"realised": "-0.001", "unrealised": "0"}, "today +0.00 (+0.00 realised, +0.00 on held shares)"),
    ],
)
def test_half_of_a_result_is_no_result(today, said):
    assert money_line(view(today=today)).plain == f"cash 75,668.43   {said}"


def test_cash_that_was_not_read_is_unknown():
    assert money_line(view(cash=None)).plain.startswith("cash unknown ")


def test_nothing_is_said_where_nothing_is_wrong():
    assert notes(view()) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"halted": "not\x1b[2J armed"}, "NO ENTRY IS TAKEN: not [2J armed"),
        ({"freezes": [FREEZE]}, "no entries in AAPL (drift); 'trading-bot frozen' says what ends it"),
        ({"problem": "the broker is silent"}, "ORDERS MAY BE MISSING: the broker is silent"),
        ({"external": None}, "orders placed elsewhere are not known: the broker's list was not read in full yet"),
        ({"orders_age_s": 61}, "read of the broker: orders 61 s ago"),
        (
            {"orders_age_s": None, "balances_age_s": 7200},
            "read of the broker: orders not in this session, balances 2 h ago",
        ),
        ({"today": {"left_out": ["AAPL"], "unknown_sales": 1}}, "today is without AAPL, 1 sale of unknown cost"),
        ({"today": {"unknown_sales": 2}}, "today is without 2 sales of unknown cost"),
    ],
)
def test_what_stops_entries_or_may_be_missing_is_said(changes, said):
    assert plain(notes(view(**changes))) == [said]


def test_a_halt_of_the_account_is_said_once():
    assert plain(notes(view(halted="it was left", freezes=[FREEZE | {"symbol": None}]))) == [
        "NO ENTRY IS TAKEN: it was left"
    ]


def test_every_order_has_a_row_whoever_placed_it_and_however_odd_it_is():
    odd = EXTERNAL | {"order_id": None, "symbol": None, "remaining_quantity": None, "problem": "no\nsize"}
    maybe = EXTERNAL | {"order_id": "b-2", "may_be": ["first"]}
    rows = order_rows(view(external=[EXTERNAL, odd, odd, maybe]), ZONE)
    assert len({row.key for row in rows}) == len(rows) == 6
    assert cells(rows[0])[:8] == ["TSLA", "buy", "3 / 10", "249.92", "", "partially filled", "momentum", "first"]
    assert cells(rows[0])[8:] == ["09:30:00", "9.50"]
    assert cells(rows[2])[:8] == ["NVDA", "buy", "3 left", "120.50", "", "confirmed", "elsewhere", "b-elsewhere"]
    assert cells(rows[3])[:8] == ["i-1", "buy", "unknown", "120.50", "", "no size", "elsewhere", "-"]
    assert cells(rows[5])[5] == "may be our order first"
    assert all(len(row.cells) == len(ORDER_COLUMNS) for row in rows)


def test_a_stop_has_its_price_in_a_column_of_its_own():
    waits = {"stop_price": "240.00", "waits_for_stop": True}
    rows = order_rows(view(orders=[order("s") | waits], external=[EXTERNAL | waits]), ZONE)
    assert [cells(row)[4:6] for row in rows] == [["240.00", "waiting"]] * 2
    reached = waits | {"waits_for_stop": False}
    (row,) = order_rows(view(orders=[order("s") | reached], external=[]), ZONE)
    assert cells(row)[4:6] == ["240.00", "confirmed, stop reached"]


def test_markup_and_control_characters_of_others_are_shown_as_text():
    (row,) = order_rows(view(orders=[order("[red]\x1b[31mx", strategy_name="[b]s")], external=[]), ZONE)
    assert (cells(row)[6], cells(row)[7]) == ("[b]s", "[red] [31mx")


def test_an_order_in_doubt_stands_out():
    (row,) = order_rows(view(orders=[order("x", state=OrderState.UNKNOWN)], external=[]), ZONE)
    assert (row.cells[5].plain, str(row.cells[5].style)) == ("unknown", "bold red")


def test_a_position_has_its_value_and_result_to_the_cent():
    (row,) = position_rows(view())
    assert cells(row) == ["AAPL", "10", "249.97", "2,499.70", "2,500.50", "-0.80", "-0.0", "10", "", ""]
    assert str(row.cells[5].style) == "red"


def test_what_is_not_known_of_a_position_is_unknown_and_never_zero():
    bare = POSITION | {"price": None, "value": None, "cost": None, "result": None, "symbol_was": "OLD", "differs": True}
    unread = {"name": "row 3", "problem": "no number"}
    one, other = position_rows(view(positions=[bare], unread=[unread]))
    assert cells(one) == [
        *("AAPL", "10", "unknown", "unknown", "unknown", "unknown", "-", "10", "", "was OLD; our fills explain 10"),
    ]
    assert cells(other) == ["row 3", *["unknown"] * 5, "-", "unknown", "", "cannot be read: no number"]
    assert len(POSITION_COLUMNS) == len(other.cells)


def test_what_protects_a_position_stands_beside_it():
    plan = {"symbol": "AAPL", "stop": "240", "target": None, "trail_level": "244.955", "suspended": False}
    (row,) = position_rows(view(protections=[plan, plan | {"symbol": "TSLA"}]))
    assert cells(row)[8] == "stop 240.00 trail 244.955"
    (row,) = position_rows(view(protections=[plan | {"suspended": True, "suspended_because": "a split"}]))
    assert (row.cells[8].plain, str(row.cells[8].style)) == ("suspended: a split", "bold red")


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({}, "POSITIONS 1, worth 2,499.70"),
        ({"positions": []}, "POSITIONS none"),
        ({"positions": None}, "POSITIONS not read in this session"),
        ({"positions": [POSITION, POSITION | {"value": None}]}, "POSITIONS 2, worth unknown"),
        ({"unread": [{"name": "x", "problem": "y"}]}, "POSITIONS 2, worth unknown"),
    ],
)
def test_the_worth_of_all_positions_is_known_only_with_each_of_them(changes, title):
    assert positions_title(view(**changes)) == title


def test_the_details_of_a_row_are_all_that_is_known():
    assert detail_lines({"v": 1, "order_id": "a\x1bb", "reason": None, "may_be": []}) == ("order id: a b",)


@pytest.mark.parametrize("room", [9, 12, 16, 20, 38, 100])
@pytest.mark.parametrize("orders", [0, 1, 5, 50])
@pytest.mark.parametrize("positions", [0, 3, 50])
def test_the_lists_share_the_screen_and_none_is_without_a_line(room, orders, positions):
    row = Row(key="x", cells=(), facts={})
    shared = heights(room, orders=[row] * orders, positions=[row] * positions)
    assert sum(shared) == room
    assert min(shared) >= 3
