"""Whether the server still has the tools we call, with the arguments we give: compared once, at the start of a run.

Tools come, go and change by the week. One that a buy rests on halts entries and is named; cancels and exits go on,
because a call that fails costs them nothing. What cannot be compared is no drift: the call itself will tell.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from trading_bot.agent.messages import Answer, RpcResult
from trading_bot.agent.tool_call import HttpRefusal
from trading_bot.clock import Clock, Seconds
from trading_bot.robinhood.failures import WireFailure

LOOK_WITHIN_S: Seconds = 10.0

_MAX_PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A tool that we call, and the arguments that it must take, or may."""

    tool: str
    needed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    is_needed: bool = True
    """Whether a buy rests on it."""


def _use(tool: str, needed: str = "", optional: str = "", *, is_needed: bool = True) -> ToolUse:
    return ToolUse(
        tool=tool, needed=frozenset(needed.split()), optional=frozenset(optional.split()), is_needed=is_needed
    )


USED: Final = (
    _use(
        "place_equity_order",
        "account_number symbol side type quantity limit_price time_in_force market_hours ref_id",
        "stop_price",
    ),
    _use("cancel_equity_order", "account_number order_id"),
    _use("get_equity_orders", "account_number order_id created_at_gte", "cursor"),
    _use("get_accounts"),
    _use("get_portfolio", "account_number"),
    _use("get_equity_positions", "account_number", "cursor"),
    _use("get_equity_quotes", "symbols"),
    _use(
        "review_equity_order",
        "account_number symbol side type quantity limit_price time_in_force market_hours",
        "stop_price",
        is_needed=False,
    ),
    _use("get_equity_price_book", "symbols", is_needed=False),
    _use("get_equity_tradability", "account_number symbols", is_needed=False),
    _use("get_equity_historicals", "symbols start_time interval bounds", is_needed=False),
    _use("get_equity_tax_lots", "account_number symbol", "cursor", is_needed=False),
    _use("get_realized_pnl", "account_number", "span", is_needed=False),
)


_PAIRS: Final = frozenset({"place_advanced_order", "review_advanced_order", "cancel_advanced_order"})
"""Tools for orders in pairs, one of which cancels the other (OCO). No reply of theirs was ever seen: none is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What is not as we call it: ``missing`` keeps buys from being sent, ``remarks`` keep nothing."""

    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    offers_pairs: bool = False
    """Whether the server has tools for orders in pairs."""
    was_read: bool = True
    """Whether the server showed its tools."""


class Lister(Protocol):
    """The part of `AgentSession` that asks for the list of tools."""

    def request(self, method: str, params: bytes, *, deadline: Seconds) -> Answer | HttpRefusal | WireFailure:
        """Ask for something that may be asked twice."""
        ...


@dataclass(slots=True, kw_only=True)
class ToolDrift:
    """What the look at the start of a run showed."""

    lister: Lister
    clock: Clock
    found: Drift = field(default_factory=Drift)

    def look(self, *, within_s: Seconds = LOOK_WITHIN_S) -> bool:
        """Compare, and say whether the server showed its tools. Never raises."""
        tools = _listed(self.lister, self.clock.monotonic() + within_s)
        if tools is None:
            why = "the broker's list of tools could not be read, so it was not compared"
            self.found = Drift(remarks=(why,), was_read=False)
            return False
        self.found = compare(tools)
        return True

    def problem(self) -> str | None:
        """Why no entry may be sent, or None."""
        if not self.found.missing:
            return None
        return (
            f"the broker changed its interface: {'; '.join(self.found.missing)}; update trading-bot. "
            "Cancels and exits go on"
        )


def compare(tools: Mapping[str, Mapping[str, object]], used: tuple[ToolUse, ...] = USED) -> Drift:
    """Compare the tools that we call with the server's; ``tools`` are its input schemas by name."""
    missing: list[str] = []
    remarks: list[str] = []
    for use in used:
        told = missing if use.is_needed else remarks
        if use.tool not in tools:
            told.append(f"there is no tool {use.tool}")
            continue
        schema = tools[use.tool]
        told += (f"{use.tool} takes no {name}" for name in _not_taken(use.needed, schema))
        remarks += (f"{use.tool} takes no {name}" for name in _not_taken(use.optional, schema))
        told += (f"{use.tool} wants {name}" for name in _wanted(schema) if name not in use.needed | use.optional)
    return Drift(missing=tuple(missing), remarks=tuple(remarks), offers_pairs=not _PAIRS.isdisjoint(tools))


def _not_taken(names: frozenset[str], schema: Mapping[str, object]) -> list[str]:
    taken = schema.get("properties")
    return sorted(names - taken.keys()) if isinstance(taken, dict) else []


def _wanted(schema: Mapping[str, object]) -> Iterator[str]:
    required = schema.get("required")
    return (name for name in required if isinstance(name, str)) if isinstance(required, list) else iter(())


def _listed(lister: Lister, deadline: Seconds) -> Mapping[str, Mapping[str, object]] | None:
    found: dict[str, Mapping[str, object]] = {}
    cursor: str | None = None
    for _ in range(_MAX_PAGES):
        params = {} if cursor is None else {"cursor": cursor}
        result = lister.request("tools/list", json.dumps(params).encode("ascii"), deadline=deadline)
        page = result.value if isinstance(result, RpcResult) else None
        tools = page.get("tools") if isinstance(page, dict) else None
        if not isinstance(page, dict) or not isinstance(tools, list):
            return None
        found.update(_named(tool) for tool in tools if isinstance(tool, dict) and isinstance(tool.get("name"), str))
        following = page.get("nextCursor")
        if not isinstance(following, str) or not following:
            return found
        cursor = following
    return None


def _named(tool: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    schema = tool.get("inputSchema")
    return str(tool["name"]), schema if isinstance(schema, dict) else {}
