"""The broker of the simulation, spoken to over the agent interface: the same book, and the same bad habits.

A call of a tool becomes the request of the private wire that asks the same; what the stand-in answers, or what befalls
it, is said again as the agent server says it. So all schedules, faults and deaths run over either wire.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tests.support.agent_server.account_tools import AccountTools
from tests.support.agent_server.adapter import asked_of
from tests.support.agent_server.book import AgentBook, ApprovalForm
from tests.support.agent_server.catalogue import catalogue
from tests.support.agent_server.desk import PLACE, RpcDesk
from tests.support.agent_server.http import AGENT_HOST, Answered, Asked
from tests.support.agent_server.ordering import OrderTools
from tests.support.agent_server.refusals import ToolRefusalError, api_error, rate_limited
from tests.support.agent_server.rows import AWAITED
from tests.support.agent_server.server import point_of
from tests.support.agent_server.wording import bad_result, good_result, varied
from tests.support.broker_stand_in import BID, Act, BrokerStandIn, Request, Route
from tests.support.payload_forms import PayloadForms
from tests.support.scripted_broker import Answer, response
from tests.support.stand_in_book import BASE, HEALTHY, INSTRUMENTS, SYMBOL_OF, HeldOrder, moment_of
from trading_bot.clock import VirtualClock
from trading_bot.robinhood.sending import current_send_context

SESSIONS_LOST = 0.02
"""How likely the server has lost its sessions when a request comes, until the faults end."""

REVIEW = "review_equity_order"

Arguments = Mapping[str, str]
_UNTOLD = ("url", "account", "instrument", "cancel", "updated_at", "reject_reason", "stop_triggered_at")
"""What a row of the private wire says and one of the agent interface does not."""

_ROUTES = {
    "place_equity_order": Route.SUBMIT,
    "cancel_equity_order": Route.CANCEL,
    "get_accounts": Route.ACCOUNT,
    "get_portfolio": Route.ACCOUNT,
    "get_equity_positions": Route.POSITIONS,
    "get_equity_quotes": Route.QUOTES,
    "get_equity_tradability": Route.QUOTES,
}
_AS_A_TEXT = frozenset({Act.E503_BEFORE, Act.E503_AFTER, Act.E504_BEFORE, Act.E504_AFTER})
"""Trouble that the tool reports; other trouble of the kind is a status of HTTP."""
_OF_TOOLS = frozenset({200, 201, 400, 403, 404, 409, 422})
"""What the private wire answers and a tool tells."""


@dataclass(frozen=True)
class _Called:
    tool: str
    arguments: Arguments
    message: Mapping[str, object]


class AgentBrokerStandIn(BrokerStandIn):
    """Serves the agent interface, and the log-in. Each reply has a form of its own; now and then all sessions are lost.

    Both by chance, and the same in each life of the same requests.
    """

    def __init__(self, *, clock: VirtualClock, account: str, session_end: Callable[[datetime], datetime]) -> None:
        super().__init__(clock=clock, account=account, session_end=session_end)
        self._chance, self._chance_of_owner = random.Random(7), random.Random(7)
        self._forms_told = PayloadForms()
        self.loses_sessions = True
        self.asks_for_approval = 0.0
        """How likely a new order waits until the owner approves it, declines it, or does neither."""
        self._approval_form = ApprovalForm.STATE
        self._decisions: list[tuple[datetime, HeldOrder, bool]] = []
        unused = AgentBook(account_number=account)
        self.desk = RpcDesk(catalogue(OrderTools(unused, clock), AccountTools(unused, clock)), clock)
        self.desk.wording = lambda: varied(self._chance)
        for symbol in INSTRUMENTS:
            unused.quote(symbol, bid=str(BID), ask="100.00")

    def vary(self, seed: int) -> None:
        """Write rows in varied forms; in every third life the owner is asked to approve some orders."""
        chance = random.Random(seed)
        self._forms_told = PayloadForms(seed, writes_addresses=False)
        self.show_others(random.Random(seed))
        self.asks_for_approval = chance.choice((0, 0, 0.4))
        self._approval_form = chance.choice((ApprovalForm.STATE, ApprovalForm.FIELD, ApprovalForm.FLAG))

    def calm_down(self) -> None:
        super().calm_down()
        self.loses_sessions = False
        self.asks_for_approval = 0.0
        for order in self.book.open():
            self.book.approve(order, self.clock.now())

    def pass_time(self) -> None:
        super().pass_time()
        now = self.clock.now()
        due = [(order, approves) for at, order, approves in self._decisions if at <= now]
        self._decisions = [decision for decision in self._decisions if decision[0] > now]
        for order, approves in due:
            if approves:
                self.book.approve(order, now)
            elif order.awaits_approval:
                self.book.cancel(order, now)
                order.awaits_approval = False

    def _submitted(self, request: Request) -> Answer:
        before = len(self.book.orders)
        answer = super()._submitted(request)
        for order in self.book.orders[before:]:
            if order.symbol != HEALTHY and self._chance_of_owner.random() < self.asks_for_approval:
                self._ask_owner(order)
        return answer

    def _ask_owner(self, order: HeldOrder) -> None:
        order.awaits_approval = True
        after_s = self._chance_of_owner.choice((5, 30, 45, 300))
        approves = self._chance_of_owner.choice((True, True, False, None))
        if approves is not None:
            self.decide_later(order, approves=approves, after_s=after_s)

    def decide_later(self, order: HeldOrder, *, approves: bool, after_s: float) -> None:
        """Let the owner approve or decline an order in so many seconds."""
        self._decisions.append((self.clock.now() + timedelta(seconds=after_s), order, approves))

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):  # noqa: PLR0917 - requests' own signature
        asked = asked_of(request)
        if asked.host != AGENT_HOST:
            return super().send(request, stream, timeout, verify, cert, proxies)
        self.pass_time()
        if self.loses_sessions and self._chance.random() < SESSIONS_LOST and not _sells_the_healthy(asked):
            self.desk.forget_sessions()
        called = self._call_in(asked)
        if called is None:
            with current_send_context().writing():
                answered = self.desk.answer(asked, None)
        else:
            answered = self._called(called, timeout[1])
        answer = Answer(status=answered.status, headers=answered.headers, body=answered.body)
        return response(request, self._dated(answer))

    def _call_in(self, asked: Asked) -> _Called | None:
        """The call of a tool that would run; None for what the desk answers by itself.

        That is a message of another kind, one in a lost session, and a review, which changes nothing.
        """
        message = asked.json()
        if not isinstance(message, dict) or message.get("method") != "tools/call":
            return None
        if self.desk.session_refusal(asked.headers.get("mcp-session-id")) is not None:
            return None
        params = message["params"]
        if params["name"] == REVIEW:
            return None
        self.desk.tools[params["name"]].check(params["arguments"])
        return _Called(params["name"], params["arguments"], message)

    def _called(self, called: _Called, timeout_s: float) -> Answered:
        request = self._request_of(called, timeout_s)
        queue = self.acts[request.route]
        act = queue.popleft() if queue else self.standing.get(request.route)
        answer = self._treat(request, act)
        if (raw := _not_for_a_tool(answer, act)) is not None:
            return raw
        try:
            data = self._told(called, request, answer)
        except ToolRefusalError as refusal:
            return self.desk.reply(called.message, {"result": bad_result(refusal.text, refusal.category)})
        return self.desk.reply(called.message, {"result": good_result(data, self.desk.wording())})

    def _request_of(self, called: _Called, timeout_s: float) -> Request:
        arguments = called.arguments
        route = _ROUTES.get(called.tool, Route.READ if "order_id" in arguments else Route.LIST)
        paths = {
            Route.READ: f"/orders/{arguments.get('order_id')}/",
            Route.CANCEL: f"/orders/{arguments.get('order_id')}/cancel/",
            Route.POSITIONS: "/positions/",
            Route.ACCOUNT: f"/accounts/{self.book.account}/",
        }
        query = {"symbols": ",".join(arguments.get("symbols", ()))} if route is Route.QUOTES else dict(arguments)
        return Request(
            route=route,
            path=paths.get(route, "/orders/"),
            query=query,
            form=_form_of(arguments) if route is Route.SUBMIT else {},
            timeout_s=float(timeout_s),
        )

    def _asked_for(self, row: Mapping[str, object], query: Mapping[str, str]) -> bool:
        """Filter as the agent interface does: by the time of creation."""
        since = query.get("created_at_gte")
        return since is None or moment_of(str(row["created_at"])) >= moment_of(since)

    def _told(self, called: _Called, request: Request, answer: Answer) -> dict[str, object]:
        """Say a reply of the private wire as the tool says it.

        Raises:
            ToolRefusalError: the tool refuses.
        """
        if answer.status == 404 and request.route is Route.READ:
            return {"orders": []}
        if answer.status == 429:
            raise rate_limited()
        if answer.status >= 400:
            raise api_error(answer.status, answer.body.decode())
        body: Any = json.loads(answer.body) if answer.says is None else answer.says
        if request.route is Route.QUOTES:
            return _of_symbols(called, body["results"])
        if request.route is Route.ACCOUNT:
            return _accounts(body) if called.tool == "get_accounts" else _portfolio(body)
        told = _TOLD[request.route](body)
        if request.route is Route.POSITIONS:
            return {**told, "positions": [self._forms_told.position(row) for row in told["positions"]]}
        if "order" in told:
            return {**told, "order": self._written(told["order"])}
        return {**told, "orders": [self._written(row) for row in told["orders"]]} if "orders" in told else told

    def _written(self, row: Mapping[str, Any]) -> dict[str, Any]:
        held = self.book.by_id(str(row.get("id")))
        waits = held is not None and held.awaits_approval and held.is_open
        return self._forms_told.order({**row, **(AWAITED[self._approval_form] if waits else {})})


def _sells_the_healthy(asked: Asked) -> bool:
    """Whether it is an order for the share that nothing odd ever concerns: a flatten sells that one too."""
    return b'"symbol":"%s"' % HEALTHY.encode() in asked.body and point_of(asked) == PLACE


def _not_for_a_tool(answer: Answer, act: Act | None) -> Answered | None:
    """Return what is no tool's answer: a status of HTTP, or a body that holds none."""
    if answer.says is not None and answer.status in _OF_TOOLS:
        return None
    raw = Answered(status=answer.status, headers=dict(answer.headers), body=answer.body)
    if answer.status in _OF_TOOLS:
        try:
            json.loads(answer.body)
        except ValueError:
            return replace(raw, status=200, headers={"Content-Type": "application/json"})
        return None
    if act is Act.THROTTLED or act in _AS_A_TEXT:
        return None
    return raw


def _of_symbols(called: _Called, rows: Sequence[Any]) -> dict[str, object]:
    unknown = [symbol for symbol, row in zip(called.arguments["symbols"], rows, strict=True) if row is None]
    if unknown:
        raise api_error(404, {"missing_instruments": unknown})
    say = _tradable if called.tool == "get_equity_tradability" else _quote
    return {"results": [say(row) for row in rows]}


def _page(body: Mapping[str, Any]) -> dict[str, object]:
    following = {"next": body["next"]} if body.get("next") else {}
    return {"orders": [_order(row) for row in body["results"]], **following}


def _form_of(arguments: Arguments) -> dict[str, str]:
    is_stop = arguments["type"].startswith("stop")
    form = {
        "account": f"{BASE}/accounts/{arguments['account_number']}/",
        "symbol": arguments["symbol"],
        "side": arguments["side"],
        "type": arguments["type"].removeprefix("stop_"),
        "trigger": "stop" if is_stop else "immediate",
        "quantity": arguments["quantity"],
        "price": arguments["limit_price"],
        "ref_id": arguments["ref_id"],
        "time_in_force": arguments["time_in_force"],
        "market_hours": arguments["market_hours"],
        "extended_hours": str(arguments["market_hours"] != "regular_hours"),
    }
    return form | ({"stop_price": arguments["stop_price"]} if is_stop else {})


def _order(row: Mapping[str, Any]) -> dict[str, object]:
    told = {
        name: _six(value) if isinstance(value, str) else value for name, value in row.items() if name not in _UNTOLD
    }
    told |= {"symbol": SYMBOL_OF.get(str(row.get("instrument_id")), "ZZZZ"), "fees": "0.000000"}
    return {
        "stop_price": None,
        "dollar_based_amount": None,
        "market_hours": "regular_hours",
        "placed_agent": "agentic",
        **told,
    }


def _six(value: str) -> str:
    """Two digits less than the private wire writes."""
    return value[:-2] if value[-9:-8] == "." and value.endswith("00") else value


def _position(row: Mapping[str, Any]) -> dict[str, object]:
    told = {
        name: _six(value) if isinstance(value, str) else value
        for name, value in row.items()
        if name not in {"instrument_id", "account_number"}
    }
    is_number = isinstance(row.get("quantity"), str)
    kind = {"type": "long" if is_number and float(row["quantity"]) else "empty"}
    return {"symbol": SYMBOL_OF.get(str(row.get("instrument_id")), row.get("symbol", "ZZZZ")), **told, **kind}


def _accounts(row: Mapping[str, Any]) -> dict[str, object]:
    told = {
        "account_number": row["account_number"],
        "rhs_account_number": row["account_number"],
        "type": "cash",
        "brokerage_account_type": "individual",
        "is_default": False,
        "agentic_allowed": True,
        "state": "active",
        "deactivated": row["deactivated"],
        "permanently_deactivated": False,
    }
    return {"accounts": [told]}


def _portfolio(row: Mapping[str, Any]) -> dict[str, object]:
    power = {"buying_power": row["buying_power"], "display_currency": "USD"}
    worth = {"total_value": row["cash"], "equity_value": "0", "cash": row["cash"], "currency": "USD"}
    return {**worth, "buying_power": {**power, "unleveraged_buying_power": row["buying_power"]}}


def _quote(row: Mapping[str, Any]) -> dict[str, object]:
    names = ("symbol", "bid_price", "ask_price", "last_trade_price")
    times = {f"venue_{name}_time": row["updated_at"] for name in ("bid", "ask", "last_trade")}
    return {"quote": {**{name: row[name] for name in names}, **times, "has_traded": True, "state": "active"}}


def _tradable(row: Mapping[str, Any]) -> dict[str, object]:
    return {"symbol": row["symbol"], "state": "active", "tradeable": True, "fractional_tradability": "tradable"}


_TOLD: Mapping[Route, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    Route.SUBMIT: lambda body: {"order": _order(body)},
    Route.CANCEL: lambda body: {"accepted": True},
    Route.READ: lambda body: {"orders": [_order(body)]},
    Route.LIST: _page,
    Route.POSITIONS: lambda body: {"positions": [_position(row) for row in body["results"]]},
}
