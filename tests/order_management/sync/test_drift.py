"""Differences between the broker's positions and ours: seen once, proven, healed; and what is no difference at all."""

from decimal import Decimal

import pytest

from tests.support.fake_gateway import REPLY_LOST
from tests.support.manager_bench import ManagerBench
from tests.support.order_story import MONDAY, Story, intended
from trading_bot.clock import Moment
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S, Look
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import (
    OrderOutcomeUnknownError,
    OrderStatusError,
    OrderValidationError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.portfolio import UnreadPosition
from trading_bot.order_management.sync.drift import explained_by_doubt
from trading_bot.order_management.sync.free_shares import Shares, free_shares
from trading_bot.order_management.sync.position_look import LOOK_WITHIN_S
from trading_bot.order_management.sync.positions import Holdings

ALICE = {"by": "alice", "reason": "a split"}
DELISTED = UnreadPosition(name="I-9", problem="HTTP 404", instrument_id="I-9")


def freeze(bench: ManagerBench, symbol: str = "AAPL"):
    with bench.store.open_book() as book:
        return book.freeze_fact(symbol)


def expected(bench: ManagerBench, symbol: str = "AAPL") -> Decimal:
    with bench.store.open_book() as book:
        return book.expected_positions().get(symbol, Decimal(0))


def holdings(bench: ManagerBench) -> Holdings:
    found = bench.manager._services.sync.holdings
    assert found is not None
    return found


def single_command(bench: ManagerBench, *, after: float) -> None:
    """What a command at a terminal does: a process of its own, which knows nothing but the journal."""
    bench.clock.sleep(after)
    bench.restart()
    bench.manager.recover()


def drifted() -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 10})
    bench.positions.move("AAPL", "90")
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert cause_of(freeze(bench)) is Cause.DRIFT
    return bench


class TestSingleCommands:
    def test_the_first_sight_is_on_record_so_that_a_later_command_proves_it(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        single_command(bench, after=60)
        (seen,) = bench.journal.facts(EventKind.POSITION_DIFFERED)
        assert (seen.symbol, dict(seen.details)) == ("AAPL", {"broker": "100", "expected": "10"})
        single_command(bench, after=6)
        assert freeze(bench) is None
        single_command(bench, after=6)
        assert cause_of(freeze(bench)) is Cause.DRIFT
        assert len(bench.journal.facts(EventKind.POSITION_DIFFERED)) == 1
        with pytest.raises(TradingHaltedError, match=r"holds 100 shares and our fills explain 10"):
            bench.buy("b1")

    def test_the_first_sight_survives_a_restart(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        bench.sync(after=LOOK_EVERY_S)
        bench.restart()
        with bench.store.open_book() as book:
            assert book.positions.differing() == ("AAPL",)

    def test_another_difference_begins_anew(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        single_command(bench, after=60)
        bench.positions.move("AAPL", "1")
        single_command(bench, after=60)
        assert freeze(bench) is None
        single_command(bench, after=10)
        assert freeze(bench).details["broker"] == "101"

    def test_a_sync_tells_the_difference(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        (told,) = bench.sync(after=LOOK_EVERY_S).differences
        assert (told.symbol, told.broker, told.expected) == ("AAPL", Decimal(100), Decimal(10))

    def test_a_sync_tells_what_is_gone_and_what_our_fills_never_bought(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "-10")
        bench.positions.move("KO", "3")
        told = bench.sync(after=LOOK_EVERY_S).differences
        assert [(each.symbol, each.broker, each.expected) for each in told] == [
            ("AAPL", Decimal(0), Decimal(10)),
            ("KO", Decimal(3), Decimal(0)),
        ]

    def test_the_refusal_of_a_sell_names_both_numbers_and_the_way_out(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        bench.sync(after=LOOK_EVERY_S)
        with pytest.raises(TradeRefusedError, match=r"shows 100, our fills explain 10.*accept-position AAPL"):
            bench.sell("s1", quantity=100)

    def test_looking_at_the_positions_records_nothing(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "90")
        before = len(bench.journal.records)
        (shown,) = bench.manager.view.positions().positions
        assert (shown.differs, shown.expected, shown.free.quantity) == (True, Decimal(10), Decimal(10))
        assert len(bench.journal.records) == before

    def test_a_look_has_one_deadline_for_the_list_and_for_what_is_missing_in_it(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.missing.add("AAPL")
        bench.positions.deadlines.clear()
        bench.manager.view.positions()
        assert set(bench.positions.deadlines) == {bench.clock.monotonic() + LOOK_WITHIN_S}


class TestTheEnd:
    def test_a_drift_heals_when_both_agree_again(self):
        bench = drifted()
        bench.positions.move("AAPL", "-90")
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench) is None
        assert bench.journal.kinds[-2:] == [EventKind.POSITION_AGREED, EventKind.SYMBOL_RELEASED]
        assert bench.buy("b1").order_id is not None

    def test_a_difference_that_never_froze_ends_on_record_too(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "1")
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("AAPL", "-1")
        bench.sync(after=10)
        assert bench.journal.kinds[-1] is EventKind.POSITION_AGREED
        with bench.store.open_book() as book:
            assert book.positions.differing() == ()

    def test_a_drift_that_lasts_is_frozen_on_record_once(self):
        bench = drifted()
        for _ in range(3):
            bench.sync(after=LOOK_EVERY_S)
        single_command(bench, after=60)
        assert len(bench.journal.facts(EventKind.SYMBOL_FROZEN)) == 1

    def test_only_the_symbol_that_agrees_again_is_released(self):
        bench = ManagerBench(shares={"AAPL": 10, "MSFT": 5})
        for symbol in ("AAPL", "MSFT"):
            bench.positions.move(symbol, "3")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=10)
        bench.positions.move("MSFT", "-3")
        bench.sync(after=LOOK_EVERY_S)
        assert (cause_of(freeze(bench)), freeze(bench, "MSFT")) == (Cause.DRIFT, None)

    @pytest.mark.parametrize(
        "row",
        [
            UnreadPosition(name="F", problem="quantity: null", symbol="F"),
            UnreadPosition(name="I-F", problem="quantity: null", instrument_id="I-F"),
        ],
        ids=["by its symbol", "by its instrument"],
    )
    def test_a_row_that_cannot_be_read_is_no_end_of_a_drift_for_a_new_process_either(self, row):
        """Our fills explain no shares of it, so a look without its row seems to agree with them."""
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.instrument_ids = {"F": "I-F"} if row.symbol is None else {}
        bench.positions.move("F", "90")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=10)
        bench.positions.missing, bench.positions.unread = {"F"}, [row]
        single_command(bench, after=60)
        assert cause_of(freeze(bench, "F")) is Cause.DRIFT
        assert EventKind.POSITION_AGREED not in bench.journal.kinds

    def test_a_short_that_never_differed_heals_once_a_fill_has_covered_it(self):
        bench = ManagerBench()
        bench.buy("c1", symbol="TSLA")
        bench.positions.move("TSLA", "-2")
        bench.watch_positions()
        bench.restart()
        bench.manager.recover()
        assert cause_of(freeze(bench, "TSLA")) is Cause.NEGATIVE_POSITION
        bench.gateway.order().fill(2)
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench, "TSLA") is None

    def test_a_drift_of_other_numbers_is_frozen_under_the_new_ones(self):
        bench = drifted()
        bench.positions.move("AAPL", "5")
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench).details["broker"] == "100"
        bench.sync(after=10)
        assert freeze(bench).details["broker"] == "105"

    def test_an_accepted_position_is_sold_at_once(self):
        bench = drifted()
        assert bench.manager.decisions.accept_position("AAPL", **ALICE) == 100
        assert bench.sell("s1", quantity=100).order_id is not None

    def test_an_accepted_position_is_sold_though_the_positions_cannot_be_read_any_more(self):
        bench = drifted()
        bench.manager.decisions.accept_position("AAPL", **ALICE)
        bench.positions.is_failing = True
        assert holdings(bench).free_to_sell("AAPL").held == 100
        assert bench.sell("s1", quantity=100).order_id is not None

    def test_fewer_shares_that_are_accepted_are_sold_at_once_and_no_more(self):
        bench = ManagerBench(shares={"AAPL": 10})
        bench.positions.move("AAPL", "-4")
        bench.manager.decisions.accept_position("AAPL", **ALICE)
        with pytest.raises(TradeRefusedError):
            bench.sell("s1", quantity=7)
        assert bench.sell("s2", quantity=6).order_id is not None

    def test_a_freeze_of_another_kind_does_not_heal(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.submits.append(type(REPLY_LOST)(mismatch="another price"))
        bench.buy("c1")
        bench.positions.move("AAPL", "5")
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("AAPL", "-5")
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench).reason == "another price"


class TestWhatIsNoDrift:
    @pytest.mark.parametrize(("moved", "is_drift"), [("4", False), ("10", False), ("11", True), ("-1", True)])
    def test_a_fill_of_an_order_in_doubt_explains_a_moved_position(self, moved, is_drift):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1", quantity=10)
        bench.gateway.hidden = {bench.gateway.order().order_id}
        bench.positions.move("AAPL", moved)
        for _ in range(3):
            bench.sync(after=LOOK_EVERY_S)
        assert bench.state() == "unknown"
        assert (freeze(bench) is not None) is is_drift

    @pytest.mark.parametrize(("held", "is_explained"), [(20, True), (21, False), (0, False), (-1, False)])
    def test_the_orders_in_doubt_of_a_symbol_explain_a_move_together(self, held, is_explained):
        story = Story(intended("one"), intended("two"), intended("other", symbol="MSFT"))
        look = Look(held={"AAPL": Decimal(held)}, expected={}, moved=frozenset(), began=Moment(at=MONDAY, mono=0.0))
        in_doubt = [story.order(name) for name in ("one", "two", "other")]
        assert explained_by_doubt(look, in_doubt) == ({"AAPL"} if is_explained else frozenset())

    def test_a_sell_in_doubt_explains_what_is_gone(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.sell("c1", quantity=10)
        bench.gateway.hidden = {bench.gateway.order().order_id}
        bench.positions.move("AAPL", "-10")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert freeze(bench) is None
        assert holdings(bench).free_to_sell("AAPL").quantity == 30, "what may be sold already counts twice, never not"

    def test_a_row_that_is_missing_is_asked_for_alone(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.instrument_ids = {"AAPL": "I-1"}
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.missing = {"AAPL"}
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=LOOK_EVERY_S)
        assert bench.positions.asked_alone == ["I-1", "I-1"]
        assert freeze(bench) is None
        assert bench.sell("s1", quantity=50).order_id is not None

    def test_a_row_that_is_missing_and_answers_nothing_alone_is_drift(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.instrument_ids = {"AAPL": "I-1"}
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("AAPL", "-50")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=10)
        assert cause_of(freeze(bench)) is Cause.DRIFT

    def test_a_row_that_cannot_be_read_alone_either_is_unread(self, monkeypatch):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.instrument_ids = {"AAPL": "I-1"}
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.missing = {"AAPL"}

        def fails(instrument_id: str) -> None:
            raise OrderStatusError(f"{instrument_id}: HTTP 502; read it again")

        monkeypatch.setattr(bench.positions, "fetch_position", fails)
        bench.sync(after=LOOK_EVERY_S)
        assert "HTTP 502" in str(holdings(bench).entries_stopped("AAPL"))
        assert freeze(bench) is None


class TestARowThatCannotBeRead:
    def test_it_holds_up_its_own_instrument_and_no_other(self):
        bench = ManagerBench(shares={"AAPL": 50}, recovered=False)
        bench.positions.unread = [DELISTED, UnreadPosition(name="NVDA", problem="quantity: null", symbol="NVDA")]
        summary = bench.manager.recover()
        assert (summary.complete, summary.is_view) == (True, True)
        with pytest.raises(TradingHaltedError, match="position in NVDA cannot be read"):
            bench.buy("n1", symbol="NVDA")
        with pytest.raises(TradeRefusedError, match="NVDA is not known"):
            bench.manager.place_limit_sell("NVDA", 1, Decimal(100))
        assert bench.buy("b1").order_id is not None
        assert bench.sell("s1", quantity=50).order_id is not None
        assert holdings(bench).entries_stopped("WHATEVER", "I-9") is not None
        assert [row.name for row in bench.manager.view.positions().unread] == ["I-9", "NVDA"]

    def test_it_is_neither_drift_nor_the_end_of_one(self):
        bench = drifted()
        bench.positions.missing = {"AAPL"}
        bench.positions.unread = [UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL")]
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench).details["broker"] == "100"
        with pytest.raises(OrderValidationError, match="cannot be read"):
            bench.manager.decisions.accept_position("AAPL", **ALICE)

    def test_two_instruments_of_one_symbol_hold_up_that_symbol(self):
        bench = ManagerBench(shares={"AAPL": 50, "OLD": 3, "NEW": 4}, recovered=False)
        bench.positions.instrument_ids = {"OLD": "I-1", "NEW": "I-2"}
        bench.positions.names = {"OLD": "GM", "NEW": "GM"}
        bench.manager.recover()
        with pytest.raises(TradingHaltedError, match="two instruments"):
            bench.buy("n1", symbol="GM")
        assert bench.sell("s1", quantity=50).order_id is not None

    def test_the_instrument_on_record_keeps_the_symbol_that_another_one_has_too(self):
        bench = ManagerBench(shares={"GM": 5})
        bench.positions.instrument_ids = {"GM": "I-1", "OLD": "I-2"}
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.names = {"OLD": "GM"}
        bench.positions.move("OLD", "7")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench, "GM") is None
        assert bench.manager.place_limit_sell("GM", 5, Decimal(100)).order_id is not None
        assert holdings(bench).entries_stopped("X", "I-2") is not None


class TestOddNames:
    @pytest.mark.parametrize("name", ["ABCDZZZ", "I-7"])
    def test_a_position_is_accepted_under_any_name_that_the_broker_has_for_it(self, name):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("ABCDZZZ", "3")
        bench.positions.instrument_ids = {"ABCDZZZ": "I-7"}
        assert bench.manager.decisions.accept_position(name, **ALICE) == 3
        assert expected(bench, "ABCDZZZ") == 3

    def test_a_name_that_nobody_knows_is_refused(self):
        bench = ManagerBench(shares={"AAPL": 50})
        with pytest.raises(OrderValidationError):
            bench.manager.decisions.accept_position("NOSUCHNAME", **ALICE)


class TestARename:
    def renamed(self) -> ManagerBench:
        bench = ManagerBench(shares={"FBX": 10}, recovered=False, max_pending_per_side=5)
        bench.gateway.instrument_ids = bench.positions.instrument_ids = {"FBX": "I-1"}
        bench.manager.recover()
        bench.manager.place_limit_sell("FBX", 5, Decimal(200), client_order_id="g1", time_in_force="gtc")
        bench.gateway.order().symbol = "METX"
        bench.positions.names = {"FBX": "METX"}
        bench.gateway.instrument_ids = {"METX": "I-1"}
        return bench

    @pytest.mark.parametrize("restarts", [True, False])
    def test_position_order_and_reservation_go_on_under_the_new_name(self, restarts):
        bench = self.renamed()
        if restarts:
            bench.restart()
            bench.manager.recover()
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        envelope = bench.tracked("g1").envelope
        assert (envelope.symbol, envelope.symbol_was, bench.tracked("g1").anomalies) == ("METX", "FBX", frozenset())
        assert (expected(bench, "METX"), expected(bench, "FBX")) == (Decimal(10), Decimal(0))
        assert (freeze(bench, "METX"), freeze(bench, "FBX")) == (None, None)
        assert EventKind.POSITION_DIFFERED not in bench.journal.kinds
        free = holdings(bench).free_to_sell("METX")
        assert (free.quantity, free.promised) == (Decimal(5), Decimal(5))
        assert bench.manager.place_limit_sell("METX", 1, Decimal(200)).order_id is not None
        (shown,) = bench.manager.view.positions().positions
        assert (shown.symbol, shown.symbol_was, shown.differs) == ("METX", "FBX", False)
        bench.manager.cancel_order("g1")
        assert bench.state("g1") == "cancelled"

    def test_the_name_is_on_record_once_and_a_replay_tells_the_same(self):
        bench = self.renamed()
        for _ in range(3):
            bench.sync(after=LOOK_EVERY_S)
        names = [fact for fact in bench.journal.facts(EventKind.INSTRUMENT_NAMED) if "was" in fact.details]
        assert [(fact.symbol, fact.details["was"]) for fact in names] == [("METX", "FBX")]
        with bench.store.open_book() as book:
            assert OrderBook.replayed(bench.journal.records) == book

    def test_a_freeze_goes_on_under_the_new_name(self):
        bench = ManagerBench(shares={"FBX": 10})
        bench.gateway.instrument_ids = bench.positions.instrument_ids = {"FBX": "I-1"}
        bench.positions.move("FBX", "3")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        bench.positions.names = {"FBX": "METX"}
        bench.sync(after=LOOK_EVERY_S)
        assert cause_of(freeze(bench, "METX")) is Cause.DRIFT
        assert freeze(bench, "FBX") is None

    def test_a_freeze_of_another_kind_goes_on_under_the_new_name_too(self):
        bench = self.renamed()
        with bench.store.open_book():
            bench.store.record_fact(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="FBX", reason="403"))
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench, "METX").reason == "403"
        assert freeze(bench, "FBX") is None

    def test_an_order_does_not_take_over_the_name_of_another_instrument(self):
        bench = ManagerBench(shares={"FBX": 10, "METX": 7})
        bench.gateway.instrument_ids = {"FBX": "I-1"}
        bench.positions.instrument_ids = {"FBX": "I-1", "METX": "I-2"}
        bench.sync(after=LOOK_EVERY_S)
        bench.manager.place_limit_sell("FBX", 5, Decimal(200), client_order_id="g1")
        bench.gateway.order().symbol = "METX"
        bench.sync()
        assert (bench.tracked("g1").envelope.symbol, bench.tracked("g1").anomalies) == ("FBX", frozenset())
        assert expected(bench, "METX") == 7

    def test_a_name_that_another_instrument_on_record_has_is_not_taken_over(self):
        bench = ManagerBench(shares={"FBX": 10, "METX": 7})
        bench.positions.instrument_ids = {"FBX": "I-1", "METX": "I-2"}
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("METX", "-7")
        bench.positions.names = {"FBX": "METX"}
        bench.sync(after=LOOK_EVERY_S)
        assert (expected(bench, "METX"), expected(bench, "FBX")) == (Decimal(7), Decimal(10))
        assert holdings(bench).entries_stopped("FBX") is not None


def numbers(**changes: object) -> Shares:
    plain: dict[str, object] = {
        "symbol": "F",
        "expected": Decimal(10),
        "held": Decimal(10),
        "held_back": Decimal(0),
        "promised": Decimal(0),
    }
    return Shares(**{**plain, **changes})  # type: ignore[arg-type]  # a test writes what the field takes


@pytest.mark.parametrize(
    ("changes", "free"),
    [
        ({}, 10),
        ({"held": Decimal(7)}, 7),
        ({"expected": Decimal(6)}, 6),
        ({"held_back": Decimal(3), "promised": Decimal(2)}, 7),
        ({"held_back": Decimal(2), "promised": Decimal(3)}, 7),
        ({"promised": Decimal(12)}, 0),
        ({"held": Decimal(-5)}, 0),
        ({"held": None}, 0),
        ({"unknown_sell": "F order app-1"}, 0),
        ({"held": Decimal("10.5"), "expected": Decimal("10.5")}, Decimal("10.5")),
    ],
    ids=str,
)
def test_free_is_the_least_of_both_numbers_without_the_larger_of_both_holds(changes, free):
    assert free_shares(numbers(**changes)).quantity == free


class TestTheBrokersHolds:
    def test_shares_that_the_broker_holds_back_are_not_free(self):
        bench = ManagerBench(shares={"AAPL": 50}, recovered=False)
        bench.positions.held_back = {"AAPL": "20"}
        bench.manager.recover()
        with pytest.raises(TradeRefusedError, match="20 are held back there"):
            bench.sell("s1", quantity=31)
        assert bench.sell("s2", quantity=30).order_id is not None

    def test_a_sell_that_ended_frees_its_hold_with_a_new_look(self):
        bench = ManagerBench(shares={"AAPL": 50}, max_pending_per_side=5)
        bench.sell("s1", quantity=30)
        bench.positions.held_back = {"AAPL": "30"}
        bench.sync(after=LOOK_EVERY_S)
        bench.manager.cancel_order("s1")
        bench.positions.held_back = {}
        assert bench.sell("s2", quantity=50).order_id is not None

    def test_a_hold_counts_for_as_long_as_the_sell_that_it_is_for(self):
        bench = ManagerBench(shares={"AAPL": 50}, max_pending_per_side=5)
        bench.sell("s1", quantity=30)
        bench.positions.held_back = {"AAPL": "30"}
        bench.sync(after=LOOK_EVERY_S)
        assert holdings(bench).free_to_sell("AAPL").held_back == 30
        bench.manager.cancel_order("s1")
        assert holdings(bench).free_to_sell("AAPL").held_back == 0

    def test_a_sell_that_ended_calls_for_a_look_whether_its_shares_are_held_back_still(self):
        bench = ManagerBench(shares={"AAPL": 50}, max_pending_per_side=5)
        bench.sell("s1", quantity=30)
        bench.positions.held_back = {"AAPL": "30"}
        bench.sync(after=LOOK_EVERY_S)
        bench.manager.cancel_order("s1")
        reads = bench.positions.reads
        bench.sync()
        assert bench.positions.reads == reads + 1

    def test_a_look_that_lags_our_own_sell_shows_no_sold_shares_as_held(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.sell("s1", quantity=30)
        bench.gateway.order().fill()
        bench.positions.move("AAPL", "30")
        bench.sync()
        with pytest.raises(TradeRefusedError):
            bench.sell("s2", quantity=21)

    def test_a_sell_that_fills_while_the_positions_are_read_counts_from_the_beginning_of_the_look(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.sell("s1", quantity=30)

        def fills_meanwhile() -> None:
            bench.gateway.order().fill()
            bench.manager.get_order_status("s1")

        bench.positions.during_read = fills_meanwhile
        bench.sync(after=LOOK_EVERY_S)
        assert holdings(bench).free_to_sell("AAPL").held == 20
        assert holdings(bench).free_to_sell("AAPL").quantity == 20


def test_a_name_that_cannot_be_had_just_now_is_no_rename():
    """The adapter names an instrument by its id where it knows no symbol for it."""
    bench = ManagerBench(shares={"FBX": 10})
    bench.positions.instrument_ids = {"FBX": "I-1"}
    bench.sync(after=LOOK_EVERY_S)
    bench.positions.names = {"FBX": "I-1"}
    bench.sync(after=LOOK_EVERY_S)
    assert (expected(bench, "FBX"), freeze(bench, "FBX")) == (Decimal(10), None)
    assert bench.manager.place_limit_sell("FBX", 10, Decimal(100)).order_id is not None


def test_a_position_without_any_name_is_listed_under_its_instrument_and_renamed_by_nobody():
    bench = ManagerBench(shares={"AAPL": 5}, recovered=False)
    bench.positions.move("I-9", "3")
    bench.positions.instrument_ids = {"I-9": "I-9"}
    bench.manager.recover()
    bench.sync(after=LOOK_EVERY_S)
    assert EventKind.INSTRUMENT_NAMED not in bench.journal.kinds
    assert bench.manager.decisions.accept_position("I-9", **ALICE) == 3
