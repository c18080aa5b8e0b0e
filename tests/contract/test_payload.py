"""Our wire against the reference client's: the same order, field by field, and the same addresses.

Every difference is listed here with its reason; a difference that is not listed fails.
"""

import io
import json
from contextlib import nullcontext
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from robin_stocks.robinhood import helper, orders, urls

from tests.support.scripted_broker import (
    ACCOUNT,
    BASE,
    INSTRUMENT,
    MORNING,
    ORDER,
    REF,
    ScriptedBroker,
    account_row,
    clock,
    instrument_row,
    order_row,
    page,
    reply,
)
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderTerms, RefId, Side, TimeInForce
from trading_bot.order_management.outcomes import DurableIntent
from trading_bot.robinhood.session import BrokerSession

ONLY_THEIRS = {
    "ask_price": "quote context; a plain limit order is accepted without it, and it costs two more requests",
    "bid_price": "the same",
    "bid_ask_timestamp": "the same, and theirs is a local time without a zone",
    "preset_percent_limit": "the collar of a market order; ours is a genuine limit",
}
DIFFERENT_VALUE = {
    "price": "theirs passes through binary fractions; ours is exact to the tick",
    "ref_id": "theirs is new on every call; ours is bound to the intent, so that a repetition is no second order",
}
ONLY_OURS: dict[str, str] = {}

TERMS = [
    OrderTerms(
        symbol="AAPL", side=side, quantity=10, limit_price=Decimal("100.10"), time_in_force=tif, extended_hours=ext
    )
    for side in Side
    for tif in TimeInForce
    for ext in (False, True)
]


class ReferenceBroker(requests.adapters.BaseAdapter):
    """Answers the reference client's look-ups and keeps the order it posts."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: requests.PreparedRequest | None = None

    def send(self, request, *_, **options):
        rows = {
            "/accounts/" + ACCOUNT: account_row(),
            "/instruments/": {"results": [instrument_row()]},
            "/quotes/": {"results": [{"symbol": "AAPL", "ask_price": "100.2", "bid_price": "100.0"}]},
            "/orders/": order_row(),
        }
        if request.method == "POST":
            self.posted = request
        built = requests.Response()
        built.status_code = 200
        built.raw = io.BytesIO(json.dumps(rows[urlsplit(request.url).path]).encode())
        return built

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def reference():
    broker = ReferenceBroker()
    kept = dict(helper.SESSION.adapters)
    helper.SESSION.adapters.clear()
    helper.SESSION.mount(f"{BASE}/", broker)
    helper.set_login_state(logged_in=True)
    helper.set_output(io.StringIO())
    yield broker
    helper.set_login_state(logged_in=False)
    helper.SESSION.adapters.clear()
    helper.SESSION.adapters.update(kept)


def their_post(reference: ReferenceBroker, terms: OrderTerms) -> tuple[str, dict[str, str]]:
    orders.order(
        terms.symbol,
        terms.quantity,
        terms.side.value,
        terms.limit_price,
        None,
        account_number=ACCOUNT,
        timeInForce=terms.time_in_force.value,
        extendedHours=terms.extended_hours,
        market_hours="extended_hours" if terms.extended_hours else "regular_hours",
    )
    assert reference.posted is not None
    return str(reference.posted.url), dict(parse_qsl(str(reference.posted.body)))


def our_broker() -> tuple[ScriptedBroker, RobinhoodGateway]:
    broker = ScriptedBroker()
    broker.always("GET", f"/accounts/{ACCOUNT}/", reply(200, account_row()))
    broker.always("GET", "/accounts/", page(account_row()))
    broker.always("GET", "/instruments/", page(instrument_row()))
    broker.always("GET", f"/instruments/{INSTRUMENT}/", reply(200, instrument_row()))
    broker.always("POST", "/orders/", reply(201, order_row()))
    broker.always("GET", "/orders/", page())
    broker.always("GET", f"/orders/{ORDER}/", reply(200, order_row()))
    broker.always("POST", f"/orders/{ORDER}/cancel/", reply())
    broker.always("GET", "/positions/", page())
    broker.always("GET", "/quotes/", page())
    session = BrokerSession(adapter=broker, clock=clock())
    return broker, RobinhoodGateway(
        session=session, clock=clock(), account_number=ACCOUNT, renew=lambda _within_s: False
    )


def our_post(terms: OrderTerms) -> tuple[str, dict[str, str]]:
    broker, gateway = our_broker()
    order = gateway.prepare_order(terms, RefId(REF))
    intent = DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=terms,
        body=order.body,
        body_digest=order.digest,
        journal_seq=1,
    )
    submit = gateway.submit_limit_buy if terms.side is Side.BUY else gateway.submit_limit_sell
    submit(intent, permit=nullcontext(), timeout_s=10)
    seen = broker.seen[-1]
    query = "&".join(f"{name}={value}" for name, value in seen.query.items())
    return f"{BASE}{seen.path}?{query}", dict(parse_qsl(seen.body.decode()))


@pytest.mark.parametrize("terms", TERMS, ids=lambda t: f"{t.side}-{t.time_in_force}-{t.extended_hours}")
def test_our_order_differs_from_the_reference_only_as_listed(reference, terms):
    their_url, theirs = their_post(reference, terms)
    our_url, ours = our_post(terms)
    assert our_url == their_url
    assert set(theirs) - set(ours) <= set(ONLY_THEIRS)
    assert set(ours) - set(theirs) == set(ONLY_OURS)
    shared = set(ours) & set(theirs)
    assert {name for name in shared if ours[name] != theirs[name]} == set(DIFFERENT_VALUE)


def test_every_listed_difference_is_a_real_one(reference):
    _, theirs = their_post(reference, TERMS[0])
    _, ours = our_post(TERMS[0])
    assert set(theirs) - set(ours) == set(ONLY_THEIRS)


def test_the_prices_are_the_same_amount(reference):
    _, theirs = their_post(reference, TERMS[0])
    _, ours = our_post(TERMS[0])
    assert Decimal(ours["price"]) == Decimal(theirs["price"])


def test_our_posts_are_declared_as_the_same_form(reference):
    their_post(reference, TERMS[0])
    broker, gateway = our_broker()
    gateway.cancel_order(OrderId(ORDER))
    assert reference.posted is not None
    assert broker.seen[0].headers["Content-Type"] == reference.posted.headers["Content-Type"]
    assert broker.seen[0].headers["X-Robinhood-API-Version"] == reference.posted.headers["X-Robinhood-API-Version"]


CALLS = {
    "cancel": (lambda gateway: gateway.cancel_order(OrderId(ORDER)), urls.cancel_url(ORDER)),
    "status": (lambda gateway: gateway.fetch_order_status(OrderId(ORDER)), urls.orders_url(orderID=ORDER)),
    "list": (lambda gateway: gateway.list_open_orders(), urls.orders_url(account_number=ACCOUNT)),
    "find": (
        lambda gateway: gateway.find_by_client_order_id(ClientOrderId("c"), ref_id=RefId(REF), created_after=MORNING),
        # A day further back, because no reply has said yet what time it is at the broker.
        urls.orders_url(account_number=ACCOUNT, start_date="2026-11-22T15:00:00.000000Z"),
    ),
    "positions": (lambda gateway: gateway.fetch_positions(), urls.positions_url(account_number=ACCOUNT)),
    "quotes": (lambda gateway: gateway.fetch_quotes(["AAPL"]), urls.quotes_url()),
    # Theirs leaves out the closing slash, which the broker's own links have.
    "account": (lambda gateway: gateway.fetch_account(), urls.account_profile_url(ACCOUNT) + "/"),
    "instrument": (lambda gateway: gateway.prepare_order(TERMS[0], RefId(REF)), urls.instruments_url()),
}


@pytest.mark.parametrize("call", CALLS)
def test_our_addresses_are_the_references_own(call):
    ask, their_url = CALLS[call]
    broker, gateway = our_broker()
    ask(gateway)
    theirs = urlsplit(their_url)
    seen = broker.seen[0]
    assert f"{BASE}{seen.path}" == f"{theirs.scheme}://{theirs.netloc}{theirs.path}"
    assert dict(parse_qsl(theirs.query)).items() <= seen.query.items()
