"""The front of a process: serves until its input ends, and takes commands as lines of JSON.

    python -m tests.support.agent_server FOLDER

The first line it writes says its port, the file of the authority that it is signed by, and tokens that are good. Each
command is answered by one line: ``["orders"]``, ``["quote", "AAPL", "99.98", "100.00"]``, ``["hold", "AAPL", 50]``,
``["fault", "place_equity_order", "reply_lost"]``, ``["calm"]``, ``["vary", 7]``, ``["expire"]``, ``["lose_sessions"]``,
``["fill", REF_ID]``, ``["ask_approval", true]``, and ``["browse", ADDRESS]``, which signs in as a person does and
answers where the browser is sent. `bot_process` runs the command line against it.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.agent_server.faults import Fault
from tests.support.agent_server.rows import order_row
from tests.support.agent_server.server import AgentServer
from tests.support.agent_server.sockets import socket_front, trust_both_hosts
from tests.support.loopback_broker.authority import TestAuthority
from trading_bot.clock import SystemClock


def _fill(server: AgentServer, ref_id: str) -> int:
    orders = server.book.named(ref_id)
    for order in orders:
        server.book.fill(order, now=server.clock.now())
    return len(orders)


def _ask_approval(server: AgentServer, *, wanted: bool) -> None:
    server.book.asks_for_approval = wanted


_COMMANDS: Mapping[str, Callable[..., object]] = {
    "orders": lambda server: [order_row(order) for order in server.book.orders],
    "complaints": lambda server: server.complaints,
    "quote": lambda server, symbol, bid, ask: server.book.quote(symbol, bid=bid, ask=ask),
    "hold": lambda server, symbol, shares: server.book.hold(symbol, shares),
    "fault": lambda server, point, name: server.acts[point].append(Fault(name)),
    "calm": lambda server: server.calm_down(),
    "vary": lambda server, seed: server.vary(seed),
    "expire": lambda server: server.grants.expire_access(),
    "lose_sessions": lambda server: server.desk.forget_sessions(),
    "fill": _fill,
    "ask_approval": lambda server, wanted: _ask_approval(server, wanted=wanted),
    "browse": lambda server, address: server.grants.browse(address),
}


def main(folder: str) -> None:
    authority = TestAuthority(Path(folder))
    server = AgentServer(SystemClock())
    with socket_front(server, trust_both_hosts(authority)) as front:
        tokens = {"access_token": server.grants.first_access, "refresh_token": server.grants.first_refresh}
        _say({"port": front.port, "ca_file": str(authority.ca_file), **tokens})
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            _say(_COMMANDS[name](server, *arguments))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
