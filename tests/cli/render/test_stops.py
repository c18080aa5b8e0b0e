"""What a person reads of a stop: its price, and that it waits for it."""

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.fake_bot import OPEN, envelope
from trading_bot.bot_events import OrderSubmitted
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.event_text import event_line
from trading_bot.cli.render.views import fate_text, fate_word
from trading_bot.event_json import event_json
from trading_bot.order_json import envelope_json, external_order_json
from trading_bot.order_management.models import OrderId, OrderReport, OrderState, Side
from trading_bot.order_management.sync.external_orders import external_order

ZONE = ZoneInfo("America/New_York")
STOP = envelope(
    "s-1",
    side=Side.SELL,
    limit_price=Decimal("238.00"),
    stop_price=Decimal("240.00"),
    filled_quantity=Decimal(0),
)
REACHED = replace(STOP, stop_triggered_at=OPEN)


def test_the_list_says_what_it_waits_for_and_its_state_once_that_is_reached():
    resting, reached = words.order_rows([envelope_json(STOP), envelope_json(REACHED)], ZONE)
    assert (resting[3], resting[5]) == ("waiting for 240.00", "238.00")
    assert reached[3] == "confirmed, stop reached"


def test_a_stop_in_doubt_is_in_doubt_and_waits_for_nothing_that_is_known():
    (row,) = words.order_rows([envelope_json(replace(STOP, state=OrderState.UNKNOWN))], ZONE)
    assert row[3] == "unknown"
    assert fate_word(replace(STOP, state=OrderState.UNKNOWN)) == "unknown"


def test_a_stop_that_has_ended_is_what_it_ended_as():
    (row,) = words.order_rows([envelope_json(replace(REACHED, state=OrderState.FILLED))], ZONE)
    assert row[3] == "filled"


def test_its_status_names_stop_and_limit():
    first, *_ = words.status_lines({**envelope_json(STOP), "executions": []}, ZONE)
    assert first == "sell 10 TSLA stop 240.00 limit 238.00: waiting for 240.00"


def test_a_stop_placed_elsewhere_waits_too():
    report = OrderReport(
        order_id=OrderId("app-1"),
        ref_id=None,
        symbol="TSLA",
        side=Side.SELL,
        quantity=Decimal(5),
        limit_price=Decimal(238),
        state=OrderState.CONFIRMED,
        broker_state="confirmed",
        waits_for_stop=True,
        stop_price=Decimal(240),
    )
    (row,) = words.external_rows([external_order_json(external_order(report))])
    assert row[3] == "waiting for 240.00"
    (reached,) = words.external_rows([external_order_json(external_order(replace(report, stop_triggered_at=OPEN)))])
    assert reached[3] == "confirmed"


def test_a_run_says_what_it_waits_for():
    assert fate_word(STOP) == "waiting for 240.00"
    assert fate_text(STOP) == "sell 10 TSLA stop 240.00 limit 238.00: 0 of 10 filled"


def test_its_event_names_the_stop():
    event = OrderSubmitted(
        at=OPEN,
        client_order_id=STOP.client_order_id,
        order_id=STOP.order_id,
        symbol="TSLA",
        correlation_id=None,
        side=Side.SELL,
        quantity=10,
        limit_price=Decimal(238),
        strategy_name="momentum",
        stop_price=Decimal(240),
    )
    told = event_json(event)
    assert told["stop_price"] == "240"
    assert "sell 10 TSLA stop 240.00 limit 238.00 [momentum]" in event_line(told, ZONE)


def test_a_submitted_stop_names_its_prices():
    lines = words.trade_lines({"status": "submitted", "message": "sent", "order": envelope_json(STOP)})
    assert lines[2].startswith("stop 240.00, limit 238.00, reference ")


def test_a_cancel_of_everything_names_the_stops_that_stay():
    (line,) = words.kept_lines({"kept": [envelope_json(STOP)]})
    assert line == (
        "left in place: sell 10 TSLA stop 240.00 limit 238.00, waiting for 240.00 (s-1); it protects the position: "
        "'trading-bot cancel-all --all' takes it too"
    )
