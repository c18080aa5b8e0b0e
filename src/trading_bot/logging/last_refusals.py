"""When each rule last refused an order, by the trade log."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trading_bot.files import FileSystem
from trading_bot.order_management.models import ExecutionMode

TRADES_FILE = "trades.jsonl"
_READ_BYTES = 4 * 1024 * 1024
"""So much of the end of the trade log is read: about ten thousand trades."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One trade that was refused; ``at`` is when, ``reason`` the rule's own."""

    at: datetime
    symbol: str | None
    reason: str


def last_refusals(
    path: Path, codes: Collection[str], *, mode: ExecutionMode, files: FileSystem
) -> Mapping[str, Refusal]:
    """Return the latest refusal of each code; a code that is absent refused nothing in what was read.

    The paper account and a live one may share a folder, so only lines of ``mode`` count. What cannot be read is none.
    """
    found: dict[str, Refusal] = {}
    for line in _lines_from_the_end(path, files):
        if len(found) == len(codes):
            break
        trade = _trade(line)
        code = trade.get("code")
        if not isinstance(code, str) or code not in codes or code in found:
            continue
        refusal = _refusal(trade) if trade.get("execution_mode") == mode.value else None
        if refusal is not None:
            found[code] = refusal
    return found


def _lines_from_the_end(path: Path, files: FileSystem) -> Iterator[bytes]:
    try:
        facts = files.facts_at(path)
        if facts is None or not facts.is_regular:
            return
        begin = max(0, facts.size - _READ_BYTES)
        text = files.read_part(path, offset=begin, size=_READ_BYTES)
    except OSError:
        return
    yield from reversed(text.split(b"\n")[1 if begin else 0 :])


def _trade(line: bytes) -> Mapping[str, Any]:
    if b'"blocked"' not in line:
        return {}
    try:
        trade = json.loads(line)
    except ValueError:
        return {}
    return trade if isinstance(trade, dict) else {}


def _refusal(trade: Mapping[str, Any]) -> Refusal | None:
    try:
        at = datetime.fromisoformat(str(trade.get("ts")))
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    symbol = trade.get("symbol")
    return Refusal(at=at, symbol=symbol if isinstance(symbol, str) else None, reason=str(trade.get("message", "")))
