"""The bot's market hours are a calendar for the exchange."""

from datetime import UTC, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.support.paper_market import MONDAY, opening_state, order_fields, quote_line, recorded
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.sessions import SessionCalendar
from trading_bot.paper.state import WireState
from trading_bot.paper.tickets import read_ticket

NEW_YORK = ZoneInfo("America/New_York")
SATURDAY = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
DAY_AFTER_THANKSGIVING = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)


def _hours(calendar) -> SessionCalendar:
    return MarketHours(calendar=calendar, start_time=time(9, 30), end_time=time(16), timezone=NEW_YORK)


def _placed(calendar, placed_at, price="100.00"):
    exchange = PaperExchange(quotes=recorded(quote_line(-3600, "99", "100")), calendar=_hours(calendar))
    state = opening_state(now=placed_at)
    fields = order_fields(price=price)
    ticket = read_ticket(fields, account_number=state.account_number, knows=lambda _: True)
    order = exchange.place_order(state, ticket, reference=Decimal(100), now=placed_at)
    return exchange, state, order.id


@pytest.mark.parametrize(
    ("calendar", "placed_at", "traded_on", "settles_on"),
    [
        (Calendar.NYSE, MONDAY, "2026-11-23", "2026-11-24"),
        (Calendar.NYSE, SATURDAY, "2026-11-30", "2026-12-01"),
        (Calendar.ALWAYS_OPEN, SATURDAY, "2026-11-28", None),
    ],
)
def test_an_order_trades_when_the_calendar_is_open(calendar, placed_at, traded_on, settles_on):
    exchange, state, order_id = _placed(calendar, placed_at)
    order = exchange.order(state, order_id, placed_at.replace(month=12, day=2))
    assert order.state is WireState.FILLED
    assert order.executions[0].executed_at.date().isoformat() == traded_on
    assert settles_on in (None, order.executions[0].settles_on.isoformat())


@pytest.mark.parametrize(
    ("calendar", "placed_at", "close"),
    [
        (Calendar.NYSE, MONDAY, datetime(2026, 11, 23, 21, tzinfo=UTC)),
        (Calendar.NYSE, DAY_AFTER_THANKSGIVING, datetime(2026, 11, 27, 18, tzinfo=UTC)),
        (Calendar.ALWAYS_OPEN, SATURDAY, datetime(2026, 11, 28, 21, tzinfo=UTC)),
    ],
)
def test_a_day_order_ends_at_the_calendars_close(calendar, placed_at, close):
    exchange, state, order_id = _placed(calendar, placed_at, price="50.00")
    order = exchange.order(state, order_id, close.replace(day=30))
    assert (order.state, order.updated_at) == (WireState.CANCELLED, close)
