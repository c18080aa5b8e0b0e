"""The server behind every front: the sign-in, the endpoint, the time that passes, and one fault a request by script."""

import json
import random
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from tests.support.agent_server.account_tools import AccountTools
from tests.support.agent_server.book import AgentBook
from tests.support.agent_server.catalogue import catalogue
from tests.support.agent_server.desk import PLACE, Call, RpcDesk
from tests.support.agent_server.faults import BEFORE_WRITING, Fault, Silence
from tests.support.agent_server.grants import Grants
from tests.support.agent_server.http import AGENT_HOST, Answered, Asked, text_answer
from tests.support.agent_server.mishaps import afterwards, early
from tests.support.agent_server.ordering import OrderTools
from tests.support.agent_server.wording import varied
from tests.support.stand_in_book import http_date
from trading_bot.clock import Clock

PATH = "/mcp/trading"


class AgentServer:
    """Answers requests of HTTP. ``acts`` are used up one request at a time, ``standing`` ones befall every request.

    Both are keyed by the name of a tool, a method of JSON-RPC (``initialize``, ``tools/list``), or ``token``.
    """

    def __init__(self, clock: Clock, book: AgentBook | None = None) -> None:
        self.clock = clock
        self.book = book or AgentBook()
        self.orders = OrderTools(self.book, clock)
        self.account = AccountTools(self.book, clock)
        self.desk = RpcDesk(catalogue(self.orders, self.account), clock)
        self.grants = Grants(clock)
        self.acts: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.standing: dict[str, Fault] = {}
        self.late_by = timedelta(minutes=2)
        self.after_acting: Callable[[str], None] = lambda point: None
        """Called once the server acted, before its answer leaves; with the key that `acts` would have."""
        self._underway: list[tuple[datetime, Asked]] = []
        self._lock = threading.RLock()

    def vary(self, seed: int) -> None:
        """Give each reply a form of its own, by this seed."""
        chance = random.Random(seed)
        self.desk.wording = lambda: varied(chance)

    @property
    def calls(self) -> list[Call]:
        """Every call of a tool that arrived."""
        return self.desk.calls

    @property
    def complaints(self) -> list[str]:
        """What the client did that the protocol forbids, or that nobody knows the effect of."""
        return self.desk.complaints

    def places(self, ref_id: str | None = None) -> list[Call]:
        """The places that arrived, of one ``ref_id`` or all."""
        return [each for each in self.calls if each.tool == PLACE and ref_id in (None, each.arguments.get("ref_id"))]

    @property
    def is_calm(self) -> bool:
        """Whether no fault is arranged any more and nothing is on its way."""
        return not (any(self.acts.values()) or self.standing or self._underway)

    def calm_down(self) -> None:
        """End every fault; what is still on its way arrives."""
        with self._lock:
            self.acts.clear()
            self.standing.clear()
            underway, self._underway = self._underway, []
            for _, asked in underway:
                self._answer(asked, None)

    def fault_of(self, asked: Asked) -> Fault | None:
        """Take the fault that befalls this request."""
        with self._lock:
            point = point_of(asked)
            queue = self.acts[point]
            return queue.popleft() if queue else self.standing.get(point)

    def serve(self, asked: Asked, fault: Fault | None) -> Answered:
        """Answer one request whose bytes arrived; every answer is dated.

        Raises:
            Silence: no answer comes.
            Reset: the connection ends instead.
        """
        if fault in BEFORE_WRITING:
            raise ValueError(f"{fault} is a matter of the front: its request never arrives")
        with self._lock:
            answered = self._served(asked, fault)
            return replace(answered, headers={**answered.headers, "Date": http_date(self.clock.now())})

    def _served(self, asked: Asked, fault: Fault | None) -> Answered:
        self.pass_time()
        if fault is not None and (answered := early(fault)) is not None:
            return answered
        if fault is Fault.LATE:
            self._underway.append((self.clock.now() + self.late_by, asked))
            raise Silence
        answered = self._answer(asked, fault)
        self.after_acting(point_of(asked))
        return answered if fault is None else afterwards(fault, answered)

    def pass_time(self) -> None:
        """Let arrive and happen what is due by now."""
        now = self.clock.now()
        due = [asked for at, asked in self._underway if at <= now]
        self._underway = [(at, asked) for at, asked in self._underway if at > now]
        self.book.settle(now)
        for asked in due:
            self._answer(asked, None)

    def _answer(self, asked: Asked, fault: Fault | None) -> Answered:
        if (answered := self.grants.answer(asked)) is not None:
            return answered
        if (asked.host, asked.path) != (AGENT_HOST, PATH):
            return text_answer(404, "404 page not found")
        if asked.method != "POST":
            self.complaints.append(f"{asked.method} on the endpoint")
            return text_answer(405, "method not allowed")
        if not self.grants.bears(asked.headers):
            return self.grants.refusal(asked.headers)
        return self.desk.answer(asked, fault)


def point_of(asked: Asked) -> str:
    """Name what a request is for: a tool, a method of JSON-RPC, ``token``, or the path of anything else."""
    if asked.path == "/oauth2/token/":
        return "token"
    if asked.method != "POST" or asked.path != PATH:
        return asked.path
    try:
        message = json.loads(asked.body)
    except ValueError:
        return asked.path
    if not isinstance(message, dict):
        return asked.path
    params = message.get("params")
    is_call = message.get("method") == "tools/call" and isinstance(params, dict)
    return str(params.get("name")) if is_call and isinstance(params, dict) else str(message.get("method"))
