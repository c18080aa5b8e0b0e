"""Freezes and halts: why, who, since when, and what ends each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.fake_gateway import rejected
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import MONDAY, Story
from trading_bot.order_management.book.freezes import (
    REFUSAL_FREEZE,
    Cause,
    EndedBy,
    Freeze,
    ended,
    freeze_from,
    frozen,
    halted,
)
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    OrderRejectedError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.outcomes import CancelUnknown

ALICE = {"by": "alice", "reason": "looked at it"}
FOR_GOOD = sorted(set(Cause) - {Cause.REFUSED, Cause.REENTRY})


def held() -> ManagerBench:
    return ManagerBench(shares={"AAPL": 50, "MSFT": 5})


def refused(bench: ManagerBench, name: str, symbol: str = "AAPL", status: int = 403) -> None:
    bench.gateway.submits.append(rejected(status, freezes=True))
    with pytest.raises(OrderRejectedError):
        bench.buy(name, symbol=symbol)


def only(bench: ManagerBench, symbol: str | None = None) -> Freeze:
    (freeze,) = bench.manager.ways_out.freezes(symbol)
    return freeze


@pytest.mark.parametrize("status", [403, 404])
def test_a_freeze_after_a_refusal_ends_by_itself_judged_when_it_is_asked_for(status):
    bench = held()
    refused(bench, "c1", status=status)
    freeze = only(bench)
    assert (freeze.cause, freeze.ended_by, freeze.since) == (Cause.REFUSED, EndedBy.TIME, bench.clock.now())
    bench.clock.sleep(REFUSAL_FREEZE.total_seconds() - 1)
    bench.sync()
    with pytest.raises(
        TradingHaltedError, match=r"15:05:00 UTC; 'trading-bot release AAPL --by NAME --reason \"...\"' ends it now"
    ):
        bench.buy("c2")
    bench.clock.sleep(1)
    assert bench.manager.ways_out.freezes() == ()
    assert bench.buy("c2").order_id is not None


def test_a_freeze_that_ended_by_itself_is_over_after_a_restart_too():
    bench = held()
    refused(bench, "c1")
    bench.clock.sleep(REFUSAL_FREEZE.total_seconds())
    bench.restart()
    bench.manager.recover()
    assert bench.buy("c2").order_id is not None


def test_three_refusals_within_five_minutes_halt_entries_until_somebody_resumes():
    bench = held()
    for number, symbol in enumerate(("NVDA", "TSLA", "F")):
        refused(bench, f"c{number}", symbol=symbol)
    bench.clock.sleep(600)
    bench.sync()
    with pytest.raises(TradingHaltedError, match="run 'trading-bot resume --all'"):
        bench.buy("c9", symbol="IBM")
    assert bench.sell().order_id is not None
    bench.restart()
    bench.manager.recover()
    assert only(bench).cause is Cause.REFUSALS
    assert bench.manager.decisions.resume(None, **ALICE) == ("the account",)
    assert bench.buy("c9", symbol="IBM").order_id is not None


def test_three_refusals_in_more_than_five_minutes_halt_nothing():
    bench = held()
    for number, symbol in enumerate(("NVDA", "TSLA", "F")):
        refused(bench, f"c{number}", symbol=symbol)
        bench.clock.sleep(151)
        bench.sync()
    assert bench.buy("c9", symbol="IBM").order_id is not None


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_says_what_ends_it(cause):
    """A new cause fails here until that is decided."""
    bench = held()
    bench.store.record_fact(frozen("AAPL", cause, "a reason", until=bench.clock.now() + timedelta(minutes=5)))
    freeze = only(bench, "AAPL")
    assert (freeze.cause, freeze.by, freeze.reason) == (cause, "trading-bot", "a reason")
    assert "'trading-bot " in freeze.remedy
    assert "{" not in freeze.remedy


def test_a_record_without_a_cause_waits_for_a_release_as_it_always_did():
    bench = held()
    bench.store.record_fact(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="old"))
    bench.clock.sleep(10_000)
    bench.sync()
    freeze = only(bench)
    assert (freeze.cause, freeze.ended_by) == (None, EndedBy.RELEASE)
    bench.manager.decisions.release("AAPL", **ALICE)
    assert bench.manager.ways_out.freezes() == ()


def test_a_halt_without_a_cause_is_resumed():
    bench = held()
    bench.store.record_fact(OrderEvent(event=EventKind.TRADING_HALTED, reason="old"))
    assert only(bench).ended_by is EndedBy.RESUME
    bench.manager.decisions.resume(None, **ALICE)
    assert bench.manager.ways_out.freezes() == ()


@pytest.mark.parametrize("until", ["", "no moment", "2026-11-23T15:00:00"], ids=["none", "not read", "no zone"])
def test_a_timed_freeze_without_a_readable_end_waits_for_a_person(until):
    bench = held()
    details = {"cause": "refused", "until": until}
    bench.store.record_fact(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="x", details=details))
    bench.clock.sleep(10_000)
    bench.sync()
    assert only(bench).ended_by is EndedBy.RELEASE


def test_causes_of_one_symbol_stand_beside_each_other_and_end_one_by_one():
    """Ending by itself, or being accepted, must not take a graver cause along."""
    bench = held()
    bench.store.record_fact(frozen("AAPL", Cause.TERMS_DIFFER, "edited"))
    bench.positions.move("AAPL", "5")
    bench.store.record_fact(frozen("AAPL", Cause.DRIFT, "moved"))
    bench.store.record_fact(frozen("AAPL", Cause.REFUSED, "403", until=bench.clock.now() + timedelta(minutes=5)))
    bench.clock.sleep(301)
    bench.sync()
    assert {freeze.cause for freeze in bench.manager.ways_out.freezes("AAPL")} == {Cause.TERMS_DIFFER, Cause.DRIFT}
    bench.manager.decisions.release("AAPL", **ALICE)
    assert only(bench).cause is Cause.DRIFT
    with pytest.raises(OrderValidationError, match="accept-position AAPL"):
        bench.manager.decisions.release("AAPL", **ALICE)
    bench.manager.decisions.accept_position("AAPL", **ALICE)
    assert bench.manager.ways_out.freezes() == ()


def test_a_halt_does_not_hide_another_behind_it():
    bench = held()
    bench.store.record_fact(halted(Cause.REFUSALS, "three refusals"))
    bench.store.record_fact(halted(Cause.UNJOURNALED, "a strange order"))
    bench.manager.decisions.resume(None, **ALICE)
    assert only(bench).cause is Cause.UNJOURNALED


def test_what_ends_one_cause_says_so_and_by_whom():
    bench = held()
    bench.store.record_fact(frozen("AAPL", Cause.EXIT, "left"))
    fact = ended(only(bench), **ALICE)
    assert (fact.event, fact.symbol) == (EventKind.SYMBOL_RELEASED, "AAPL")
    assert fact.details == {"by": "alice", "cause": "exit"}


@pytest.mark.parametrize("symbol", ["AAPL", None])
def test_nothing_is_resumed_that_does_not_wait_for_it(symbol):
    bench = held()
    bench.store.record_fact(frozen("AAPL", Cause.TERMS_DIFFER, "edited"))
    with pytest.raises(OrderValidationError, match="wait to be resumed; 'trading-bot frozen'"):
        bench.manager.decisions.resume(symbol, **ALICE)


def halted_for_a_short(bench: ManagerBench, symbol: str = "TSLA") -> None:
    """Write what 0.1 wrote: a short halted the whole account."""
    details = {"cause": Cause.NEGATIVE_POSITION.value}
    halt = OrderEvent(event=EventKind.TRADING_HALTED, symbol=symbol, reason="the account is short", details=details)
    bench.store.record_fact(halt)


def test_a_halt_of_an_old_journal_over_a_short_is_the_freeze_of_its_symbol():
    bench = ManagerBench(shares={"AAPL": 50, "TSLA": -2})
    halted_for_a_short(bench)
    bench.restart()
    bench.manager.recover()
    assert (only(bench).symbol, only(bench).cause) == ("TSLA", Cause.NEGATIVE_POSITION)
    assert bench.manager.halted_because is None
    assert bench.buy("c1").order_id is not None
    with pytest.raises(TradingHaltedError, match="accept-position TSLA"):
        bench.buy("c2", symbol="TSLA")
    bench.positions.move("TSLA", "2")
    bench.manager.decisions.accept_position("TSLA", **ALICE)
    assert bench.manager.ways_out.freezes() == ()


@pytest.mark.parametrize(
    ("symbol", "cause", "left"),
    [
        ("TSLA", Cause.NEGATIVE_POSITION, ["NVDA"]),
        (None, None, []),
        ("TSLA", Cause.UNJOURNALED, ["NVDA", "TSLA"]),
    ],
    ids=["accepted", "resumed before causes were named", "of another cause"],
)
def test_what_ended_the_halt_of_a_short_in_an_old_journal_ends_its_freeze(symbol, cause, left):
    bench = held()
    for short in ("NVDA", "TSLA"):
        halted_for_a_short(bench, short)
    details = {} if cause is None else {"cause": cause.value}
    bench.store.record_fact(OrderEvent(event=EventKind.TRADING_RESUMED, symbol=symbol, details=details))
    assert [freeze.symbol for freeze in bench.manager.ways_out.freezes()] == left


def test_a_halt_over_two_orders_for_one_can_be_released_although_its_symbol_is_not_frozen_any_more():
    """A duplicate that works on is told again after a release, and its symbol's freeze only once."""
    bench = held()
    bench.buy("c1", symbol="MSFT")
    intent = bench.gateway.posts[-1]
    bench.gateway.answer_cancels(CancelUnknown(cause="no answer"))
    bench.gateway.add(intent.terms, ref_id=intent.ref_id)
    bench.sync()
    bench.manager.decisions.release("MSFT", **ALICE)
    bench.sync()
    assert [freeze.symbol for freeze in bench.manager.ways_out.freezes()] == [None]
    bench.manager.decisions.release("MSFT", **ALICE)
    assert bench.manager.ways_out.freezes() == ()


WHO = ' --by NAME --reason "..."'


def about_symbol(fact: OrderEvent, symbol: str) -> OrderEvent:
    return replace(fact, symbol=symbol)


@pytest.mark.parametrize(
    ("fact", "commands"),
    [
        (frozen("AAPL", Cause.DRIFT, "moved"), [f"accept-position AAPL{WHO}"]),
        (frozen("AAPL", Cause.NEGATIVE_POSITION, "short"), [f"accept-position AAPL{WHO}"]),
        (frozen("AAPL", Cause.TERMS_DIFFER, "edited"), [f"release AAPL{WHO}"]),
        (frozen("AAPL", Cause.EXIT, "left"), ["resume AAPL"]),
        (halted(Cause.UNJOURNALED, "strange"), [f"adopt ORDER_ID{WHO}", "resume --all"]),
        (halted(Cause.CASH_MISSING, "missing"), [f"tie-out --accept{WHO}"]),
        (halted(Cause.REFUSALS, "three times"), ["resume --all"]),
        (halted(Cause.DUPLICATE_REF_ID, "twins"), [f"release SYMBOL{WHO}"]),
        (about_symbol(halted(Cause.DUPLICATE_REF_ID, "twins"), "TSLA"), [f"release TSLA{WHO}"]),
    ],
    ids=lambda one: one.details["cause"] if isinstance(one, OrderEvent) else "",
)
def test_a_remedy_is_the_command_that_ends_that_cause_with_the_symbol_it_is_about(fact, commands):
    assert freeze_from(fact).remedy.split("'")[1::2] == [f"trading-bot {command}" for command in commands]


def test_a_record_without_a_reason_says_at_least_what_it_did():
    assert freeze_from(OrderEvent(event=EventKind.TRADING_HALTED)).reason == "halted"
    assert freeze_from(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL")).reason == "frozen"


def test_the_end_of_a_halt_names_the_symbol_that_it_was_about():
    about_tesla = about_symbol(halted(Cause.DUPLICATE_REF_ID, "twins"), "TSLA")
    assert ended(freeze_from(about_tesla), **ALICE) == OrderEvent(
        event=EventKind.TRADING_RESUMED,
        symbol="TSLA",
        reason="looked at it",
        details={"by": "alice", "cause": "twin"},
    )


def test_a_halt_that_names_a_symbol_stops_the_whole_account_all_the_same():
    """Only a short of 0.1 was meant for its symbol alone."""
    for fact in (about_symbol(halted(Cause.DUPLICATE_REF_ID, "twins"), "TSLA"), halted(Cause.NEGATIVE_POSITION, "x")):
        book = Story(fact).book
        assert book.halt == fact.reason
        assert book.frozen_symbols() == {}


def test_a_freeze_that_says_since_when_it_is_keeps_that_time():
    """One that was taken over from a side file is as old as its line, not as the record."""
    early = MONDAY - timedelta(hours=1)
    (told, untold) = Story(
        replace(frozen("AAPL", Cause.EXIT, "left"), occurred_at=early), frozen("MSFT", Cause.EXIT, "left")
    ).book.freezes()
    assert (told.since, untold.since) == (early, MONDAY + timedelta(seconds=1))
