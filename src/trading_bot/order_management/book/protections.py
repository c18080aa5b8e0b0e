"""The protection plans on record: what is sold of a symbol once its price has fallen, or risen, so far.

A plan is a fact like a freeze. Each record of one states it whole, so that the latest record alone counts, and a
restart reads that one. A plan counts from the record that set it to the one that ended it. What has been sold for it is
told by its orders: the open ones are named in the plan, and once they have ended, their fills are taken off its
quantity in one record. So no crash counts a share twice, or not at all. Part of the book's fold.
"""

import enum
from collections.abc import Mapping
from decimal import Decimal

from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import Pointer
from trading_bot.order_management.models import ClientOrderId
from trading_bot.values import Value, replace

CHANGE = "change"
ENDING = "ending"
_PLAN_ID = "plan_id"
_LIST = "\n"
"""Between the names of a list: no client order id has a line break."""


class PlanChange(enum.StrEnum):
    """What a record changes of a plan."""

    SETTLED = "settled"  # orders that ended, and what they bought or sold, are counted in its quantity
    TOOK_OVER = "took_over"  # its entry filled, and it has taken over the shares of the plan before it
    RAISED = "raised"  # the highest price since it was set went up
    STOP_PLACED = "stop_placed"  # names the stop order that is placed next
    RESTING = "resting"  # the stop rests at the broker after all
    NOT_RESTING = "not_resting"  # the stop does not rest at the broker: it is watched
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    FIRED = "fired"  # names the exit that is begun next
    CLOSING = "closing"  # it sells nothing more, and ends once its stop order has ended


class Suspension(enum.StrEnum):
    """Why the watched part of a plan sells nothing now."""

    SPLIT = "split"  # the price before a split says nothing after it
    RENAMED = "renamed"  # the symbol is another than the one it was set for
    DRIFT = "drift"  # the broker's position is not what our fills explain
    UNWATCHED = "unwatched"  # its price was not read for a while in session

    @property
    def ends_by_itself(self) -> bool:
        """Whether it ends with its cause; the others end once a person sets the plan again."""
        return self in {Suspension.DRIFT, Suspension.UNWATCHED}


class PlanEnding(enum.StrEnum):
    """Why a plan ended."""

    SOLD = "sold"  # all of its shares are
    POSITION_GONE = "position_gone"  # no share is held any more
    NOT_BOUGHT = "not_bought"  # its entry ended without a fill
    REPLACED = "replaced"  # by another plan for the symbol
    OFF = "off"  # somebody ended it


class Plan(Value, frozen=True, kw_only=True):
    """One plan. Prices are dollars a share; at least one of ``stop``, ``target`` and ``trail_pct`` is given."""

    plan_id: str
    symbol: str
    set_for: str
    """The symbol when it was set; another one since is a rename."""
    quantity: Decimal = Decimal(0)
    """Shares that it may sell, besides what its open ``entries`` bought, and less what its open orders sold."""
    stop: Decimal | None = None
    target: Decimal | None = None
    trail_pct: Decimal | None = None
    """Per cent below the highest price since it was set at which it sells."""
    high: Decimal | None = None
    """That highest price, to a step that is worth a record; None before the first one was read."""
    entries: tuple[ClientOrderId, ...] = ()
    """The open buys whose shares it covers as they fill."""
    waits_for_entry: bool = False
    """Whether its entry has bought nothing yet: then it covers nothing, and an earlier plan goes on."""
    stop_order: ClientOrderId | None = None
    stop_rests_at: Decimal | None = None
    """The ``stop`` for which that order was placed."""
    stops_placed: int = 0
    not_resting_code: str | None = None
    not_resting_because: str | None = None
    exit_id: str | None = None
    split_known: str | None = None
    """The closes that showed a split already when it was set, so that its prices are those after it."""
    suspended: Suspension | None = None
    suspended_because: str | None = None
    closing: PlanEnding | None = None
    """Why it is about to end; None while it counts."""
    by: str = ""

    @property
    def trail_level(self) -> Decimal | None:
        """The price that the trail has reached; None without a trail, or before a price was read."""
        if self.trail_pct is None or self.high is None:
            return None
        return self.high * (100 - self.trail_pct) / 100

    @property
    def is_watched(self) -> bool:
        """Whether its prices are looked at now."""
        return not self.waits_for_entry and self.closing is None


class Protections:
    """Folds the records of plans. Not thread-safe: the store guards it."""

    def __init__(self, pointers: StandingPointers) -> None:
        self._pointers = pointers
        self._plans: dict[str, tuple[Plan, Pointer]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._plans.clear()

    def note(self, record: JournalRecord) -> None:
        """Fold one record in; other kinds, and one that names no plan, change nothing here."""
        fact = record.fact
        if fact.event is EventKind.ORDER_INTENDED:
            self._follow(fact)
        name = fact.details.get(_PLAN_ID)
        if name is None or fact.event not in _KINDS:
            return
        if name in self._plans:
            self._pointers.end((self._plans.pop(name)[1],))
        if fact.event is EventKind.PROTECTION_ENDED or (plan := _plan_of(fact)) is None:
            return
        at = pointer(StandingKind.PROTECTION, name, record.seq)
        self._plans[name] = plan, at
        self._pointers.add(at)

    def all(self) -> tuple[Plan, ...]:
        """Return every plan, the one that was changed last at the end."""
        return tuple(plan for plan, _ in self._plans.values())

    def of(self, symbol: str) -> Plan | None:
        """Return the plan that covers shares of a symbol."""
        return next((plan for plan in self.all() if plan.symbol == symbol and plan.is_watched), None)

    def get(self, plan_id: str) -> Plan | None:
        """Find one plan."""
        found = self._plans.get(plan_id)
        return None if found is None else found[0]

    def rename(self, was: str, now: str) -> None:
        """Carry the plans of a symbol over to the name it has now."""
        for name, (plan, at) in self._plans.items():
            if plan.symbol == was:
                self._plans[name] = replace(plan, symbol=now), at

    def _follow(self, fact: OrderEvent) -> None:
        """Cover what an order buys that replaces an entry."""
        replaced, new = fact.details.get(_REPLACES), fact.client_order_id
        for name, (plan, at) in self._plans.items():
            if replaced in plan.entries and new is not None and new not in plan.entries:
                self._plans[name] = replace(plan, entries=(*plan.entries, new)), at


_REPLACES = "replaces"
"""The detail of an intent that names the order in whose place it is."""

_KINDS = frozenset({EventKind.PROTECTION_SET, EventKind.PROTECTION_CHANGED, EventKind.PROTECTION_ENDED})


def protection_set(plan: Plan, *, reason: str) -> OrderEvent:
    """Return the record that a plan counts from now on."""
    return _record(EventKind.PROTECTION_SET, plan, reason=reason)


def protection_changed(plan: Plan, change: PlanChange, *, reason: str | None = None) -> OrderEvent:
    """Return the record of a plan as it is now; ``change`` says what is new about it."""
    event = _record(EventKind.PROTECTION_CHANGED, plan, reason=reason)
    return replace(event, details={CHANGE: change.value, **event.details})


def protection_ended(plan: Plan, ending: PlanEnding, *, reason: str) -> OrderEvent:
    """Return the record that a plan counts no more."""
    details = {_PLAN_ID: plan.plan_id, ENDING: ending.value, "by": plan.by}
    return OrderEvent(event=EventKind.PROTECTION_ENDED, symbol=plan.symbol, reason=reason, details=details)


def _record(kind: EventKind, plan: Plan, *, reason: str | None) -> OrderEvent:
    return OrderEvent(event=kind, symbol=plan.symbol, reason=reason, details=_details(plan))


def _details(plan: Plan) -> dict[str, str]:
    texts: dict[str, str | None] = {
        _PLAN_ID: plan.plan_id,
        "set_for": plan.set_for,
        "quantity": f"{plan.quantity:f}",
        **{name: _amount(getattr(plan, name)) for name in _AMOUNTS},
        "entries": _LIST.join(plan.entries) or None,
        "waits_for_entry": "true" if plan.waits_for_entry else None,
        "stop_order": plan.stop_order,
        "stops_placed": str(plan.stops_placed) if plan.stops_placed else None,
        "not_resting_code": plan.not_resting_code,
        "not_resting_because": plan.not_resting_because,
        "exit_id": plan.exit_id,
        "split_known": plan.split_known,
        "suspended": plan.suspended,
        "suspended_because": plan.suspended_because,
        "closing": plan.closing,
        "by": plan.by,
    }
    return {key: str(text) for key, text in texts.items() if text is not None}


_AMOUNTS = ("stop", "target", "trail_pct", "high", "stop_rests_at")


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _plan_of(fact: OrderEvent) -> Plan | None:
    """Return what a record says; None where it cannot be read, which leaves nothing to act on."""
    details = fact.details
    try:
        amounts = {name: Decimal(details[name]) for name in _AMOUNTS if name in details}
        return Plan(
            plan_id=details[_PLAN_ID],
            symbol=fact.symbol or details["set_for"],
            set_for=details["set_for"],
            quantity=Decimal(details["quantity"]),
            **amounts,
            entries=tuple(ClientOrderId(name) for name in details.get("entries", "").split(_LIST) if name),
            waits_for_entry=details.get("waits_for_entry") == "true",
            stop_order=_order_id(details, "stop_order"),
            stops_placed=int(details.get("stops_placed", "0")),
            not_resting_code=details.get("not_resting_code"),
            not_resting_because=details.get("not_resting_because"),
            exit_id=details.get("exit_id"),
            split_known=details.get("split_known"),
            suspended=Suspension(details["suspended"]) if "suspended" in details else None,
            suspended_because=details.get("suspended_because"),
            closing=PlanEnding(details["closing"]) if "closing" in details else None,
            by=details.get("by", ""),
        )
    except (KeyError, ValueError, ArithmeticError):
        return None


def _order_id(details: Mapping[str, str], name: str) -> ClientOrderId | None:
    return ClientOrderId(details[name]) if name in details else None
