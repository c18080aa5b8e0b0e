"""Orders that must not exist, or that are gone: what is recorded of them, and once."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.manager_bench import ManagerBench
from tests.support.order_story import report
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderId, RefId
from trading_bot.order_management.outcomes import Listing, UnreadRow
from trading_bot.order_management.sync.alarms import (
    note_duplicate_ref_id,
    note_unjournaled,
    note_vanished,
    shows_unjournaled,
)
from trading_bot.order_management.sync.foreign import Row

MARKED = UnreadRow(
    problem="quantity: null",
    order_id=OrderId("broker-9"),
    ref_id=RefId(f"{OUR_MARK}-0000-4000-8000-000000000001"),
    symbol="NVDA",
    instrument_id="I-NVDA",
)


@pytest.fixture
def bench() -> ManagerBench:
    return ManagerBench()


def test_an_order_with_our_mark_that_the_journal_does_not_know_is_recorded_with_all_that_finds_it(bench):
    for _ in range(2):
        note_unjournaled(bench.store, MARKED)
    (fact,) = bench.journal.facts(EventKind.TRADING_HALTED)
    assert (fact.order_id, fact.ref_id, fact.symbol) == (MARKED.order_id, MARKED.ref_id, "NVDA")
    assert cause_of(fact) is Cause.UNJOURNALED
    assert "order broker-9 on NVDA" in str(fact.reason)


@pytest.mark.parametrize(
    ("row", "name"),
    [(replace(MARKED, symbol=None), "I-NVDA"), (replace(MARKED, symbol=None, instrument_id=None), "an unknown")],
)
def test_one_of_an_unknown_symbol_is_named_by_what_there_is(bench, row, name):
    note_unjournaled(bench.store, row)
    (fact,) = bench.journal.facts(EventKind.TRADING_HALTED)
    assert (fact.symbol, f"on {name}" in str(fact.reason)) == (None, True)


def test_a_second_order_of_one_name_is_recorded_with_all_that_finds_it(bench):
    bench.buy("c1")
    order = bench.tracked("c1")
    twin = report(order_id=OrderId("broker-2"), ref_id=order.envelope.ref_id)
    for _ in range(2):
        note_duplicate_ref_id(bench.store, order, twin)
    (fact,) = bench.journal.facts(EventKind.TRADING_HALTED)
    assert (fact.order_id, fact.ref_id, fact.symbol) == ("broker-2", order.envelope.ref_id, "AAPL")
    assert cause_of(fact) is Cause.DUPLICATE_REF_ID


def test_an_order_that_is_gone_is_recorded_once_beside_what_else_was_found_of_it(bench):
    bench.buy("c1")
    bench.manager._services.sync.synchronizer.apply(bench.tracked().client_order_id, odd_report(bench))
    assert bench.tracked().anomalies != frozenset()
    for _ in range(2):
        note_vanished(bench.store, bench.tracked())
    kinds = [anomaly.kind for anomaly in bench.tracked().anomalies]
    assert kinds.count(AnomalyKind.VANISHED) == 1
    assert len(kinds) == 2


def odd_report(bench: ManagerBench):
    """What the broker says of c1, with another quantity than was ordered."""
    return replace(bench.gateway.order().report(), quantity=Decimal(11))


def test_a_listing_shows_an_unjournaled_order_only_if_its_mark_is_not_on_record(bench):
    bench.buy("c1")
    ours = bench.gateway.order().report()
    somebody_elses = report(ref_id=RefId("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"))

    def is_shown(*rows: Row) -> bool:
        listing = Listing(
            reports=tuple(row for row in rows if not isinstance(row, UnreadRow)),
            unread=tuple(row for row in rows if isinstance(row, UnreadRow)),
            complete=True,
            has_all_pages=True,
        )
        with bench.store.open_book() as book:
            return shows_unjournaled(book, listing)

    assert is_shown(ours, MARKED)
    assert is_shown(ours, report(ref_id=MARKED.ref_id))
    assert not is_shown(ours, somebody_elses, report(ref_id=None))
