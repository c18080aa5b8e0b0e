"""What is not settled at the end of the journal."""

from datetime import timedelta
from decimal import Decimal

from tests.support.order_story import MONDAY, told
from tests.support.report_story import ReportStory
from trading_bot.order_management.book.freezes import Cause, frozen, halted
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.report.doubts import open_doubts

LATER = MONDAY + timedelta(hours=1)


def doubts(story: ReportStory) -> list[tuple[str, str]]:
    return [(one.about, one.what) for one in open_doubts(story.history, now=LATER)]


def test_an_order_of_unknown_outcome_is_in_doubt():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_OUTCOME_UNKNOWN, "a", status=OrderState.UNKNOWN))
    assert doubts(story) == [("AAPL", "buy 10, order a: it is not known whether the broker has it: unknown")]
    (doubt,) = open_doubts(story.history, now=LATER)
    assert (doubt.since, doubt.remedy) == (MONDAY, "run 'trading-bot sync'")


def test_so_is_one_under_a_word_that_nobody_knows():
    story = ReportStory().order("a")
    story.ends("a", 5, OrderState.CONFIRMED, details={"broker_state": "pondering", "state_is_known": "false"})
    ((about, what),) = doubts(story)
    assert about == "AAPL"
    assert "'pondering'" in what


def test_so_are_fills_whose_executions_are_not_listed():
    story = ReportStory().order("a").ends("a", 5, OrderState.FILLED, filled_quantity=Decimal(10))
    assert doubts(story) == [("AAPL", "buy 10, order a: the executions of 10 shares reported filled are not listed")]


def test_what_is_frozen_or_halted_is_told_with_what_ends_it():
    story = ReportStory()
    story.tell(0, frozen("AAPL", Cause.TERMS_DIFFER, "another price")).tell(1, halted(Cause.REFUSALS, "three refused"))
    assert doubts(story) == [
        ("AAPL", "no entries: another price"),
        ("the account", "no entries: three refused"),
    ]
    assert "'trading-bot release AAPL" in open_doubts(story.history, now=LATER)[0].remedy.replace("`", "'")


def test_a_freeze_whose_own_end_has_come_is_over():
    story = ReportStory().tell(0, frozen("AAPL", Cause.REFUSED, "403", until=LATER))
    assert doubts(story) == []


def test_a_settled_account_has_none():
    assert doubts(ReportStory().order("a").fill("a", 5, 10, "99.90", total=10)) == []
