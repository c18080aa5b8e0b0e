"""What has troubled each symbol of a life, and from when on it has to be open again. For P1 and P2.

A symbol's trouble is told by the stand-in's own book, by what befell the requests, and by what a person has asked for
or is still to decide; the times are those of the documents, not the product's own.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.broker_stand_in import Act, Route
from tests.support.stand_in_book import ENDED, INSTRUMENTS
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.events import EventKind, OrderEvent

if TYPE_CHECKING:
    from tests.support.sim_checks.view import View

LOOKS_AGAIN_S = 31.0
"""The next synchronisation after half a minute reads the positions again, and ends what both sides agree on."""
REFUSED_S = 301.0
"""A freeze after a 403 or 404 ends by itself after five minutes; see docs/exits.md."""
REENTRY_S = 61.0
"""A position that was left is entered again after a minute at the earliest; see docs/exits.md."""

_REFUSALS = frozenset({Act.FORBIDDEN, Act.NOT_FOUND})
_HALT_AFTER = 3
_ALARMING = frozenset({Act.TLS, Act.REDIRECT})
_PERSON_ENDS = frozenset({Cause.TERMS_DIFFER, Cause.OVERFILLED, Cause.DUPLICATE_REF_ID})


@dataclass
class Troubles:
    """What has troubled the symbols: from when on each has to be open, and what a person is to decide first."""

    entries_by: dict[str, float] = field(default_factory=dict)
    exits_by: dict[str, float] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    """Symbols that somebody has left and not resumed."""
    lied_about: set[str] = field(default_factory=set)
    """Symbols of which a spoilt reply has told what only a person can judge."""
    halts: set[Cause | None] = field(default_factory=set)
    refusals: list[float] = field(default_factory=list)
    alarmed: object = None
    """The process that met a connection that is not what it should be."""
    hands: int = 0
    """How often shares have moved."""

    def note(self, view: "View") -> None:
        """Take in what has happened since the last step."""
        now = view.world.clock.monotonic()
        for fact in (record.fact for record in view.fresh):
            self._note_fact(fact, now)
        self._note_faults(view, now)
        self._note_shares(view, now)
        for symbol in _troubled(view):
            self._both(symbol, now + LOOKS_AGAIN_S)

    def _both(self, symbol: str, by: float) -> None:
        for times in (self.entries_by, self.exits_by):
            times[symbol] = max(times.get(symbol, 0), by)

    def _note_fact(self, fact: OrderEvent, now: float) -> None:
        cause, symbol = cause_of(fact), fact.symbol or ""
        match fact.event:
            case EventKind.EXIT_BEGUN:
                self.left.add(symbol)
            case EventKind.SYMBOL_FROZEN if cause in _PERSON_ENDS:
                self.lied_about.add(symbol)
            case EventKind.SYMBOL_RELEASED:
                if cause in {Cause.EXIT, None}:
                    self.left.discard(symbol)
                    self.entries_by[symbol] = max(self.entries_by.get(symbol, 0), now + REENTRY_S)
                if cause in _PERSON_ENDS or cause is None:
                    self.lied_about.discard(symbol)
            case EventKind.TRADING_HALTED:
                self.halts.add(cause)
            case EventKind.TRADING_RESUMED:
                self.halts.discard(cause)

    def _note_faults(self, view: "View", now: float) -> None:
        for request, act in view.new_faults():
            if request.route is Route.SUBMIT and act in _REFUSALS:
                symbol = request.form["symbol"]
                self.entries_by[symbol] = max(self.entries_by.get(symbol, 0), now + REFUSED_S)
                self.refusals.append(now)
            elif request.route is Route.POSITIONS:
                for symbol in INSTRUMENTS:
                    self._both(symbol, now + LOOKS_AGAIN_S)
            if act in _ALARMING:
                self.alarmed = view.world.life

    def _note_shares(self, view: "View", now: float) -> None:
        book, world = view.world.broker.book, view.world
        for order in view.moved:
            self.exits_by[order.symbol] = max(self.exits_by.get(order.symbol, 0), now + LOOKS_AGAIN_S)
        moved, self.hands = book.times_moved != self.hands, book.times_moved
        shown = set(world.broker.shown_spoilt)
        world.broker.shown_spoilt.clear()
        for symbol in shown | (world.unsure if moved else set()):
            self._both(symbol, now + LOOKS_AGAIN_S)

    @property
    def given_halts(self) -> set[Cause]:
        """The causes for which a person alone can let the account trade again, so far as this life has given them."""
        return {Cause.EXIT} | ({Cause.REFUSALS} if len(self.refusals) >= _HALT_AFTER else set())

    def halt(self, view: "View") -> bool:
        """Whether the whole account takes no entry until a person has decided, or looked at the network."""
        return bool(self.halts & self.given_halts) or self.alarmed is view.world.life


def _troubled(view: "View") -> set[str]:
    """Return the symbols of which something is odd at the broker, or nobody can know it yet."""
    book, now = view.world.broker.book, view.world.clock.now()
    odd = {row["instrument_id"] for row in book.strange_orders if row["state"] not in ENDED}
    return {
        *book.spoilt_positions,
        *(symbol for symbol, instrument in INSTRUMENTS.items() if instrument in odd),
        *(symbol for symbol in INSTRUMENTS if view.expected.get(symbol, 0) != book.held[symbol]),
        *(one.symbol for one in book.orders if one.hidden_until is not None and now < one.hidden_until),
        *(order.envelope.symbol for order in view.known.unresolved()),
    }
