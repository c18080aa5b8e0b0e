"""Details are written and read in one place; what is written is what 0.1 wrote."""

from dataclasses import replace
from decimal import Decimal

import pytest

from trading_bot.order_management.event_details import (
    AttemptDetails,
    CancelAnswerDetails,
    DecisionDetails,
    DifferenceDetails,
    DoubtDetails,
    FeesDetails,
    IntentDetails,
    ReportDetails,
)
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import ClientOrderId, TimeInForce
from trading_bot.order_management.outcomes import NotSent, Rejected, Unknown

INTENT = IntentDetails(
    reference_price=Decimal("250.30"),
    time_in_force=TimeInForce.GTC,
    extended_hours=True,
    body_sha256="ab12",
    replaces=ClientOrderId("old"),
    instrument_id="i-1",
    arming="a-1",
)


def recorded(details: dict[str, str], kind: EventKind = EventKind.ORDER_INTENDED) -> OrderEvent:
    return OrderEvent(event=kind, details=details)


@pytest.mark.parametrize(
    "details",
    [INTENT, replace(INTENT, replaces=None, instrument_id=None, arming=None, extended_hours=False)],
    ids=["full", "bare"],
)
def test_an_intent_is_read_as_it_was_written(details: IntentDetails):
    assert IntentDetails.of(recorded(details.as_text())) == details


def test_an_intent_is_written_as_0_1_wrote_it():
    assert INTENT.as_text() == {
        "reference_price": "250.30",
        "time_in_force": "gtc",
        "extended_hours": "true",
        "body_sha256": "ab12",
        "replaces": "old",
        "instrument_id": "i-1",
        "arming": "a-1",
    }


@pytest.mark.parametrize("missing", ["reference_price", "time_in_force", "extended_hours"])
def test_an_intent_without_its_terms_is_an_error(missing: str):
    whole = INTENT.as_text()
    del whole[missing]
    with pytest.raises(KeyError):
        IntentDetails.of(recorded(whole))


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Rejected(reason="no", status_code=400), {"outcome": "rejected", "cause": "no"}),
        (NotSent(cause="down", may_retry=True), {"outcome": "not_sent", "cause": "down"}),
        (Unknown(cause="lost"), {"outcome": "unknown", "cause": "lost"}),
    ],
)
def test_an_attempt_says_how_it_ended_and_why(outcome, text):
    assert AttemptDetails.of_outcome(outcome).as_text() == text


@pytest.mark.parametrize(("surely_there", "text"), [(True, {"surely_there": "true"}), (False, {})])
def test_a_doubt_says_only_what_takes_part_of_it_away(surely_there, text):
    assert DoubtDetails(surely_there=surely_there).as_text() == text
    assert DoubtDetails.of(recorded(text)).surely_there is surely_there


@pytest.mark.parametrize(
    ("details", "text"),
    [
        (ReportDetails(broker_state="confirmed"), {"broker_state": "confirmed"}),
        (ReportDetails(broker_state="odd", state_is_known=False), {"broker_state": "odd", "state_is_known": "false"}),
        (ReportDetails(broker_state="new", instrument_id="i-1"), {"broker_state": "new", "instrument_id": "i-1"}),
        (ReportDetails(), {}),
    ],
    ids=["known word", "odd word", "instrument", "no report"],
)
def test_a_report_keeps_the_brokers_word(details, text):
    assert details.as_text() == text
    assert ReportDetails.of(recorded(text)) == details


def test_answers_and_decisions_are_written_as_0_1_wrote_them():
    assert CancelAnswerDetails(reply="pending", text="").as_text() == {"reply": "pending", "text": ""}
    assert DecisionDetails(decision="found", by="alice").as_text() == {"as": "found", "by": "alice"}


@pytest.mark.parametrize(
    "details",
    [DifferenceDetails(broker=Decimal(-3)), DifferenceDetails(broker=Decimal(3), expected=Decimal("0.5"))],
    ids=["short", "drift"],
)
def test_a_difference_is_read_as_it_was_written(details):
    assert DifferenceDetails.of(recorded(details.as_text())) == details


@pytest.mark.parametrize("fact", [None, recorded({}), recorded({"broker": "many"})], ids=["none", "empty", "rubbish"])
def test_what_names_no_numbers_is_no_difference(fact):
    assert DifferenceDetails.of(fact) is None


def test_the_same_numbers_are_the_same_difference_however_finely_written():
    assert DifferenceDetails.of(recorded({"broker": "3.00", "expected": "1"})) == DifferenceDetails(
        broker=Decimal(3), expected=Decimal(1)
    )


@pytest.mark.parametrize("fees", [None, Decimal(0), Decimal("0.04")])
def test_fees_are_read_as_they_were_written(fees: Decimal | None):
    details = FeesDetails(fees=fees)
    assert FeesDetails.of(recorded(details.as_text(), EventKind.EXECUTION_BOOKED)) == details


@pytest.mark.parametrize("text", ["", "much", "NaN", "Infinity", "-1"])
def test_fees_that_cannot_be_read_are_unknown(text: str):
    assert FeesDetails.of(recorded({"order_fees": text}, EventKind.EXECUTION_BOOKED)).fees is None
