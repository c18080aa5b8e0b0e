"""Why a symbol is frozen or entries are halted: a typed cause, and with it what ends the freeze.

No freeze and no halt on record binds an exit. What stops more than entries is not on record: a kill, a journal that
cannot be written, a connection that is not what it should be.
"""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.prose import typed
from trading_bot.values import Value

CAUSE = "cause"
"""The detail of a freeze or a halt that names its cause."""

UNTIL = "until"
"""The detail that names the moment, in UTC, at which a freeze ends by itself."""

BY = "by"
"""The detail that names who froze, halted or released: a person, or a part of this program."""

OURSELVES = "trading-bot"

REFUSAL_FREEZE = timedelta(minutes=5)
"""How long a symbol takes no entry after the broker answered 403 or 404. Chosen: long enough to stop a strategy that
repeats itself, short enough that nobody has to release it."""


class Cause(enum.StrEnum):
    """Why entries are stopped."""

    DRIFT = "drift"  # the broker's position is not what our fills explain
    NEGATIVE_POSITION = "negative_position"  # the account is short of the symbol
    UNJOURNALED = "unjournaled"  # an order has our mark and is not in the journal
    DUPLICATE_REF_ID = "twin"  # two orders at the broker have one ref_id of ours; the word is that of 0.1
    TERMS_DIFFER = "terms_differ"  # the broker shows other terms than ours
    OVERFILLED = "overfilled"  # more was filled than ordered
    REFUSED = "refused"  # the broker answered 403 or 404
    REFUSALS = "refusals"  # it did so three times within five minutes
    CASH_MISSING = "cash_missing"  # the broker has less cash than the last tie-out and the fills since explain
    EXIT = "exit"  # somebody is leaving, or has left, the position
    REENTRY = "reentry"  # the position was left a moment ago


class EndedBy(enum.StrEnum):
    """What ends a freeze or a halt."""

    TIME = "time"  # by itself, at its moment
    AGREEMENT = "agreement"  # by itself once both positions agree again, or by accept-position
    ACCEPT_POSITION = "accept_position"  # once a short is covered: by itself if both agree then, or so
    ADOPT = "adopt"
    TIE_OUT = "tie_out"  # by itself once cash agrees again, or when a person accepts the difference
    RELEASE = "release"
    RESUME = "resume"


_CAUSES: Mapping[str, Cause] = {cause.value: cause for cause in Cause}

_ENDS: Mapping[Cause, EndedBy] = {
    Cause.DRIFT: EndedBy.AGREEMENT,
    Cause.NEGATIVE_POSITION: EndedBy.ACCEPT_POSITION,
    Cause.UNJOURNALED: EndedBy.ADOPT,
    Cause.DUPLICATE_REF_ID: EndedBy.RELEASE,
    Cause.TERMS_DIFFER: EndedBy.RELEASE,
    Cause.OVERFILLED: EndedBy.RELEASE,
    Cause.REFUSED: EndedBy.TIME,
    Cause.REFUSALS: EndedBy.RESUME,
    Cause.CASH_MISSING: EndedBy.TIE_OUT,
    Cause.EXIT: EndedBy.RESUME,
    Cause.REENTRY: EndedBy.TIME,
}

_REMEDIES: Mapping[EndedBy, str] = {
    EndedBy.TIME: "it ends by itself at {until}; {release} ends it now",
    EndedBy.AGREEMENT: "find out why; it ends once both agree, or with {accept}",
    EndedBy.ACCEPT_POSITION: "cover it at the broker; it ends once both agree, or with {accept}",
    EndedBy.ADOPT: "find out whose it is, then run {adopt}, or, once it has ended, {resume_all}",
    EndedBy.TIE_OUT: (
        "look for a withdrawal, a fee or a purchase elsewhere; it ends once the next tie-out agrees, or with {tie_out}"
    ),
    EndedBy.RELEASE: "compare the orders at the broker, then run {release}",
    EndedBy.RESUME: "run {resume} when entries are wanted again",
}


class Freeze(Value, frozen=True, kw_only=True):
    """One reason why entries are stopped, in a symbol or, with ``symbol`` None, in the whole account."""

    symbol: str | None
    cause: Cause | None
    """None for a record of an earlier version that named no cause: a person has to release it."""
    reason: str
    by: str
    since: datetime | None
    until: datetime | None
    ended_by: EndedBy
    concerns: str | None = None
    """The symbol that a halt of the whole account is about, where it is about one."""

    @property
    def remedy(self) -> str:
        """Say in one clause what ends it, and the command that helps."""
        until = self.until.astimezone(UTC).strftime("%H:%M:%S UTC") if self.until is not None else ""
        symbol = self.symbol or self.concerns or "SYMBOL"
        return _REMEDIES[self.ended_by].format(
            until=until,
            release=typed("release", symbol),
            accept=typed("accept-position", symbol),
            adopt=typed("adopt", "ORDER_ID"),
            tie_out=typed("tie-out", "--accept"),
            resume=typed("resume", self.symbol or "--all"),
            resume_all=typed("resume", "--all"),
        )

    def is_over(self, now: datetime) -> bool:
        """Whether its own end has come."""
        return self.until is not None and now >= self.until


def cause_of(fact: OrderEvent | None) -> Cause | None:
    """Return the named cause of a freeze or halt; None where it names none of these."""
    word = fact.details.get(CAUSE) if fact is not None else None
    return None if word is None else _CAUSES.get(word)


def freeze_from(fact: OrderEvent) -> Freeze:
    """Return what a record of a freeze or a halt says."""
    cause, is_halt = cause_of(fact), fact.event is EventKind.TRADING_HALTED
    until = _moment(fact.details.get(UNTIL))
    plain = EndedBy.RESUME if is_halt else EndedBy.RELEASE
    ended_by = _ENDS[cause] if cause is not None else plain
    return Freeze(
        symbol=None if is_halt else fact.symbol,
        concerns=fact.symbol if is_halt else None,
        cause=cause,
        reason=fact.reason or ("halted" if is_halt else "frozen"),
        by=fact.details.get(BY, OURSELVES),
        since=fact.occurred_at,
        until=until,
        # A timed freeze without a readable end is one that a person ends: nothing is released by a damaged record.
        ended_by=plain if ended_by is EndedBy.TIME and until is None else ended_by,
    )


def frozen(symbol: str, cause: Cause, reason: str, *, until: datetime | None = None, by: str = OURSELVES) -> OrderEvent:
    """Return the record that stops entries in a symbol."""
    details = {CAUSE: cause.value, BY: by}
    if until is not None:
        details[UNTIL] = until.astimezone(UTC).isoformat()
    return OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol=symbol, reason=reason, details=details)


def halted(cause: Cause, reason: str, *, by: str = OURSELVES) -> OrderEvent:
    """Return the record that stops entries in the whole account."""
    return OrderEvent(event=EventKind.TRADING_HALTED, reason=reason, details={CAUSE: cause.value, BY: by})


def ended(freeze: Freeze, *, by: str, reason: str) -> OrderEvent:
    """Return the record that ends one freeze or halt, and leaves the others of the symbol as they are."""
    is_halt = freeze.symbol is None
    cause = {} if freeze.cause is None else {CAUSE: freeze.cause.value}
    return OrderEvent(
        event=EventKind.TRADING_RESUMED if is_halt else EventKind.SYMBOL_RELEASED,
        symbol=freeze.concerns if is_halt else freeze.symbol,
        reason=reason,
        details={BY: by, **cause},
    )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else None
