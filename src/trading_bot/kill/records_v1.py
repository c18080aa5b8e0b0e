"""The files that kills of version 0.1 left in the folder ``kills/``, and how the holder takes them over.

One JSON object a line, the first of which names the orders on record that had not ended, or says null where the
journal could not be read to its end: then every order is meant that has not ended. The files stay where they are; the
journal names those that were taken over.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.book.tracked_order import TrackedOrder, state_without_cancel
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent, about
from trading_bot.order_management.models import OrderState

V1_KILLS_FOLDER = "kills"
"""Their folder inside an account's state folder."""

_SCHEMA_VERSION = 1
_ENGAGED = "kill_engaged"
_FILE = "file"
_SUFFIX = ".jsonl"


def imported_kills(records: Iterable[JournalRecord]) -> frozenset[str]:
    """Return the names of the side files that the journal has taken over."""
    return named_files(record.fact for record in records)


def named_files(events: Iterable[OrderEvent]) -> frozenset[str]:
    """Return the names of the side files that these events take over."""
    return frozenset(event.details[_FILE] for event in events if event.event is EventKind.KILL_IMPORTED)


def new_kills(folder: Path, *, files: FileSystem, imported: Collection[str]) -> tuple[tuple[str, bytes], ...]:
    """Return name and content of every side file in ``folder`` that is not among the ``imported``.

    Raises:
        OSError: the folder or a file in it cannot be read.
    """
    found: list[tuple[str, bytes]] = []
    for path in _side_files(folder):
        if path.name not in imported:
            facts = files.facts_at(path)
            found.append((path.name, files.read(path) if facts is not None and facts.is_regular else b""))
    return tuple(found)


def v1_kill_events(name: str, data: bytes, active: Sequence[TrackedOrder]) -> Iterator[OrderEvent]:
    """Yield the events that take a side file over, to be recorded in this order; ``active`` orders have not ended.

    A file whose first line cannot be read asks for the cancel of everything that has not ended: a kill did happen.
    Each file is closed off by its own ``kill_imported``, so that what a crash cut short is taken over again and changes
    nothing twice. Add the names of those events to those imported once they are recorded.
    """
    kill = _first_line(data)
    wanted = kill.cancel if kill else None
    reason = f"killed by {kill.by}: {kill.reason}" if kill else "killed; the kill's record cannot be read"
    for order in active:
        if wanted is None or order.client_order_id in wanted:
            # An earlier cancel may have come to nothing: only an order at work has its cancel fired.
            status = state_without_cancel(order) if order.state is OrderState.PENDING_CANCEL else None
            yield replace(about(order.envelope, EventKind.CANCEL_REQUESTED), status=status, reason=reason)
    yield OrderEvent(
        event=EventKind.KILL_IMPORTED, occurred_at=kill.at if kill else None, reason=reason, details={_FILE: name}
    )


def _side_files(folder: Path) -> Sequence[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == _SUFFIX)
    except FileNotFoundError:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engaged:
    at: datetime
    by: str
    reason: str
    cancel: frozenset[str] | None
    """The orders meant; None means all that have not ended."""


def _first_line(data: bytes) -> _Engaged | None:
    line, end, _ = data.partition(b"\n")
    try:
        facts = json.loads(line)
        whole = bool(end) and (facts["v"], facts["event"]) == (_SCHEMA_VERSION, _ENGAGED)
        cancel = facts["cancel"]
        if not whole or not isinstance(cancel, list | None):
            return None
        at = datetime.fromisoformat(facts["at"]).astimezone(UTC)
        return _Engaged(at=at, by=str(facts["by"]), reason=str(facts["reason"]), cancel=_names(cancel))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _names(orders: list[str] | None) -> frozenset[str] | None:
    return None if orders is None else frozenset(orders)
