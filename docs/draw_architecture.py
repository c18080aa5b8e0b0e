"""Draw what can be drawn from the code into docs/architecture.md, as Mermaid text between markers.

    python docs/draw_architecture.py           write the drawings
    python docs/draw_architecture.py --check   exit 1 if they are out of date

The picture of the rooms comes from the import graph. An arrow points from a room to one that it imports from; an arrow
that other arrows already make up for is left out. The state diagram comes from the table of legal changes.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp

from trading_bot.order_management.lifecycle import TRANSITIONS
from trading_bot.order_management.models import OrderState

DOCUMENT = Path(__file__).with_name("architecture.md")
LAYER = "trading_bot.order_management"
BOT = ("bot", "bot_events", "bot_exits", "bot_lifecycle", "bot_limits", "bot_positions", "event_feeds")
FORMS = ("event_json", "exit_json", "order_json", "protection_json", "risk_json")
SIGNALS = ("halt_watch", "limit_alerts", "safety_checks", "signal_lines", "signals")
READS = ("bot_reads", "kept_view")
WORDS = (
    "broker_books",
    "broker_review",
    "client_ids",
    "event_details",
    "events",
    "exceptions",
    "models",
    "outcomes",
    "portfolio",
    "results",
)
PURE = (
    "calculator",
    "lifecycle",
    "order_types",
    "price_offsets",
    "results",
    "send_horizon",
    "stop_orders",
    "unfilled_rules",
)
BOOK = ("context", "correlation", "order_store", "ports", "reconciliation")
PERMITS = ("armed_file", "latch", "lease", "market_hours", "shared_arming", "shared_lease", "state_folder")
GROUPS = {
    **{f"trading_bot.{name}": "bot" for name in (*BOT, *FORMS, *READS, *SIGNALS, "trade_records", "trades")},
    **{f"trading_bot.{name}": "permits" for name in PERMITS},
    "trading_bot.checkup": "audit",
    "trading_bot.account_summary": "results",
    "trading_bot.results_json": "bot",
    **{f"{LAYER}.{name}": "words" for name in (*WORDS, *PURE)},
    **{f"{LAYER}.{name}": "book" for name in BOOK},
    f"{LAYER}.gateways": "gateways",
    f"{LAYER}.rounds": "rounds",
}
"""The room of a module that is not a room by its folder; any other one is part of the face, or of the ground."""

TITLES = {
    "cli": "cli<br/>what may be typed and shown",
    "testing": "testing<br/>what a strategy is tested with",
    "startup": "startup<br/>builds the concrete parts",
    "notify": "notify<br/>messages to a phone, the heartbeat",
    "metrics": "metrics<br/>figures for Prometheus",
    "control": "control<br/>carries commands to the holder",
    "operations": "operations<br/>what an operator may do",
    "canary": "canary<br/>one-share orders that try everything",
    "bot": "bot, signals, safety_checks<br/>check, decide, hand over, record",
    "face": "manager, wiring, poller<br/>the face of the order layer",
    "submit": "submit<br/>once",
    "decisions": "decisions<br/>what a person decides",
    "rounds": "rounds<br/>what a synchronisation calls for",
    "cancel": "cancel<br/>until it has ended",
    "sync": "sync<br/>what the broker says",
    "book": "order_store, book, ports<br/>the fold of the journal",
    "journal": "journal<br/>on disk first",
    "words": "models, calculator, lifecycle<br/>words and pure decisions",
    "gateways": "gateways<br/>the broker, as Robinhood",
    "robinhood": "robinhood<br/>the private HTTPS wire",
    "agent": "agent<br/>the official agent interface",
    "protection": "protection<br/>stops, targets, trails",
    "paper": "paper<br/>an exchange in a box",
    "auth": "auth<br/>logins and tokens",
    "kill": "kill<br/>stop everything, with proof",
    "audit": "audit, checkup<br/>the journal in sentences, its proof, the doctor",
    "report": "report<br/>a period in figures and charts",
    "risk": "risk<br/>the limits of a day",
    "results": "results<br/>what trading came to, by the journal",
    "account": "account<br/>balances, funds, market data",
    "config": "config<br/>settings, read once",
    "error_handling": "error_handling<br/>retries and the circuit breaker",
    "logging": "logging<br/>events, with secrets masked",
    "permits": "latch, lease, market_hours, state_folder<br/>may we trade now",
    "ground": "clock, files, prose<br/>the ground",
}
_ORDER_LAYER = ("face", "decisions", "submit", "rounds", "cancel", "sync", "book", "journal", "words", "gateways")


def room_of(module: str) -> str:
    """Return the room of a module by its full name."""
    if module in GROUPS:
        return GROUPS[module]
    _, first, *rest = f"{module}.".split(".")
    if f"trading_bot.{first}" == LAYER:
        return rest[0] if len(rest) > 1 and rest[0] in TITLES else "face"
    return first if first in TITLES else "ground"


def imports_between_rooms() -> set[tuple[str, str]]:
    """Return which room imports from which."""
    graph = grimp.build_graph("trading_bot", exclude_type_checking_imports=True, cache_dir=None)
    modules = graph.modules - {
        "trading_bot",
        "trading_bot.__main__",
        "trading_bot._version",
        "trading_bot.late_names",
        "trading_bot.startup.__main__",
    }
    imports = [(each, other) for each in modules for other in graph.find_modules_directly_imported_by(each)]
    return {(room_of(one), room_of(other)) for one, other in imports if room_of(one) != room_of(other)}


def without_detours(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out each edge whose end can be reached over the others."""
    kept = sorted(edges)
    for edge in tuple(kept):
        others = [each for each in kept if each != edge]
        if edge[1] in _reachable(edge[0], others):
            kept = others
    return kept


def _reachable(start: str, edges: list[tuple[str, str]]) -> set[str]:
    seen, left = set[str](), [start]
    while left:
        here = left.pop()
        following = {other for one, other in edges if one == here} - seen
        seen |= following
        left += following
    return seen


def draw_rooms() -> str:
    """Return the picture of the rooms."""
    inside = [f'        {name}["{TITLES[name]}"]' for name in _ORDER_LAYER]
    outside = [f'    {name}["{title}"]' for name, title in TITLES.items() if name not in _ORDER_LAYER]
    arrows = [f"    {one} --> {other}" for one, other in without_detours(imports_between_rooms())]
    layer = ['    subgraph order_management["order_management: the order layer"]', *inside, "    end"]
    return "\n".join(["flowchart TD", *outside, *layer, *arrows])


def draw_states() -> str:
    """Return the state diagram of an order."""
    lines = [f"    [*] --> {OrderState.PENDING_SUBMIT.value}"]
    for state, following in TRANSITIONS.items():
        lines += [f"    {state.value} --> {each.value}" for each in OrderState if each in following]
        lines += [f"    {state.value} --> [*]"] if state.is_terminal else []
    return "\n".join(["stateDiagram-v2", "    direction LR", *lines])


def drawn(text: str) -> str:
    """Return the document with its drawings made anew.

    Raises:
        ValueError: the document lacks the markers of a drawing.
    """
    for name, picture in (("rooms", draw_rooms()), ("states", draw_states())):
        between = re.compile(rf"(<!-- {name}: drawn by .*? -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        if not between.search(text):
            raise ValueError(f"the document has no place for the drawing {name!r}")
        text = between.sub(lambda found, picture=picture: f"{found[1]}```mermaid\n{picture}\n```\n{found[2]}", text)
    return text


def main(arguments: list[str]) -> int:
    """Write the drawings, or check them; return the exit code."""
    text = DOCUMENT.read_text(encoding="utf-8")
    anew = drawn(text)
    if "--check" in arguments:
        return 0 if anew == text else 1
    DOCUMENT.write_text(anew, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
