"""One call of a tool of the server, and every way in which it can end."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from trading_bot.clock import Seconds
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.session import WireReply


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool and its arguments, as the exact bytes of the ``params`` of a ``tools/call``.

    The id of the request and the header of the session are no part of it: they name a message, not an order.
    """

    tool: str
    params: bytes = field(repr=False)


def tool_call(tool: str, arguments: Mapping[str, object]) -> ToolCall:
    """Write a call; the same tool and arguments, in the same order, always give the same bytes."""
    params = {"name": tool, "arguments": dict(arguments)}
    return ToolCall(tool=tool, params=json.dumps(params, ensure_ascii=True, separators=(",", ":")).encode("ascii"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What an answer was read from."""

    reply: WireReply | None = field(default=None, repr=False, compare=False)
    """None where there is none to record, as for an order that was not sent because no session was opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply(Answered):
    """The tool ran and gave a good result; ``data`` is decoded strictly, its numbers `Decimal`."""

    data: object = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolError(Answered):
    """The tool gave a bad result: a text, and a category that says little."""

    text: str = field(repr=False)
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcError(Answered):
    """The server answered with an error of JSON-RPC instead of a result."""

    code: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRefusal(Answered):
    """The answer had another HTTP status than success; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbled(Answered):
    """A success by its status, in which no answer to this call can be read: cut short, HTML, or somebody else's."""

    cause: str


CallResult: TypeAlias = ToolReply | ToolError | RpcError | HttpRefusal | Garbled | WireFailure


def exchange_of(result: CallResult) -> WireReply | WireFailure | None:
    """Return the exchange that a call ended in; None where there is none to record."""
    return result if isinstance(result, WireFailure) else result.reply


class AgentWire(Protocol):
    """Calls tools within a session of the server."""

    def call(self, call: ToolCall, *, timeout_s: Seconds, permit: SendPermit | None = None) -> CallResult:
        """Call once and return what came of it; ``permit`` marks a place, as in `BrokerSession.exchange`.

        A session that has to be opened first is opened before the permit is entered, within ``timeout_s``. A call that
        the server lost its session for is not sent again here.
        """
        ...
