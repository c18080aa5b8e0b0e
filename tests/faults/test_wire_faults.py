"""Each fault of the wire, on real sockets under the real gateway: what a submit and a read make of it."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import authority, bench
from tests.support.loopback_broker.book import LoopbackBook
from tests.support.loopback_broker.server import LoopbackServer
from trading_bot.clock import SystemClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import Accepted, DurableIntent, NotSent, Rejected, Unknown

ACCOUNT = "5QR12345"
REF = RefId("00000000-0000-4000-8000-000000000001")
ORDER = OrderId("7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11")
ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0.01, max_delay_s=0.01, jitter_s=0)
TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("90.00"))
TIMEOUT_S = 0.3


@dataclass
class Desk:
    server: LoopbackServer
    book: LoopbackBook
    gateway: RobinhoodGateway

    def submit(self):
        order = self.gateway.prepare_order(TERMS, REF)
        intent = DurableIntent(
            client_order_id=ClientOrderId("c1"),
            ref_id=order.ref_id,
            terms=order.terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=1,
        )
        return self.gateway.submit_limit_buy(intent, permit=nullcontext(), timeout_s=TIMEOUT_S)

    def posts(self) -> int:
        return self.server.paths().count("POST /orders/")


@contextmanager
def made() -> Iterator[Desk]:
    book = LoopbackBook(account_number=ACCOUNT)
    server = LoopbackServer(authority().certify().server_context(), book)
    with bench(server) as running:
        running.session.set_bearer("first")
        gateway = RobinhoodGateway(
            session=running.session,
            clock=SystemClock(),
            account_number=ACCOUNT,
            renew=lambda: False,
            read_policy=ONCE,
            read_timeout_s=TIMEOUT_S,
        )
        gateway.prepare_order(TERMS, REF)  # the look-ups are cached from here on
        yield Desk(server, book, gateway)


@pytest.fixture
def desk():
    with made() as built:
        yield built


def accepted_first(desk: Desk, then: acts.Act) -> acts.Act:
    """Take the order, then end the exchange in some other way."""

    def act(connection: socket.socket, stop) -> bool:
        desk.book(desk.server.heard[-1])
        return then(connection, stop)

    return act


ERROR = {"detail": "Not enough shares to sell."}
AFTER_WRITING: dict[str, acts.Act] = {
    "F06 reset": acts.reset,
    "F06 closed": acts.close,
    "F07 no answer": acts.hang,
    "F09 drip": acts.drip(b"x" * 1000, every_s=0.02, first=acts.head(200, Content_Length="1000")),
    "F10 redirect": acts.reply(307, None, Location="https://evil.example/orders/"),
    "F15 conflict": acts.reply(409, {"detail": "Reference ID must be unique."}),
    "F19": acts.reply(500, b"<html>"),
    "F20": acts.reply(502),
    "F21": acts.reply(503),
    "F22": acts.reply(504),
    "F23 malformed": acts.reply(201, b'{"id": '),
    "F24 HTML": acts.reply(200, b"<html>"),
    "F25 empty": acts.reply(201, b""),
    "F26 truncated": acts.send(acts.head(201, Content_Length="500") + b'{"id"', and_close=True),
    "F27 wrong types": acts.reply(201, {"id": 7, "ref_id": REF}),
    "F28 missing fields": acts.reply(201, {"ref_id": REF}),
    "F54 another order": acts.reply(201, {"id": ORDER, "ref_id": ORDER}),
    "F59 keys given twice": acts.reply(201, f'{{"id": "{ORDER}", "ref_id": "{REF}", "id": "x"}}'.encode()),
    "F60 bomb": acts.packed(bytes(20_000_000)),
    "F61 other encoding": acts.reply(201, gzip.compress(b"{}"), Content_Encoding="br"),
}


@pytest.mark.parametrize("act", AFTER_WRITING.values(), ids=AFTER_WRITING)
@pytest.mark.parametrize("was_accepted", [False, True], ids=["lost", "accepted"])
def test_after_the_first_byte_a_submit_ends_unknown_and_is_sent_once(desk, act, was_accepted):
    desk.server.on("POST", "/orders/", accepted_first(desk, act) if was_accepted else act)
    assert isinstance(desk.submit(), Unknown)
    assert desk.posts() == 1
    assert len(desk.book.rows) == int(was_accepted)


@pytest.mark.parametrize("act", AFTER_WRITING.values(), ids=AFTER_WRITING)
def test_an_order_accepted_behind_a_fault_is_found_by_its_reference(desk, act):
    desk.server.on("POST", "/orders/", accepted_first(desk, act))
    desk.submit()
    listing = desk.gateway.find_by_client_order_id(ClientOrderId("c1"), ref_id=REF, created_after=SystemClock().now())
    assert (listing.complete, [report.ref_id for report in listing.reports]) == (True, [REF])


REFUSALS: dict[str, tuple[acts.Act, type]] = {
    "F11": (acts.reply(400, ERROR), Rejected),
    "F12": (acts.reply(401, ERROR), NotSent),
    "F13": (acts.reply(403, ERROR), Rejected),
    "F14": (acts.reply(404, ERROR), Rejected),
    "F16": (acts.reply(422, ERROR), Rejected),
    "F17": (acts.reply(429, ERROR, Retry_After="5"), NotSent),
    "F18": (acts.reply(429, ERROR, Retry_After="never"), NotSent),
}


@pytest.mark.parametrize(("act", "outcome"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_what_it_says_and_is_sent_once(desk, act, outcome):
    desk.server.on("POST", "/orders/", act)
    assert type(desk.submit()) is outcome
    assert desk.posts() == 1


BEFORE_WRITING: dict[str, Callable[[Desk], object]] = {
    "F03 no handshake": lambda desk: desk.server.greetings.append(acts.hang),
    "F05 closed before the handshake": lambda desk: desk.server.greetings.append(acts.close),
    "F05 reset before the handshake": lambda desk: desk.server.greetings.append(acts.reset),
}


@pytest.mark.parametrize("fault", BEFORE_WRITING.values(), ids=BEFORE_WRITING)
def test_before_the_first_byte_a_submit_is_not_sent_and_the_same_bytes_may_go_again(desk, fault):
    desk.server.close_connections()
    fault(desk)
    outcome = desk.submit()
    assert isinstance(outcome, NotSent)
    assert outcome.may_retry
    assert desk.posts() == 0
    assert isinstance(desk.submit(), Accepted)


def test_f51_a_stale_connection_closed_as_we_send_is_unknown_and_not_sent_again(desk):
    desk.server.on("POST", "/orders/", acts.close)
    outcome = desk.submit()
    assert isinstance(outcome, Unknown)
    assert {heard.connection for heard in desk.server.heard} == {1}


READ_FAULTS = {
    **{name: act for name, act in AFTER_WRITING.items() if name[:3] not in ("F27", "F28", "F54", "F59")},
    **{name: act for name, (act, _) in REFUSALS.items()},
    "F33 page loop": acts.reply(
        200, {"next": f"https://api.robinhood.com/orders/?account_numbers={ACCOUNT}&is_closed=false", "results": []}
    ),
    "F33 page elsewhere": acts.reply(200, {"next": "https://evil.example/orders/", "results": []}),
    "no list": acts.reply(200, {"next": None}),
}


@pytest.mark.parametrize("act", READ_FAULTS.values(), ids=READ_FAULTS)
def test_a_listing_behind_a_fault_is_incomplete_never_empty(desk, act):
    desk.server.on("GET", "/orders/", act)
    listing = desk.gateway.list_open_orders()
    assert not listing.complete
    assert listing.problem


@pytest.mark.parametrize("act", READ_FAULTS.values(), ids=READ_FAULTS)
def test_an_account_behind_a_fault_is_an_error_never_a_guess(desk, act):
    desk.server.on("GET", f"/accounts/{ACCOUNT}/", act)
    with pytest.raises(OrderStatusError):
        desk.gateway.fetch_account()


def test_f32_an_order_on_two_pages_counts_once(desk):
    desk.submit()
    row = next(iter(desk.book.rows.values()))
    following = f"https://api.robinhood.com/orders/?account_numbers={ACCOUNT}&cursor=2"
    desk.server.on(
        "GET",
        "/orders/",
        acts.reply(200, {"next": following, "results": [row]}),
        acts.reply(200, {"next": None, "results": [row]}),
    )
    listing = desk.gateway.list_open_orders()
    assert (listing.complete, len(listing.reports)) == (True, 1)


@pytest.mark.parametrize("changes", [{"quantity": "NaN"}, {"quantity": "1e9"}, {"price": "9" * 40}, {"state": None}])
def test_f30_f31_an_echo_that_makes_no_sense_is_tracked_by_our_own_terms(desk, changes):
    row = {"id": ORDER, "ref_id": REF, "state": "confirmed", "quantity": "10.0", "price": "90.0"} | changes
    desk.server.on("POST", "/orders/", acts.reply(201, json.dumps(row).encode()))
    outcome = desk.submit()
    assert isinstance(outcome, Accepted)
    assert outcome.mismatch
    assert (outcome.report.quantity, outcome.report.limit_price) == (Decimal(10), Decimal("90.00"))
