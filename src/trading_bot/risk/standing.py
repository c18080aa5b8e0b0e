"""What an account may do now: everything, only leave positions, or nothing but cancel; and every reason. Pure."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from trading_bot.order_management.book.freezes import OURSELVES, Freeze
from trading_bot.order_management.ports import LatchLook
from trading_bot.risk.limit_uses import EndsWith, LimitUse


class TradingState(enum.StrEnum):
    """How far an account is open."""

    ACTIVE = "active"
    REDUCING = "reducing"  # held shares may be sold, and nothing is bought
    HALTED = "halted"  # nothing but cancels


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that keeps the account from being active."""

    state: TradingState
    cause: str
    reason: str
    ends: str
    """What ends it, and the command that helps."""
    by: str = OURSELVES
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFacts:
    """What the state rests on."""

    journal_problem: str | None = None
    look: LatchLook
    entries_stopped: str | None = None
    """The first reason why the order layer takes no entry."""
    freezes: tuple[Freeze, ...] = ()
    risk_halt: str | None = None
    uses: tuple[LimitUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of the account, and what stands in the way of more."""

    reasons: tuple[Reason, ...]

    @property
    def state(self) -> TradingState:
        """The worst of the reasons' states."""
        found = {reason.state for reason in self.reasons}
        return next((state for state in (TradingState.HALTED, TradingState.REDUCING) if state in found), _ACTIVE)


_ACTIVE = TradingState.ACTIVE
_ARM = "arm the account with 'trading-bot arm' when trading is wanted again"
_REPAIR = "repair what the message names, then restart the bot"
_LOSS = "it ends with the exchange day; a losing streak ends with 'trading-bot arm'"
_ENDS = {
    EndsWith.DAY: "it ends with the exchange day",
    EndsWith.ARM: "it ends with 'trading-bot arm'",
    EndsWith.MINUTE: "it ends by itself within a minute",
    EndsWith.ORDER_END: "it ends once one of the open orders has ended, such as by 'trading-bot cancel ORDER_ID'",
}


def standing_of(facts: StandingFacts) -> Standing:
    """Collect every reason, what stops most first."""
    return Standing(reasons=(*_halts(facts), *_stops(facts), *_limits(facts)))


def _halts(facts: StandingFacts) -> Iterator[Reason]:
    if facts.journal_problem is not None:
        yield _reason(TradingState.HALTED, "journal_failed", reason=facts.journal_problem, ends=_REPAIR)
    if facts.look.not_reducing is not None:
        yield _reason(TradingState.HALTED, "not_armed", reason=facts.look.not_reducing, ends=_ARM)


def _stops(facts: StandingFacts) -> Iterator[Reason]:
    look = facts.look
    if look.not_armed is not None and look.not_reducing is None:
        yield _reason(TradingState.REDUCING, "not_armed", reason=look.not_armed, ends=_ARM)
    account_wide = [freeze for freeze in facts.freezes if freeze.symbol is None]
    for freeze in account_wide:
        yield Reason(
            state=TradingState.REDUCING,
            cause="not_named" if freeze.cause is None else freeze.cause.value,
            reason=freeze.reason,
            ends=freeze.remedy,
            by=freeze.by,
            since=freeze.since,
            until=freeze.until,
        )
    # The order layer names its first reason alone: one that is listed already is not said twice.
    said = {facts.journal_problem, look.not_armed, *(f"{freeze.reason}; {freeze.remedy}" for freeze in account_wide)}
    if facts.entries_stopped is not None and facts.entries_stopped not in said and not account_wide:
        yield _reason(
            TradingState.REDUCING, "entries_stopped", reason=facts.entries_stopped, ends="what its reason says"
        )


def _limits(facts: StandingFacts) -> Iterator[Reason]:
    if facts.risk_halt is not None:
        yield _reason(TradingState.REDUCING, "limit_reached", reason=facts.risk_halt, ends=_LOSS)
    for use in _reached(facts.uses):
        text = f"{use.used} of {use.limit} are used of risk_management.{use.name}"
        yield _reason(TradingState.REDUCING, use.name, reason=text, ends=_ENDS[use.ends_with])


def _reached(uses: Iterable[LimitUse]) -> Iterator[LimitUse]:
    return (use for use in uses if use.is_reached and use.code != "risk_halt")


def _reason(state: TradingState, cause: str, *, reason: str, ends: str) -> Reason:
    return Reason(state=state, cause=cause, reason=reason, ends=ends)
