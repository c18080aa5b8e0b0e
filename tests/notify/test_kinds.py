"""Which events a phone is told of, and as what."""

import pytest

from tests.support.notify_bench import alert, ended, filled, halted, submitted
from trading_bot.bot_events import AlertCode
from trading_bot.config.notify_settings import NotifyRules
from trading_bot.halt_watch import Condition
from trading_bot.notify.kinds import Kind, kind_of
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.models import OrderState


def test_every_kind_has_a_rule_and_every_rule_a_kind():
    assert {kind.value for kind in Kind} == set(NotifyRules.model_fields)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (submitted(), None),
        (filled(), Kind.FILLS),
        (ended(OrderState.FILLED), None),
        (ended(OrderState.CANCELLED), Kind.ENDS),
        (ended(OrderState.NEVER_ACCEPTED), Kind.ENDS),
        (ended(OrderState.REJECTED), Kind.REFUSALS),
        (ended(OrderState.NOT_SENT), Kind.REFUSALS),
        (alert(AlertCode.OUTCOME_UNKNOWN), Kind.UNKNOWN_OUTCOMES),
        (alert(AlertCode.PRESUMED_ABSENT), Kind.UNKNOWN_OUTCOMES),
        (alert(AlertCode.EXIT_NOT_SOLD), Kind.ALERTS),
        (alert(AlertCode.LOGIN_ENDS), Kind.LOGIN_NEEDED),
        (halted(Cause.DRIFT), Kind.DRIFT),
        (halted(Cause.NEGATIVE_POSITION), Kind.DRIFT),
        (halted(Condition.LOGIN_NEEDED), Kind.LOGIN_NEEDED),
        (halted(Condition.NOT_ARMED), Kind.HALTS),
        (halted(None), Kind.HALTS),
        (halted("cash_missing"), Kind.TIE_OUT),
        (halted(Cause.REENTRY), None),
    ],
    ids=str,
)
def test_an_event_is_told_as_its_kind(event, kind):
    assert kind_of(event) is kind


@pytest.mark.parametrize("code", [code for code in AlertCode if code.name.startswith("PROTECTION")])
def test_every_alert_about_a_protection_plan_is_told_as_one(code):
    assert kind_of(alert(code)) is Kind.PROTECTION
