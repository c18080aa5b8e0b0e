"""The stand-in brokers, to which a request may come twice, and what the agent interface has of its own."""

from collections import Counter, deque
from typing import Any

import requests

from tests.simulation.ambiguous.troubles import Copies, Trouble
from tests.support.agent_server.adapter import error_before_writing
from tests.support.agent_server.faults import BEFORE_WRITING, NEVER_ACTS, Fault, Reset, Silence
from tests.support.agent_server.http import Answered
from tests.support.agent_server.mishaps import afterwards, early, error_of, spoilt
from tests.support.agent_server.refusals import BadCallError, ToolRefusalError
from tests.support.agent_server.wording import bad_result, good_result
from tests.support.broker_stand_in import Act, BrokerStandIn, Request, Route
from tests.support.scripted_broker import Answer
from tests.support.sim_agent_broker import AgentBrokerStandIn
from trading_bot.robinhood.sending import current_send_context


class AmbiguousBroker(BrokerStandIn):
    """The private wire's. ``copied`` counts the copies of requests that reached it, by ``ref_id``."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.copies: deque[Copies] = deque()
        self.copied: Counter[str] = Counter()
        self.page_size = 25

    def strike(self, trouble: Trouble, times: int) -> None:
        """Let a trouble befall the next submits."""
        if isinstance(trouble, Act):
            self.acts[Route.SUBMIT].extend([trouble] * times)
        elif isinstance(trouble, Copies):
            self.copies.extend([trouble] * times)
        elif isinstance(trouble, Fault):
            raise TypeError(f"{trouble} befalls the agent interface alone")

    def calm_submits(self) -> None:
        """Let what did not strike befall nobody else."""
        self.acts.pop(Route.SUBMIT, None)
        self.copies.clear()

    def has_heard_of(self, ref_id: str) -> bool:
        """Whether it has an order of this name, or one is on its way."""
        on_their_way = (request.form.get("ref_id") for _, request in self._underway)
        return bool(self.book.named(ref_id)) or ref_id in on_their_way

    def _treat(self, request: Request, act: Act | None) -> Answer:
        if request.route is not Route.SUBMIT or not self.copies:
            return super()._treat(request, act)
        copies = self.copies.popleft()
        with current_send_context().writing():
            self.seen.append(request)
        first = self._act(request)
        self.copied[request.form["ref_id"]] += 1
        if copies is Copies.ANSWERED_ONCE:
            self._underway.append((self.clock.now() + self.late_by, request))
        else:
            second = self._act(request)
        self.meanwhile(request)
        if copies is Copies.REPLIES_LOST:
            self._silence(request)
        return first if copies is Copies.ANSWERED_ONCE else second


class AmbiguousAgentBroker(AmbiguousBroker, AgentBrokerStandIn):
    """The agent interface's, with all that befalls only that."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.faults: deque[Fault] = deque()

    def strike(self, trouble: Trouble, times: int) -> None:
        if isinstance(trouble, Fault):
            self.faults.extend([trouble] * times)
        else:
            super().strike(trouble, times)

    def calm_submits(self) -> None:
        super().calm_submits()
        self.faults.clear()

    def _called(self, called: Any, timeout_s: float) -> Answered:
        request = self._request_of(called, timeout_s)
        if request.route is not Route.SUBMIT or not self.faults:
            return super()._called(called, timeout_s)
        fault = self.faults.popleft()
        if fault in BEFORE_WRITING:
            raise error_before_writing(fault)
        with current_send_context().writing():
            self.seen.append(request)
            if fault is Fault.HALF_WRITTEN:
                raise requests.exceptions.ConnectionError(BrokenPipeError("broken pipe"))
        try:
            return self._befallen(called, request, fault)
        except Silence:
            self._silence(request)
        except Reset:
            raise requests.exceptions.ConnectionError(ConnectionResetError("reset")) from None
        raise AssertionError("silence ends a call")

    def _befallen(self, called: Any, request: Request, fault: Fault) -> Answered:
        if fault is Fault.LATE:
            self._underway.append((self.clock.now() + self.late_by, request))
            raise Silence
        if fault in {Fault.SESSION_LOST, Fault.SESSION_LOST_400}:
            self.desk.forget_sessions()
        if (answered := early(fault)) is not None:
            return answered
        try:
            data = self._data(called, request, fault)
        except ToolRefusalError as refusal:
            outcome: dict[str, object] = {"result": bad_result(refusal.text, refusal.category)}
        except BadCallError as error:
            outcome = {"error": {"code": error.code, "message": error.message}}
        else:
            outcome = {"result": good_result(data, self.desk.wording())}
        return afterwards(fault, self.desk.reply(called.message, outcome))

    def _data(self, called: Any, request: Request, fault: Fault) -> Any:
        error = error_of(fault)
        if error is not None and fault in NEVER_ACTS:
            raise error
        answer = self._act(request)
        self.meanwhile(request)
        if error is not None:
            raise error
        return spoilt(fault, self._told(called, request, answer))
