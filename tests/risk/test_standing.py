"""ACTIVE, REDUCING or HALTED, with every reason and what ends it."""

from datetime import timedelta

import pytest

from tests.support.risk_bench import MONDAY_NOON
from trading_bot.order_management.book.freezes import Cause, EndedBy, Freeze
from trading_bot.order_management.ports import LatchLook
from trading_bot.risk.limit_uses import EndsWith, LimitUse, Unit
from trading_bot.risk.standing import Standing, StandingFacts, standing_of

ARMED = LatchLook(arming=None, not_armed=None, not_reducing=None)
EXITS = LatchLook(arming=None, not_armed="for exits only", not_reducing=None)
KILLED = LatchLook(arming=None, not_armed="killed", not_reducing="killed")


def halt(symbol: str | None = None, cause: Cause | None = Cause.EXIT) -> Freeze:
    return Freeze(
        symbol=symbol,
        cause=cause,
        reason="everything was left",
        by="ann",
        since=MONDAY_NOON,
        until=MONDAY_NOON + timedelta(minutes=1),
        ended_by=EndedBy.RESUME,
    )


def reached(
    name: str = "max_trades_per_day", code: str = "max_trades_per_day", ends_with: EndsWith = EndsWith.DAY
) -> LimitUse:
    return LimitUse(name=name, code=code, unit=Unit.COUNT, ends_with=ends_with, used=5, limit=5, stops_all=True)


def found(look: LatchLook = ARMED, **facts: object) -> tuple[str, list[str]]:
    standing = standing_of(StandingFacts(look=look, **facts))  # type: ignore[arg-type]
    return standing.state.value, [reason.cause for reason in standing.reasons]


@pytest.mark.parametrize(
    ("facts", "state", "causes"),
    [
        ({}, "active", []),
        ({"freezes": (halt("AAPL"),)}, "active", []),
        ({"look": EXITS, "entries_stopped": "for exits only"}, "reducing", ["not_armed"]),
        ({"look": KILLED, "entries_stopped": "killed"}, "halted", ["not_armed"]),
        ({"journal_problem": "full", "entries_stopped": "full"}, "halted", ["journal_failed"]),
        ({"freezes": (halt(),), "entries_stopped": "everything was left; run"}, "reducing", ["exit"]),
        ({"freezes": (halt(cause=None),)}, "reducing", ["not_named"]),
        ({"entries_stopped": "nobody follows"}, "reducing", ["entries_stopped"]),
        ({"risk_halt": "lost"}, "reducing", ["limit_reached"]),
        ({"risk_halt": "lost", "uses": (reached("max_daily_loss", "risk_halt"),)}, "reducing", ["limit_reached"]),
        ({"uses": (reached(),)}, "reducing", ["max_trades_per_day"]),
        ({"look": KILLED, "uses": (reached(),)}, "halted", ["not_armed", "max_trades_per_day"]),
    ],
)
def test_the_worst_reason_decides_and_every_one_is_told_once(facts, state, causes):
    assert found(**facts) == (state, causes)


def test_each_reason_says_what_ends_it_and_whose_it_is():
    (reason,) = standing_of(StandingFacts(look=ARMED, freezes=(halt(),))).reasons
    assert (reason.by, reason.since, reason.until, reason.ends) == ("ann", MONDAY_NOON, halt().until, halt().remedy)
    assert (reason.state.value, reason.reason) == ("reducing", "everything was left")
    (limit,) = standing_of(StandingFacts(look=ARMED, uses=(reached(),))).reasons
    assert limit.reason == "5 of 5 are used of risk_management.max_trades_per_day"
    assert limit.ends == "it ends with the exchange day"


def test_nothing_in_the_way_is_active():
    assert Standing(reasons=()).state == "active"


@pytest.mark.parametrize(
    ("facts", "reason", "helps"),
    [
        ({"look": KILLED}, "killed", "'trading-bot arm'"),
        ({"look": EXITS}, "for exits only", "'trading-bot arm'"),
        ({"journal_problem": "the disk is full"}, "the disk is full", "restart the bot"),
        ({"entries_stopped": "nobody follows"}, "nobody follows", "what its reason says"),
        ({"risk_halt": "five in a row"}, "five in a row", "a losing streak ends with 'trading-bot arm'"),
        ({"risk_halt": "lost 1000"}, "lost 1000", "it ends with the exchange day"),
        ({"uses": (reached(ends_with=EndsWith.ARM),)}, "5 of 5", "'trading-bot arm'"),
        ({"uses": (reached(ends_with=EndsWith.MINUTE),)}, "5 of 5", "by itself within a minute"),
        ({"uses": (reached(ends_with=EndsWith.ORDER_END),)}, "5 of 5", "'trading-bot cancel ORDER_ID'"),
    ],
)
def test_each_reason_is_told_as_it_is_with_what_helps(facts, reason, helps):
    (found,) = standing_of(StandingFacts(**({"look": ARMED} | facts))).reasons
    assert found.reason.startswith(reason)
    assert helps in found.ends
    assert (found.by, found.since, found.until) == ("trading-bot", None, None)
