"""Reads and cancels by tool: repeated within bounds, as that is safe; failure is an error, never an empty result."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

from trading_bot.agent.error_text import ErrorText
from trading_bot.agent.tool_call import (
    AgentWire,
    CallResult,
    Garbled,
    HttpRefusal,
    RpcError,
    ToolCall,
    ToolError,
    ToolReply,
    tool_call,
)
from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import READ_POLICY, RetryPolicy
from trading_bot.error_handling.retry import Jitter, no_jitter, with_retry
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.robinhood.classify import retry_after_s
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.listing import MAX_PAGES, EndsReading, Pages
from trading_bot.robinhood.reads import (
    LOGIN_NEEDED,
    PATIENCE_S,
    BrokerUnavailableError,
    NotAtBrokerError,
    Renew,
    is_final_failure,
)
from trading_bot.robinhood.session import WireReply
from trading_bot.robinhood.wire import printable
from trading_bot.values import Value, replace

THROTTLED_PAUSE_S: Seconds = 2.5
"""How long a throttled call waits where the broker does not say: 5 s after it throttled, it served again."""

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_REQUEST_TIMEOUT = 408
_THROTTLED = 429
_SERVER_TROUBLE = range(500, 600)
_INTERNAL_ERROR = -32603

Arguments: TypeAlias = Mapping[str, object]
_Trouble: TypeAlias = ToolError | RpcError | HttpRefusal | Garbled | WireFailure


class NotGivenError(OrderStatusError):
    """The server answered and did not give what was asked for; nor will it, if it is asked again."""


class ToolRefusedError(NotGivenError):
    """A tool gave a bad result: ``refusal`` is what it says by its form."""

    code = "tool_refused"

    def __init__(self, message: str, *, refusal: ErrorText, category: str | None) -> None:
        super().__init__(message)
        self.refusal = refusal
        self.category = category


class ToolNotFoundError(ToolRefusedError, NotAtBrokerError):
    """The broker answers "not found" to what the arguments name."""

    code = "not_found"


class _PassingTroubleError(Exception):
    def __init__(self, result: CallResult) -> None:
        super().__init__()
        self.result = result


class ToolReads(Value, frozen=True, kw_only=True):
    """Calls of tools that may be repeated: back-off for passing trouble, one renewal of the login for a 401."""

    wire: AgentWire
    clock: Clock
    renew: Renew
    timeout_s: Seconds = 10.0
    """How long one attempt, and one read with its repetitions, may take."""
    policy: RetryPolicy = READ_POLICY
    jitter: Jitter = no_jitter
    deadline: Seconds | None = None
    """A point on the monotonic clock by which all is over, where the caller's own time is limited."""

    def by(self, deadline: Seconds) -> "ToolReads":
        """Return the same reads, all of which are over by ``deadline``."""
        return self if deadline == self.deadline else replace(self, deadline=deadline)

    def in_time(self) -> "ToolReads":
        """Return what a call that begins now reads with: where its caller set no deadline, one attempt's time is it."""
        return self if self.deadline is not None else self.by(self.clock.monotonic() + self.timeout_s)

    def data(self, tool: str, arguments: Arguments) -> object:
        """Read the data of one reply.

        Raises:
            ToolNotFoundError: the broker answers 404 to what the arguments name.
            ToolRefusedError: the tool refuses.
            NotGivenError: the server refuses, because it has no such tool, say.
            BrokerUnavailableError: the read failed in a way that may pass.
            OrderStatusError: the read failed; its code is ``login_needed`` where only a new login helps.
        """
        bounded = self.by(self._until(self.clock.monotonic() + self.timeout_s))
        result = bounded.repeated(tool_call(tool, arguments), self.policy)
        if isinstance(result, ToolReply):
            return result.data
        raise _read_error(tool, result)

    def pages(
        self,
        tool: str,
        arguments: Arguments,
        rows: str = "orders",
        *,
        until: EndsReading | None = None,
        null_is_empty: bool = True,
    ) -> Pages:
        """Read every page of a list, or up to the page whose rows fulfil ``until``. Never raises for a page.

        ``null_is_empty`` is whether null stands for a list of no rows; else it is a page that cannot be read.
        """
        found: list[object] = []
        seen: set[str] = set()
        asked: Arguments = arguments
        while True:
            try:
                page, cursor = _page(self.data(tool, asked), rows, tool, null_is_empty=null_is_empty)
            except OrderStatusError as error:
                return Pages(rows=tuple(found), problem=error)
            found += page
            if until is not None and until(page):
                return Pages(rows=tuple(found), problem=None, ended_early=cursor is not None)
            if cursor is None:
                return Pages(rows=tuple(found), problem=None)
            if cursor in seen or len(seen) >= MAX_PAGES - 1:
                problem = _unreadable(tool, f"it goes in circles or beyond {MAX_PAGES} pages")
                return Pages(rows=tuple(found), problem=problem)
            seen.add(cursor)
            asked = {**arguments, "cursor": cursor}

    def repeated(self, call: ToolCall, policy: RetryPolicy) -> CallResult:
        """Return the first conclusive result, or the last one; never for a place."""
        return self.attempts(call, policy)[-1]

    def attempts(self, call: ToolCall, policy: RetryPolicy) -> Sequence[CallResult]:
        """Do the same and return what each attempt came to, in their order."""
        until = self._until(self.clock.monotonic() + PATIENCE_S)
        results: list[CallResult] = []
        self._patiently(call, policy, until, results)
        last = results[-1]
        if isinstance(last, HttpRefusal) and last.status == _UNAUTHORIZED and self._has_renewed(until):
            self._patiently(call, policy, until, results)
        return results

    def _has_renewed(self, until: Seconds) -> bool:
        left = until - self.clock.monotonic()
        return left > 0 and self.renew(left)

    def _patiently(self, call: ToolCall, policy: RetryPolicy, until: Seconds, results: list[CallResult]) -> None:
        with suppress(_PassingTroubleError):
            with_retry(
                lambda: self._once(call, results),
                policy=policy,
                clock=self.clock,
                should_retry=lambda error: isinstance(error, _PassingTroubleError),
                delay_hint=self._hint,
                deadline=until,
                jitter=self.jitter,
            )

    def _once(self, call: ToolCall, results: list[CallResult]) -> None:
        now = self.clock.monotonic()
        result = self.wire.call(call, timeout_s=self._until(now + self.timeout_s) - now)
        results.append(result)
        if may_pass(result):
            raise _PassingTroubleError(result)

    def _until(self, moment: Seconds) -> Seconds:
        return moment if self.deadline is None else min(moment, self.deadline)

    def _hint(self, error: Exception) -> Seconds | None:
        result = error.result if isinstance(error, _PassingTroubleError) else None
        told_s = wait_told_by(result, self.clock) if isinstance(result, HttpRefusal) else None
        if told_s is not None or result is None or not is_throttled(result):
            return told_s
        left_s = THROTTLED_PAUSE_S * 2 if self.deadline is None else self.deadline - self.clock.monotonic()
        # Who has less time than that asks once more in the middle of it: an exit needs its quote in 2 s.
        return THROTTLED_PAUSE_S if left_s > THROTTLED_PAUSE_S else max(left_s, 0) / 2


def may_pass(result: CallResult) -> bool:
    """Whether asking again may help."""
    match result:
        case WireFailure():
            return not is_final_failure(result)
        case HttpRefusal():
            # 404 is a session that is not established, which may have been lost as often as one was opened.
            return result.status in (_NOT_FOUND, _REQUEST_TIMEOUT, _THROTTLED) or result.status in _SERVER_TROUBLE
        case ToolError():
            return ErrorText.of(result).may_pass
        case RpcError():
            return result.code == _INTERNAL_ERROR or is_throttled(result)
        case Garbled():
            return True
        case ToolReply():
            return False


def is_throttled(result: CallResult) -> bool:
    """Whether the server says that it is asked too often."""
    if isinstance(result, ToolError | RpcError):
        return ErrorText.of(result).is_throttled
    return isinstance(result, HttpRefusal) and result.status == _THROTTLED


def wait_told_by(refusal: HttpRefusal, clock: Clock) -> Seconds | None:
    """Return how long the server asks us to wait, from 1 to 300 seconds; None where it does not say."""
    return retry_after_s(WireReply(status=refusal.status, headers=refusal.headers, body=b""), clock.now())


def describe(result: _Trouble) -> str:
    """Say in one printable line what a call ended in."""
    match result:
        case WireFailure() | Garbled():
            return result.cause
        case HttpRefusal():
            return f"HTTP {result.status}: {printable(result.text) or 'the broker gave no reason'}"
        case RpcError() | ToolError():
            return printable(result.text) or "the broker gave no reason"


def _read_error(tool: str, result: _Trouble) -> OrderStatusError:
    said = f"reading {tool}: {describe(result)}"
    if isinstance(result, WireFailure) and result.security_alert:
        return OrderStatusError(
            f"{said}; something may stand between you and the broker: check the network before trading"
        )
    if isinstance(result, HttpRefusal) and result.status == _UNAUTHORIZED:
        again = "log in again with `trading-bot login` at a terminal"
        return OrderStatusError(f"{said}; the session could not be renewed: {again}", code=LOGIN_NEEDED)
    if may_pass(result):
        return BrokerUnavailableError(f"{said}; try again, nothing was changed")
    if isinstance(result, ToolError):
        refusal = ErrorText.of(result)
        if refusal.status == _NOT_FOUND:
            return ToolNotFoundError(f"{said}; check the id", refusal=refusal, category=result.category)
        return ToolRefusedError(f"{said}; nothing was changed", refusal=refusal, category=result.category)
    failed = NotGivenError if isinstance(result, RpcError) else OrderStatusError
    return failed(f"{said}; try again, nothing was changed")


def _page(data: object, rows: str, tool: str, *, null_is_empty: bool) -> tuple[list[object], str | None]:
    found = data.get(rows, ()) if isinstance(data, dict) else ()
    # The server's schema types every list as a list or null; an empty answer proves no absence anyway.
    page = [] if found is None and null_is_empty else found
    if not isinstance(data, dict) or not isinstance(page, list):
        raise _unreadable(tool, f"a page holds no list of {rows}")
    return page, _cursor(data.get("next"), tool)


def _cursor(following: object, tool: str) -> str | None:
    """Return what asks for the next page: since October an opaque text, before that a parameter of an address."""
    if following in (None, ""):
        return None
    if not isinstance(following, str):
        raise _unreadable(tool, "the mark of the next page is no text")
    if not following.lower().startswith(("http://", "https://")):
        return following
    try:
        named = parse_qs(urlsplit(following).query).get("cursor", [])
    except ValueError:
        named = []
    if len(named) != 1:
        raise _unreadable(tool, "the address of the next page names no cursor")
    return named[0]


def _unreadable(tool: str, what: str) -> OrderStatusError:
    return OrderStatusError(f"reading {tool}: {what}; nothing was concluded, try again")
