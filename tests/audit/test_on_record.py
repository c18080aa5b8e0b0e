"""One order's life, and what comes after a record, read from the database."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.order_story import booked, fill, intended, now_in, order_id_of, ref_of, told
from tests.support.stored_journal import StoredJournal
from trading_bot.audit.on_record import DatabaseTail, life_on_record
from trading_bot.audit.story import OrderLife
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError, OrderNotFoundError
from trading_bot.order_management.models import OrderState, Side
from trading_bot.risk.order_result import result_of

SOLD = (
    intended("sell", side=Side.SELL, quantity=Decimal(4)),
    told(EventKind.ORDER_ACCEPTED, "sell", order_id=order_id_of("sell"), status=OrderState.CONFIRMED),
    booked(fill(2, 4, "101.90"), "sell"),
)
BOUGHT = (
    intended("buy"),
    told(EventKind.ORDER_ACCEPTED, "buy", order_id=order_id_of("buy"), status=OrderState.CONFIRMED),
    booked(fill(1, 10, "99.90"), "buy"),
)
SOLD_OUT = now_in(OrderState.FILLED, "sell", filled_quantity=Decimal(4), average_price=Decimal("101.90"))
BOUGHT_OUT = now_in(OrderState.FILLED, "buy", filled_quantity=Decimal(10), average_price=Decimal("99.90"))


@pytest.fixture
def bench(tmp_path: Path) -> StoredJournal:
    return StoredJournal(tmp_path)


def life(bench: StoredJournal, name: str) -> OrderLife:
    return life_on_record(bench.reader, name, symbols=bench.rows)


def result(bench: StoredJournal, name: str) -> Decimal | None:
    found = life(bench, name)
    result = result_of(found.order, found.book.orders(), found.book.acceptances())
    return result.realised if result is not None else None


class NotAsked:
    """Fails if whole symbols are read."""

    def of_symbols(self, symbols: frozenset[str]) -> tuple[JournalRecord, ...]:
        raise AssertionError(f"{symbols} were read")


@pytest.mark.parametrize("name", ["buy", order_id_of("buy"), ref_of("buy")])
def test_an_order_is_found_by_any_of_its_ids_and_told_alone(bench, name):
    bench.tell(intended("other"), *BOUGHT, intended("another"))
    found = life(bench, name)
    assert (found.order.client_order_id, found.order.state) == ("buy", OrderState.CONFIRMED)
    assert [each.seq for each in found.sentences] == [3, 4, 5]


def test_an_order_that_no_record_names_is_not_found_and_the_remedy_is_told(bench):
    with pytest.raises(OrderNotFoundError, match="trading-bot orders --all"):
        life(bench, "nobody\x1b")


def test_what_a_sell_earned_is_told_while_its_records_stand(bench):
    bench.tell(*BOUGHT, *SOLD)
    found = life_on_record(bench.reader, "sell", symbols=NotAsked())
    assert result(bench, "sell") == Decimal("8.00")
    assert found.order.executed_quantity == 4


def test_what_a_sell_earned_is_told_after_its_records_stand_no_more(bench):
    bench.tell(*BOUGHT, BOUGHT_OUT, *SOLD, SOLD_OUT)
    assert bench.reader.read_standing() == ()
    assert result(bench, "sell") == Decimal("8.00")


def test_no_symbol_is_read_for_an_ended_order_that_sold_nothing(bench):
    bench.tell(*BOUGHT, BOUGHT_OUT, intended("s", side=Side.SELL), now_in(OrderState.CANCELLED, "s"))
    assert life_on_record(bench.reader, "buy", symbols=NotAsked()).order.state is OrderState.FILLED
    assert life_on_record(bench.reader, "s", symbols=NotAsked()).order.state is OrderState.CANCELLED


def test_the_buys_of_a_sell_are_found_under_the_name_that_the_symbol_had(bench):
    identified = {"instrument_id": "I1"}
    buy, *rest = BOUGHT
    terms = dict(buy.details) | identified
    bench.tell(intended("buy", details=terms), *rest, BOUGHT_OUT)
    bench.tell(
        OrderEvent(event=EventKind.INSTRUMENT_NAMED, symbol="METX", details=identified | {"was": "AAPL"}),
        intended("sell", side=Side.SELL, quantity=Decimal(4), symbol="METX", details=terms),
        *SOLD[1:],
        SOLD_OUT,
    )
    assert life(bench, "buy").order.envelope.symbol == "METX"
    assert result(bench, "sell") == Decimal("8.00")


@pytest.mark.parametrize("body", ["replace(body, '99.90', '1.00')", "x'ff'", "''"])
def test_a_damaged_record_of_the_symbol_is_told_with_its_remedy(bench, body):
    bench.tell(*BOUGHT, BOUGHT_OUT, *SOLD, SOLD_OUT).close()
    bench.sql(f"UPDATE record SET body = {body} WHERE seq = 4")
    with pytest.raises(OrderLogDamagedError, match=r"record 4 .* audit verify"):
        life(bench, "sell")


class TestTail:
    def names(self, records: tuple[JournalRecord, ...]) -> list[str | None]:
        return [record.fact.client_order_id for record in records]

    def test_it_begins_with_the_newest_and_tells_each_record_once(self, bench):
        bench.tell(*map(intended, "abc"))
        tail = DatabaseTail(bench.reader, last=2)
        assert self.names(tail.read()) == ["b", "c"]
        assert tail.read() == ()
        bench.tell(intended("d"), intended("e"))
        assert self.names(tail.read()) == ["d", "e"]

    @pytest.mark.parametrize(("last", "told"), [(0, []), (3, [None, "a", "b"]), (99, [None, "a", "b"])])
    def test_as_many_as_are_asked_for_or_all_there_are(self, bench, last, told):
        bench.tell(intended("a"), intended("b"))
        assert self.names(DatabaseTail(bench.reader, last=last).read()) == told

    def test_a_rotation_of_the_log_is_nothing_to_it(self, tmp_path):
        bench = StoredJournal(tmp_path, max_bytes=1000)
        tail = DatabaseTail(bench.reader, last=0)
        tail.read()
        for number in range(9):
            bench.tell(intended(f"o-{number}"))
            assert self.names(tail.read()) == [f"o-{number}"]

    def test_a_database_that_became_shorter_is_told(self, bench):
        bench.tell(intended("a"), intended("b")).close()
        tail = DatabaseTail(bench.reader, last=9)
        tail.read()
        bench.sql("DELETE FROM record WHERE seq = 3")
        with pytest.raises(OrderLogError, match="ends at record 2, and record 3 was there before"):
            tail.read()

    def test_a_record_that_does_not_follow_is_damage(self, bench):
        bench.tell(intended("a"), intended("b")).close()
        bench.sql("DELETE FROM record WHERE seq = 2")
        with pytest.raises(OrderLogDamagedError, match=r"record 3 .* does not follow record 1"):
            DatabaseTail(bench.reader, last=9).read()
