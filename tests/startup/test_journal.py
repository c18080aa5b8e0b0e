"""The journal of an account opens with all that belongs to it, and a damaged one for cancels only."""

from decimal import Decimal

import pytest

from tests.support.journal_bench import IDENTITY, UnflushedFiles
from tests.support.order_story import MONDAY, TERMS, intended, now_in
from trading_bot.clock import VirtualClock
from trading_bot.error_handling.retry import no_jitter
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import PreparedOrder
from trading_bot.startup.journal import AccountJournal
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder

PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.00")),
    body=b"symbol=AAPL",
)


@pytest.fixture
def around():
    return Surroundings(
        clock=VirtualClock(MONDAY),
        files=UnflushedFiles(),
        new_id=lambda: "id",
        jitter=no_jitter,
        process_id=lambda: 1,
    )


@pytest.fixture
def build(tmp_path, around):
    def built() -> AccountJournal:
        return AccountJournal(
            around,
            path=tmp_path / "logs" / "orders.jsonl",
            state=StateFolder(root=tmp_path / "state", files=around.files),
            identity=IDENTITY,
            session_id="session-1",
            max_bytes=2000,
        )

    return built


def test_orders_are_known_after_many_rotations_and_a_start(build, around):
    journal = build()
    journal.open()
    for number in range(12):
        name = f"order-{number}"
        journal.store.record(intended(name))
        journal.store.record(now_in(OrderState.CANCELLED, name))
        around.clock.sleep(86_400)
    journal.close()
    again = build()
    again.open()
    with again.store.open_book() as book:
        assert len(book) < 4
        assert all(book.get(ClientOrderId(f"order-{number}")) for number in range(12))
    verdict = again.verify()
    assert verdict.ok
    assert verdict.records > 24
    again.close()


def damaged(journal, build, tmp_path) -> AccountJournal:
    journal.open()
    journal.store.record(intended())
    journal.store.record(intended("second"))
    journal.close()
    path = tmp_path / "logs" / "orders.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"rubbish\n", lines[2]]))
    found: AccountJournal = build()
    found.open()
    return found


def test_a_damaged_journal_takes_cancels_and_no_order(build, tmp_path):
    journal = damaged(build(), build, tmp_path)
    before = (tmp_path / "logs" / "orders.jsonl").read_bytes()
    assert journal.store.failure is not None
    journal.store.record_fact(now_in(OrderState.CANCELLED))
    with journal.store.open_book() as book:
        assert book.active() == ()
    with pytest.raises(OrderLogError, match="only cancels are possible"):
        journal.store.record_intent(intended("third"), PREPARED)
    assert (tmp_path / "logs" / "orders.jsonl").read_bytes() == before
    assert not journal.verify().ok
    journal.close()


def test_a_chain_that_tells_an_impossible_story_takes_no_order(build):
    journal = build()
    journal.open()
    journal.store._journal.append(now_in(OrderState.FILLED, "nobody"))
    journal.close()
    again = build()
    again.open()
    assert "cannot be true" in str(again.store.failure)
    again.close()


def moved_away_underneath(build, tmp_path) -> AccountJournal:
    journal: AccountJournal = build()
    journal.open()
    journal.store.record(intended())
    (tmp_path / "logs" / "orders.jsonl").rename(tmp_path / "logs" / "away")
    journal.store.record_fact(now_in(OrderState.CANCELLED))
    with pytest.raises(OrderLogError, match="moved or replaced"):
        journal.store.record_intent(intended("third"), PREPARED)
    journal.close()
    again: AccountJournal = build()
    return again


def test_a_journal_that_was_moved_away_and_put_back_knows_what_happened_meanwhile(build, tmp_path):
    journal = moved_away_underneath(build, tmp_path)
    (tmp_path / "logs" / "away").rename(tmp_path / "logs" / "orders.jsonl")
    journal.open()
    assert journal.store.failure is None
    with journal.store.open_book() as book:
        assert [order.state for order in book.orders()] == [OrderState.CANCELLED]
    details = {**TERMS, "body_sha256": PREPARED.digest}
    assert journal.store.record_intent(intended("third", details=details), PREPARED).client_order_id == "third"
    assert journal.verify().ok
    journal.close()


def test_a_journal_that_was_not_put_back_is_not_begun_anew(build, tmp_path):
    journal = moved_away_underneath(build, tmp_path)
    with pytest.raises(OrderLogError, match="is gone; put it back"):
        journal.open()
    assert not (tmp_path / "logs" / "orders.jsonl").exists()


def test_a_journal_whose_end_was_cut_off_does_not_verify(build, tmp_path):
    """The bot quarantines it at the start, and what it answers to the question must not be better."""
    journal = build()
    journal.open()
    journal.store.record(intended())
    journal.close()
    path = tmp_path / "logs" / "orders.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    verdict = build().verify()
    assert not verdict.ok
    assert "its end was cut off" in str(verdict.problem)
