"""When the worth of the account is recorded, and when not."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from trading_bot.account_summary import AccountSummary, EquitySource
from trading_bot.clock import VirtualClock
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.results.valuing import AGAIN_AFTER_S, AccountValuer, Occasion, valuation_event

TEN_AM = datetime(2026, 11, 23, 15, tzinfo=UTC)
SUMMARY = AccountSummary(
    as_of=TEN_AM,
    cash=Decimal(90),
    buying_power=Decimal(80),
    equity=Decimal("100.10"),
    equity_from=EquitySource.BROKER,
    realised_today=None,
    realised=None,
    unrealised_today=None,
    unrealised=None,
    unknown_sales_today=0,
    unknown_sales=0,
    unmarked=(),
    unknown_cost=(),
    problems=(),
)


NYSE = MarketHours(
    calendar=Calendar.NYSE, start_time=time(9, 30), end_time=time(16), timezone=ZoneInfo("America/New_York")
)


class Bench:
    """An account whose worth grows by a dollar at each reading, unless a test holds it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(TEN_AM)
        self.worth: AccountSummary | None = SUMMARY
        self.grows = True
        self.reads = 0
        self.on_record: list[OrderEvent] = []
        self.is_well = True
        self.valuer = AccountValuer(
            read=self.read,
            log=self,
            sessions=NYSE,
            every_s=3600,
            clock=self.clock,
        )

    def read(self) -> AccountSummary:
        self.reads += 1
        if self.worth is None:
            raise OrderStatusError("the broker is away")
        if self.grows and self.worth.equity is not None:
            self.worth = replace(self.worth, equity=self.worth.equity + 1, as_of=self.clock.now())
        return self.worth

    def latest(self) -> OrderEvent | None:
        return self.on_record[-1] if self.on_record else None

    def record(self, event: OrderEvent) -> None:
        self.on_record.append(event)

    def look_after(self, seconds: float = 0) -> list[str]:
        self.clock.sleep(seconds)
        self.valuer.look()
        return [event.details["occasion"] for event in self.on_record]


@pytest.fixture
def bench():
    return Bench()


def test_it_is_recorded_at_the_start_each_hour_in_session_and_at_the_close(bench):
    assert bench.look_after() == ["start"]
    assert bench.look_after(3599) == ["start"]
    assert bench.look_after(1) == ["start", "hour"]
    bench.clock.sleep((datetime(2026, 11, 23, 20, 50, tzinfo=UTC) - bench.clock.now()).total_seconds())
    assert bench.look_after()[2:] == ["hour"]
    assert bench.look_after(601)[3:] == ["close"]
    assert bench.look_after(7200)[3:] == ["close"], "out of session nothing changes that is ours"


def test_a_start_out_of_session_is_recorded_and_the_next_is_that_of_the_next_close(bench):
    bench.clock.sleep(9 * 3600)
    assert bench.look_after() == ["start"]
    assert bench.look_after(3 * 3600) == ["start"]
    assert bench.look_after(12 * 3600) == ["start", "hour"], "in the next session"


def test_what_is_on_record_already_is_not_recorded_again(bench):
    bench.grows = False
    assert bench.look_after() == ["start"]
    assert bench.look_after(3600) == ["start"]
    bench.worth = replace(SUMMARY, cash=Decimal(91))
    assert bench.look_after(3600) == ["start", "hour"]


@pytest.mark.parametrize("worth", [None, replace(SUMMARY, equity=None, equity_from=None)])
def test_a_worth_that_is_not_known_is_not_recorded_and_read_again_a_minute_later(bench, worth):
    bench.worth = worth
    assert bench.look_after() == []
    bench.worth = SUMMARY
    assert bench.look_after(AGAIN_AFTER_S - 1) == []
    assert bench.reads == 1
    assert bench.look_after(1) == ["start"]


def test_nothing_is_read_for_a_journal_that_takes_no_record(bench):
    bench.is_well = False
    assert bench.look_after() == []
    assert bench.reads == 0


def test_a_record_says_when_it_was_read_and_from_where():
    event = valuation_event(SUMMARY, Occasion.CLOSE)
    assert event is not None
    assert event.occurred_at == TEN_AM
    assert event.details == {
        "occasion": "close",
        "equity": "100.10",
        "equity_from": "broker",
        "cash": "90",
        "buying_power": "80",
    }


def test_the_close_is_that_of_a_half_day_too(bench):
    bench.clock.sleep(timedelta(days=4).total_seconds())
    assert bench.look_after() == ["start"], "the Friday after Thanksgiving, which closes at 13:00"
    assert bench.look_after(3 * 3600 + 1) == ["start", "close"]
