"""The stand-in of the agent server itself: it answers as the real one was seen to, and its book is true."""

import base64
import hashlib
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.support.agent_server import AgentServer, CursorForm, Fault, RefIdPolicy
from tests.support.agent_server.faults import BEFORE_WRITING, NEVER_ACTS, Reset, Silence
from tests.support.agent_server.grants import CLIENT_ID
from tests.support.agent_server.http import AGENT_HOST, GRANT_HOST, Answered, Asked
from tests.support.agent_server.sockets import socket_front, trust_both_hosts
from tests.support.agent_server.throttle import Throttle
from tests.support.agent_server.wording import Wording
from tests.support.loopback_broker.bench import authority
from tests.support.paper_market import MONDAY
from trading_bot.clock import SystemClock, VirtualClock

ACCOUNT = "512340008"
REF = "11111111-2222-4333-8444-555555555555"
ORDER_KEYS = (
    "id ref_id instrument_id symbol side type state quantity cumulative_quantity price stop_price average_price fees "
    "dollar_based_amount time_in_force market_hours trigger placed_agent created_at last_transaction_at executions"
)
"""The keys of a captured row, in their order."""


class Client:
    """The least that can speak with the server."""

    def __init__(self, server: AgentServer) -> None:
        self.server, self.session = server, ""
        self.bearer = server.grants.first_access

    def post(self, message: Mapping[str, object], fault: Fault | None = None) -> Answered:
        headers = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {self.bearer}"}
        headers |= {"mcp-session-id": self.session} if self.session else {}
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        asked = Asked(method="POST", host=AGENT_HOST, path="/mcp/trading", headers=headers, body=body)
        return self.server.serve(asked, fault or self.server.fault_of(asked))

    def begin(self) -> "Client":
        opened = self.post({"id": 0, "method": "initialize", "params": {"protocolVersion": "2025-03-26"}})
        self.session = opened.headers["Mcp-Session-Id"]
        assert self.post({"method": "notifications/initialized"}).status == 202
        return self

    def call(self, tool: str, fault: Fault | None = None, /, **arguments: object) -> Any:
        params = {"name": tool, "arguments": arguments}
        answered = self.post({"id": 1, "method": "tools/call", "params": params}, fault)
        assert answered.status == 200
        message = json.loads(answered.body)
        return message.get("result", message)

    def data(self, tool: str, /, **arguments: object) -> Any:
        return self.call(tool, **arguments)["structuredContent"]["data"]

    def place(self, fault: Fault | None = None, /, **changes: str) -> Any:
        return self.call("place_equity_order", fault, **(PLACE | changes))


PLACE = {
    "account_number": ACCOUNT,
    "symbol": "AAPL",
    "side": "buy",
    "type": "limit",
    "quantity": "10",
    "limit_price": "90.00",
    "ref_id": REF,
}


@pytest.fixture
def client() -> Client:
    server = AgentServer(VirtualClock(MONDAY))
    server.book.quote("AAPL", bid="99.98", ask="100.00")
    server.book.hold("AAPL", 50)
    return Client(server).begin()


def test_a_placed_order_has_the_keys_and_words_of_a_captured_one(client: Client):
    order = client.place()["structuredContent"]["data"]["order"]
    assert list(order) == ORDER_KEYS.split()
    assert (order["state"], order["quantity"], order["price"]) == ("unconfirmed", "10.000000", "90.000000")
    assert order["id"].startswith(f"{int(MONDAY.timestamp()):x}")


def test_a_stop_limit_sell_comes_back_as_a_limit_with_a_trigger(client: Client):
    stop = {"side": "sell", "type": "stop_limit", "stop_price": "95.00"}
    order = client.place(None, **stop)["structuredContent"]["data"]["order"]
    assert (order["type"], order["trigger"], order["stop_price"]) == ("limit", "stop", "95.000000")


def test_an_order_is_confirmed_and_trades_before_the_next_answer(client: Client):
    client.place(None, limit_price="100.00")
    (row,) = client.data("get_equity_orders", account_number=ACCOUNT)["orders"]
    assert (row["state"], row["average_price"], len(row["executions"])) == ("filled", "100.000000", 1)
    (position,) = client.data("get_equity_positions", account_number=ACCOUNT)["positions"]
    assert position["quantity"] == "60.000000"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (RefIdPolicy.CONFLICT, 'API error 409: {"detail":"Reference ID must be unique."}'),
        (RefIdPolicy.BAD_REQUEST, 'API error 400: {"ref_id":["Order with this ref_id already exists."]}'),
    ],
)
def test_a_used_ref_id_is_refused_in_the_texts_that_were_seen(client: Client, policy, text):
    client.server.orders.ref_ids = policy
    client.place()
    refused = client.place()
    assert refused["isError"] is True
    assert refused["content"][0]["text"] == text
    assert len(client.server.book.named(REF)) == 1


@pytest.mark.parametrize(("policy", "orders"), [(RefIdPolicy.FIRST_ORDER, 1), (RefIdPolicy.ACCEPT_AGAIN, 2)])
def test_a_used_ref_id_is_accepted_where_the_policy_says_so(client: Client, policy, orders):
    client.server.orders.ref_ids = policy
    assert "isError" not in client.place()
    assert "isError" not in client.place()
    assert len(client.server.book.named(REF)) == orders


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"side": "sell", "quantity": "51"}, 'API error 400: {"detail":"Not enough shares to sell."}'),
        ({"quantity": "5000"}, 'API error 400: {"detail":"Not enough buying power."}'),
        ({"symbol": "ZZQQXX"}, "instrument not found for symbol ZZQQXX"),
        ({"account_number": "512340001"}, "FORBIDDEN: agent not authorized to access this account"),
        ({"account_number": "1"}, 'API error 404: {"detail":"Not found."}'),
        (
            {"quantity": "1.5"},
            'API error 400: {"non_field_errors":["Limit order quantity cannot include fractional shares."]}',
        ),
    ],
)
def test_a_place_is_refused_in_the_texts_that_were_seen(client: Client, changes, text):
    assert client.place(None, **changes)["content"][0]["text"] == text
    assert client.server.book.orders == []


def test_an_unconfirmed_order_cannot_be_cancelled_and_lives(client: Client):
    client.server.book.confirms_after = MONDAY.resolution * 1_000_000
    client.place()
    (order,) = client.server.book.orders
    asked = {"account_number": ACCOUNT, "order_id": order.order_id}
    assert "403" in client.call("cancel_equity_order", **asked)["content"][0]["text"]
    assert order.is_open
    client.server.clock.sleep(1)
    assert client.data("cancel_equity_order", **asked) == {"accepted": True}
    assert not order.is_open


def test_open_and_queued_find_nothing_as_filters(client: Client):
    client.place()
    for state in ("open", "queued"):
        assert client.data("get_equity_orders", account_number=ACCOUNT, state=state)["orders"] == []


@pytest.mark.parametrize("form", CursorForm)
def test_pages_hold_every_row_once(client: Client, form):
    client.server.orders.cursors, client.server.orders.page_size = form, 2
    for number in range(5):
        client.place(None, ref_id=f"ref-{number}")
    asked, seen = {"account_number": ACCOUNT}, []
    while True:
        page = client.data("get_equity_orders", **asked)
        seen += [row["ref_id"] for row in page["orders"]]
        if "next" not in page:
            break
        address = urlsplit(page["next"])
        asked["cursor"] = dict(parse_qsl(address.query))["cursor"] if address.scheme else page["next"]
    assert seen == [f"ref-{number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("fault", [each for each in Fault if each not in BEFORE_WRITING], ids=str)
def test_a_fault_leaves_the_book_as_its_name_says(client: Client, fault):
    client.server.acts["place_equity_order"].append(fault)
    with suppress(Silence, Reset, AssertionError, ValueError):
        client.place()
    acted = fault not in NEVER_ACTS and fault is not Fault.LATE
    assert len(client.server.book.orders) == acted
    client.server.calm_down()
    assert len(client.server.book.orders) == (fault not in NEVER_ACTS)


def test_a_varied_reply_tells_the_same_in_another_form(client: Client):
    client.place()
    plain = client.data("get_portfolio", account_number=ACCOUNT)
    forms = set()
    for seed in range(12):
        client.server.vary(seed)
        params = {"name": "get_portfolio", "arguments": {"account_number": ACCOUNT}}
        answered = client.post({"id": 7, "method": "tools/call", "params": params})
        result = _answer_of(answered, 7)["result"]
        told = result.get("structuredContent") or json.loads(result["content"][0]["text"])
        assert told["data"] == plain
        forms.add((answered.headers["Content-Type"], "structuredContent" in result, bool(result["content"])))
    assert len(forms) > 4


@pytest.mark.parametrize(("per_second", "refused_after"), [(4, None), (8, range(92, 125))])
def test_it_throttles_as_was_measured(client: Client, per_second, refused_after):
    client.server.desk.throttle = Throttle()
    calls = 0
    while client.server.desk.throttle.refused == 0 and calls < 224:
        calls += 1
        client.server.clock.sleep(1 / per_second)
        client.call("get_accounts")
    assert calls == 224 if refused_after is None else calls in refused_after
    client.server.clock.sleep(5)
    assert "isError" not in client.call("get_accounts")


def test_a_lost_session_is_answered_404_until_a_new_one_is_opened(client: Client):
    client.server.desk.forget_sessions()
    assert client.post({"id": 1, "method": "tools/list"}).status == 404
    client.begin()
    assert client.post({"id": 1, "method": "tools/list"}).status == 200


def test_a_refresh_token_works_once(client: Client):
    grants = client.server.grants
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": grants.first_refresh}
    grants.expire_access()
    assert client.post({"id": 1, "method": "tools/list"}).status == 401
    tokens = json.loads(_token(client.server, form).body)
    client.bearer = tokens["access_token"]
    assert client.post({"id": 1, "method": "tools/list"}).status == 200
    assert _token(client.server, form).status == 401


def test_a_code_is_worth_tokens_only_with_its_verifier(client: Client):
    grants, verifier = client.server.grants, "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {"response_type": "code", "client_id": CLIENT_ID, "scope": "internal", "state": "s"}
    query |= {"redirect_uri": "http://127.0.0.1:1/callback", "code_challenge": challenge}
    query |= {"code_challenge_method": "S256"}
    for proof, status in (("wrong", 400), (verifier, 200)):
        back = dict(parse_qsl(urlsplit(grants.browse(f"https://robinhood.com/oauth?{urlencode(query)}")).query))
        assert back["state"] == "s"
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": back["code"]}
        form |= {"redirect_uri": query["redirect_uri"], "code_verifier": proof}
        assert _token(client.server, form).status == status


@pytest.mark.parametrize("keeps_open", [False, True])
def test_the_front_of_sockets_answers_in_a_stream_that_may_stay_open(keeps_open):
    server = AgentServer(SystemClock())
    server.desk.wording = lambda: Wording(is_stream=True)
    trust = ssl.create_default_context(cafile=str(authority().ca_file))
    message = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}'
    head = f"POST /mcp/trading HTTP/1.1\r\nHost: {AGENT_HOST}\r\nAccept: application/json, text/event-stream\r\n"
    head += f"Authorization: Bearer {server.grants.first_access}\r\nContent-Length: {len(message)}\r\n\r\n"
    with (
        socket_front(server, trust_both_hosts(authority()), keeps_streams_open=keeps_open) as front,
        socket.create_connection(("127.0.0.1", front.port), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname=AGENT_HOST) as connection,
    ):
        connection.sendall(head.encode() + message)
        heard = b""
        while b'"serverInfo"' not in heard or not (keeps_open or heard.endswith(b"0\r\n\r\n")):
            heard += connection.recv(4096)
    assert heard.endswith(b"0\r\n\r\n") is not keeps_open


def _token(server: AgentServer, form: Mapping[str, str]) -> Answered:
    asked = Asked(method="POST", host=GRANT_HOST, path="/oauth2/token/", body=urlencode(form).encode())
    return server.serve(asked, None)


def _answer_of(answered: Answered, number: int) -> Any:
    text = answered.body.decode().replace("\r\n", "\n").replace("\r", "\n")
    if answered.headers["Content-Type"].startswith("application/json"):
        return json.loads(text)
    blocks = [
        "\n".join(line.removeprefix("data:") for line in block.split("\n") if line.startswith("data:"))
        for block in text.split("\n\n")
    ]
    messages = [json.loads(block) for block in blocks if block]
    return next(each for each in messages if each.get("id") == number and "method" not in each)
