"""A stand-in for the broker's agent server: a book of its own behind MCP, OAuth, and faults by script.

It is written from what is known of the real server and shares no line with our client, so that the two can disagree.

    clock = VirtualClock(MONDAY)
    server = AgentServer(clock)                        # a book with one account, 512340008, and good tokens
    server.book.quote("AAPL", bid="99.98", ask="100.00")   # a symbol without a quote is unknown to it
    server.book.hold("AAPL", 50)
    http = BrokerSession(adapter=AgentAdapter(server), clock=clock, base_url="https://agent.robinhood.com")
    http.set_bearer(server.grants.first_access)

What is true stands in ``server.book`` (`orders`, `named(ref_id)`, `open()`); what arrived in ``server.calls`` and
``server.places()``; what a client may not do in ``server.complaints``, which a test expects to be empty. A new order is
``unconfirmed`` in the reply, and is confirmed, and trades if it crosses, before the next request is answered.

    server.acts["place_equity_order"].append(Fault.REPLY_LOST)   # the next one only; keys: tools, methods, "token"
    server.standing["get_equity_orders"] = Fault.RATE_LIMITED_BEFORE   # each one, until `calm_down`
    server.vary(seed)                                  # JSON or event stream, either half, old and new forms
    server.orders.ref_ids, .cancels, .cursors, .page_size = ...  # policies of the broker
    server.grants.expire_access(), .revoke_all(), .browse(address)   # tokens, and the person at the browser
    server.desk.throttle = Throttle()                  # about 4 calls a second; ``refused`` counts
    server.desk.forget_sessions(); server.desk.uses_sessions = False; del server.desk.tools["get_portfolio"]
    server.book.asks_for_approval = True               # then book.approve(order) or book.decline(order, now)
    server.book.approval_form = ApprovalForm.FIELD     # how a row says so; all forms are invented

Other fronts: `sockets.socket_front` (TLS on loopback for both hosts), and a process of its own, ``python -m
tests.support.agent_server FOLDER``, with `bot_process` to run the command line against it.
"""

from tests.support.agent_server.adapter import AgentAdapter
from tests.support.agent_server.book import AgentBook, ApprovalForm, CancelPolicy, HeldOrder, RefIdPolicy
from tests.support.agent_server.desk import Call
from tests.support.agent_server.faults import NEVER_ACTS, Fault
from tests.support.agent_server.paging import CursorForm
from tests.support.agent_server.server import AgentServer

__all__ = [
    "NEVER_ACTS",
    "AgentAdapter",
    "AgentBook",
    "AgentServer",
    "ApprovalForm",
    "Call",
    "CancelPolicy",
    "CursorForm",
    "Fault",
    "HeldOrder",
    "RefIdPolicy",
]
