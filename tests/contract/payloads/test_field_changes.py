"""Each field of each reply in turn removed, nulled, re-cased, retyped, or with a unjournaled's value.

Either the field is one of the few that a decision needs (the tables here and the ``NEEDED`` tables of the readers, with
their reasons), or nothing changes but the field itself. In neither case is another row affected.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace

import pytest

from tests.contract.payloads.corpus import STRANGER_ID, Change, changes, sample_row
from tests.support.gateway_bench import CANCEL, LIST, OTHER, STATUS, GatewayBench, terms
from tests.support.scripted_broker import (
    ACCOUNT,
    BASE,
    INSTRUMENT,
    MORNING,
    ORDER,
    REF,
    account_row,
    instrument_row,
    order_row,
    page,
    reply,
)
from trading_bot.auth import token_grants
from trading_bot.order_management.exceptions import OrderNotSentError, OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderId, RefId
from trading_bot.order_management.outcomes import Accepted, CancelTaken, Unknown
from trading_bot.robinhood.account_wire import NEEDED_OF_ACCOUNT, NEEDED_OF_INSTRUMENT, NEEDED_OF_QUOTE
from trading_bot.robinhood.history import NEEDED_OF_BAR
from trading_bot.robinhood.order_rows import NEEDED
from trading_bot.robinhood.positions import NEEDED_OF_POSITION
from trading_bot.robinhood.session import UnreadableReplyError, WireReply

pytestmark = pytest.mark.no_cover  # a sweep: each line that it reaches has a test of its own

OURS = {
    "account": f"{BASE}/accounts/{ACCOUNT}/",
    "instrument": f"{BASE}/instruments/{INSTRUMENT}/",
    "instrument_id": INSTRUMENT,
}

# What a field is needed for, by the name of the table that says so; all others may be anything.
PART_OF: Mapping[str, str] = {"instrument_id": "instrument"}

USED_OF_ORDER: Mapping[str, str] = {
    "id": "order_id",
    "ref_id": "ref_id",
    "symbol": "symbol",
    "instrument": "instrument_id",
    "instrument_id": "instrument_id",
    "side": "side",
    "state": "state",
    "quantity": "quantity",
    "cumulative_quantity": "cumulative_quantity",
    "price": "limit_price",
    "average_price": "average_price",
    "time_in_force": "time_in_force",
    "executions": "executions",
    "fees": "fees",
    "reject_reason": "reject_reason",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "last_transaction_at": "last_transaction_at",
}
"""The fields of an order that are read at all, and where they are told."""

ALSO_CHANGES: Mapping[str, frozenset[str]] = {
    "state": frozenset({"broker_state", "state_is_known", "voided"}),
    "instrument": frozenset({"symbol", "symbol_is_known"}),
    "instrument_id": frozenset({"symbol", "symbol_is_known"}),
}

VOIDS_A_LIST: Mapping[str, str] = {
    "account": "a row of another account: nobody knows whose the other rows are",
    "account_number": "the same",
}

NEVER_ACCEPTED: Mapping[str, str] = {
    "id": "without the broker's id it is not known which order this is",
    "ref_id": "without our reference it may be somebody else's order; it is looked up",
}

_TERM_FIELDS = ("instrument", "instrument_id", "side", "state", "quantity", "cumulative_quantity", "price")
TERMS: Mapping[str, str] = dict.fromkeys(
    (*_TERM_FIELDS, "time_in_force"),
    "the broker's terms differ from ours, or cannot be read: shown, and the symbol's entries frozen",
)


def filled_row() -> dict[str, object]:
    return sample_row("orders_equity", "y2026_limit_filled") | OURS | {"id": ORDER, "ref_id": REF}


def posted_row() -> dict[str, object]:
    row = sample_row("order_post_reply", "y2026_limit_buy") | OURS
    mine = {"price": "100.10000000", "quantity": "10.00000000", "time_in_force": "gfd", "side": "buy"}
    return row | mine | {"id": ORDER, "ref_id": REF}


def held_row() -> dict[str, object]:
    row = sample_row("positions", "row_2024_10") | OURS
    return row | {"account_number": ACCOUNT, "symbol": "AAPL", "url": f"{BASE}/positions/{ACCOUNT}/{INSTRUMENT}/"}


def needed(change: Change, table: Mapping[str, str]) -> bool:
    name = PART_OF.get(change.top, change.top)
    return name in table


NEXT_DOOR = "50810c35-d215-4866-9758-0ada4ac79ffa"
NEIGHBOUR = order_row(id=OTHER, ref_id=OTHER, instrument_id=NEXT_DOOR, instrument=None)


def new_desk() -> GatewayBench:
    bench = GatewayBench()
    bench.broker.always("GET", "/instruments/", page(instrument_row(), instrument_row("NEXT", id=NEXT_DOOR)))
    bench.broker.always("GET", f"/instruments/{STRANGER_ID}/", reply(404))
    return bench


def each(row: dict[str, object]):
    """Make one test for each field: it goes over all changes of the field, each at a gateway of its own."""
    of_field: dict[str, list[Change]] = {}
    for change in changes(row):
        of_field.setdefault(change.top, []).append(change)

    def decorate(test: Callable[[GatewayBench, Change], None]):
        @pytest.mark.parametrize("field", of_field)
        def test_each_change(field):
            for change in of_field[field]:
                try:
                    test(new_desk(), change)
                except Exception as error:
                    error.add_note(f"with {change}")
                    raise

        return test_each_change

    return decorate


@each(filled_row())
def test_an_odd_field_of_an_order_concerns_that_order_alone(bench, change):
    """Every other order of the list is read as ever, and the list stays one of all pages."""
    [plain, neighbour] = listed(new_desk(), filled_row()).reports
    listing = listed(bench, change.row)
    if not listing.has_all_pages:
        assert (change.how, change.top in VOIDS_A_LIST) == ("strange", True)
        return
    assert listing.reports[-1] == neighbour
    if listing.unread:
        assert needed(change, NEEDED)
        assert len(listing.unread) == 1
        return
    report = listing.reports[0]
    changed = {each.name for each in fields(report) if getattr(report, each.name) != getattr(plain, each.name)}
    told = USED_OF_ORDER.get(change.top)
    assert changed <= ({told} | ALSO_CHANGES.get(change.top, frozenset()))
    if change.how == "re-cased":
        assert changed <= {"broker_state"}


def listed(bench: GatewayBench, row: object):
    bench.broker.on(*LIST, page(row, NEIGHBOUR))
    return bench.gateway.list_orders_since(MORNING)


@each(filled_row())
def test_an_odd_field_of_one_order_keeps_no_search_from_finding_another(bench, change):
    bench.broker.on(*LIST, page(change.row, NEIGHBOUR))
    found = bench.gateway.find_by_client_order_id(ClientOrderId("c"), ref_id=RefId(OTHER), created_after=MORNING)
    if change.how == "strange" and change.top in VOIDS_A_LIST:
        assert not found.has_all_pages
    else:
        assert [report.order_id for report in found.reports] == [OTHER]


@each(filled_row())
def test_an_order_asked_for_by_id_is_read_unless_a_decision_needs_the_field(bench, change):
    bench.broker.on(*STATUS, reply(200, change.row))
    try:
        report = bench.gateway.fetch_order_status(OrderId(ORDER))
    except OrderStatusError:
        assert needed(change, NEEDED) or change.top in VOIDS_A_LIST
    else:
        assert report.order_id == ORDER


@each(posted_row())
def test_an_odd_field_of_the_reply_never_hides_an_accepted_order(bench, change):
    """The order exists: only without its two names is that in doubt, and then it is looked up."""
    bench.broker.on("POST", "/orders/", reply(201, change.row))
    outcome = bench.buy()
    if isinstance(outcome, Unknown):
        assert change.top in NEVER_ACCEPTED
        assert change.how != "re-cased"
        return
    assert isinstance(outcome, Accepted)
    if outcome.mismatch is not None:
        assert change.top in TERMS
        assert change.how != "re-cased"


@pytest.mark.parametrize("name", ["accepted_empty_object", "accepted_order_object_2016", "mcp_accepted"])
def test_nothing_in_the_reply_to_a_cancel_is_needed(name):
    bench = new_desk()
    row = sample_row("cancel_reply", name)
    bodies: tuple[object, ...] = (row, *(change.row for change in changes(row)), None, [], "ok")
    for body in bodies:
        bench.broker.on(*CANCEL, reply(200, body))
        assert isinstance(bench.gateway.cancel_order(OrderId(ORDER)), CancelTaken)


USED_OF_POSITION: Mapping[str, str] = {
    "symbol": "symbol",
    "quantity": "quantity",
    "instrument_id": "instrument_id",
    "instrument": "instrument_id",
    "average_buy_price": "average_buy_price",
    "clearing_average_cost": "average_buy_price",
    "shares_held_for_sells": "held_for_sells",
    "shares_held_for_stock_grants": "held_for_sells",
    "shares_held_for_options_collateral": "held_for_sells",
    "shares_held_for_options_events": "held_for_sells",
}


@each(held_row())
def test_an_odd_field_of_a_position_concerns_that_instrument_alone(bench, change):
    [plain] = positions(new_desk(), held_row()).positions[:1]
    try:
        listing = positions(bench, change.row)
    except OrderStatusError:
        assert (change.how, change.top in VOIDS_A_LIST) == ("strange", True)
        return
    assert listing.positions[-1].symbol == "F"
    if listing.unread:
        told = "holds" if change.top.startswith("shares_held_for_") else PART_OF.get(change.top, change.top)
        assert told in NEEDED_OF_POSITION
        assert [row.name for row in listing.unread] == ["AAPL"]
        return
    held = listing.positions[0]
    changed = {each.name for each in fields(held) if getattr(held, each.name) != getattr(plain, each.name)}
    assert changed <= {USED_OF_POSITION.get(change.top)}
    if change.how == "re-cased":
        assert not changed


def positions(bench: GatewayBench, row: object):
    second = {"instrument_id": OTHER, "symbol": "F", "quantity": "3.0000"}
    bench.broker.on("GET", "/positions/", page(row, second))
    return bench.gateway.fetch_positions()


def whole_account() -> dict[str, object]:
    row = sample_row("accounts", "margin_2024_10")
    return row | {"account_number": ACCOUNT, "url": f"{BASE}/accounts/{ACCOUNT}/"}


FORBIDDING = {"deactivated", "permanently_deactivated", "locked", "only_position_closing_trades"}


@each(whole_account())
def test_an_odd_field_of_the_account_stops_nothing_but_what_needs_it(bench, change):
    bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, change.row))
    try:
        account = bench.gateway.fetch_account()
    except OrderStatusError:
        assert needed(change, NEEDED_OF_ACCOUNT)
        assert change.how != "re-cased"
        return
    is_set = change.field in FORBIDDING and change.how == "strange"
    assert account.restriction == (change.field if is_set else None)


@each(whole_account())
def test_whatever_the_account_says_held_shares_can_be_named_in_an_order_to_sell(bench, change):
    """With the account named in the settings, an exit needs no balance."""
    bench.broker.on("GET", f"/accounts/{ACCOUNT}/", reply(200, change.row))
    assert bench.gateway.prepare_order(terms(), RefId(REF)).body


def whole_instrument() -> dict[str, object]:
    row = sample_row("instruments", "row_2024_all_day")
    return row | {"id": INSTRUMENT, "symbol": "AAPL", "url": f"{BASE}/instruments/{INSTRUMENT}/"}


FORBIDS: Mapping[str, object] = {"tradeable": False}


@each(whole_instrument())
def test_an_odd_field_of_an_instrument_forbids_only_what_a_documented_word_forbids(bench, change):
    bench.broker.on("GET", "/instruments/", page(change.row, instrument_row("AAPLW", id=OTHER)))
    try:
        order = bench.gateway.prepare_order(terms(), RefId(REF))
    except (OrderNotSentError, ValueError):
        is_forbidden = FORBIDS.get(change.field, "no") == change.row.get(change.field)
        off_its_tick = change.field == "min_tick_size"
        assert needed(change, NEEDED_OF_INSTRUMENT) or is_forbidden or off_its_tick
    else:
        assert order.body


def whole_quote() -> dict[str, object]:
    return sample_row("quotes", "row_2026_03") | {"symbol": "AAPL"}


@each(whole_quote())
def test_an_odd_field_of_a_quote_concerns_that_symbol_alone(bench, change):
    rows = [change.row, whole_quote() | {"symbol": "TSLA"}]
    bench.broker.on("GET", "/quotes/", reply(200, {"results": rows}))
    quotes = bench.gateway.fetch_quotes(["AAPL", "TSLA"])
    if "AAPL" not in quotes:
        assert needed(change, NEEDED_OF_QUOTE)
        assert change.how != "re-cased"
    elif change.field == "trading_halted" and change.how == "strange":
        assert quotes["AAPL"].trading_halted
    elif change.how == "re-cased":
        assert replace(quotes["AAPL"], symbol="TSLA", state=quotes["TSLA"].state) == quotes["TSLA"]
    assert not quotes["TSLA"].trading_halted


def whole_history() -> dict[str, object]:
    return sample_row("historicals", "marketdata_2024") | {"symbol": "AAPL"}


def bar_rows() -> list[dict[str, object]]:
    rows = whole_history()["historicals"]
    assert isinstance(rows, list)
    return rows


@each(bar_rows()[0])
def test_an_odd_field_of_a_bar_concerns_that_bar_alone(bench, change):
    body, plain = whole_history(), bar_rows()
    bench.broker.on("GET", "/marketdata/historicals/AAPL/", reply(200, body))
    bench.broker.on(
        "GET", "/marketdata/historicals/AAPL/", reply(200, body | {"historicals": [change.row, *plain[1:]]})
    )
    first, *others = bench.gateway.fetch_history("AAPL", "5minute", "day")
    bars = bench.gateway.fetch_history("AAPL", "5minute", "day")
    odd = [bar for bar in bars if bar not in others]
    assert [bar for bar in bars if bar in others] == others
    if not odd:
        assert change.field in NEEDED_OF_BAR
        assert change.how != "re-cased"
    elif change.field not in NEEDED_OF_BAR or change.how in {"re-cased", "retyped"}:
        assert replace(odd[0], volume=first.volume, is_interpolated=first.is_interpolated) == first


@each(sample_row("token_reply", "oauth_2020") | {"access_token": "a", "refresh_token": "r"})
def test_an_odd_field_of_a_token_reply_costs_no_login_unless_it_is_a_token(bench, change):
    wire = WireReply(status=200, headers={}, body=reply(200, change.row).body)
    try:
        tokens = token_grants.read_tokens(wire)
    except UnreadableReplyError:
        assert needed(change, token_grants.NEEDED) or (change.field, change.how) == ("token_type", "strange")
    else:
        assert tokens.access.get_secret_value()


def test_every_table_gives_a_reason():
    tables = (
        *(NEEDED, NEEDED_OF_ACCOUNT, NEEDED_OF_INSTRUMENT, NEEDED_OF_POSITION, NEEDED_OF_QUOTE, token_grants.NEEDED),
        *(NEEDED_OF_BAR, VOIDS_A_LIST, NEVER_ACCEPTED, TERMS),
    )
    assert all(reason for table in tables for reason in table.values())


def test_the_plain_rows_are_read_whole():
    """What the changes start from must itself be good."""
    assert listed(new_desk(), filled_row()).complete
    assert positions(new_desk(), held_row()).unread == ()
    bench = new_desk()
    bench.broker.on("POST", "/orders/", reply(201, posted_row()))
    accepted = bench.buy()
    assert isinstance(accepted, Accepted)
    assert accepted.mismatch is None
    assert account_row()["account_number"] == ACCOUNT
