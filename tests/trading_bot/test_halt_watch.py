"""Halts that are on no record are told when they begin and when they end, once each."""

from functools import partial

import pytest

from tests.support.paper_market import MONDAY
from trading_bot.bot_events import BotEvent, TradingHalted, TradingResumed
from trading_bot.clock import VirtualClock
from trading_bot.event_feeds import EventFeeds
from trading_bot.halt_watch import Condition, HaltWatch
from trading_bot.order_management.exceptions import STORAGE_FAILED, AuthenticationError


class Watched:
    """A watch over conditions that a test sets."""

    def __init__(self) -> None:
        self.reasons: dict[Condition, str | None] = dict.fromkeys(Condition)
        self.feeds = EventFeeds()
        self.heard: list[BotEvent] = []
        self.looks = 0
        self.watch = HaltWatch(
            {condition: partial(self._reason, condition) for condition in Condition},
            events=self.feeds,
            clock=VirtualClock(MONDAY),
        )

    def _reason(self, condition: Condition) -> str | None:
        self.looks += 1
        return self.reasons[condition]

    def look(self) -> list[BotEvent]:
        self.heard.clear()
        self.watch.look()
        assert self.feeds.settle()
        return list(self.heard)


@pytest.mark.parametrize("condition", Condition)
def test_a_condition_is_told_once_when_it_begins_and_once_when_it_ends(condition: Condition):
    watched = Watched()
    watched.feeds.subscribe(watched.heard.append)
    assert watched.look() == []
    watched.reasons[condition] = "killed"
    (began,) = watched.look()
    assert isinstance(began, TradingHalted)
    assert (began.symbol, began.cause, began.reason, began.at) == (None, condition.value, "killed", MONDAY)
    assert began.remedy
    watched.reasons[condition] = "killed again"
    assert watched.look() == []
    watched.reasons[condition] = None
    (over,) = watched.look()
    assert isinstance(over, TradingResumed)
    assert (over.symbol, over.cause) == (None, condition.value)
    assert watched.look() == []


@pytest.mark.parametrize(("code", "told"), [(None, 1), (STORAGE_FAILED, 0)])
def test_a_login_that_takes_a_person_is_told_before_the_start_fails(code: str | None, told: int):
    watched = Watched()
    watched.feeds.subscribe(watched.heard.append)
    error = AuthenticationError("log in again", code=code)

    def log_in() -> None:
        raise error

    with pytest.raises(AuthenticationError) as caught:
        watched.watch.log_in(log_in)
    assert caught.value is error
    assert watched.feeds.settle()
    assert [event.cause for event in watched.heard if isinstance(event, TradingHalted)] == ["login_needed"] * told


def test_a_login_that_works_is_no_news():
    watched, done = Watched(), list[str]()
    watched.watch.log_in(lambda: done.append("logged in"))
    assert (done, watched.heard) == (["logged in"], [])


def test_nothing_is_looked_at_for_nobody_and_the_first_listener_hears_what_stands():
    watched = Watched()
    watched.reasons[Condition.NOT_ARMED] = "killed"
    assert (watched.look(), watched.looks) == ([], 0)
    watched.feeds.subscribe(watched.heard.append)
    (stands,) = watched.look()
    assert isinstance(stands, TradingHalted)


def test_the_next_listener_hears_what_began_again_while_nobody_listened():
    watched = Watched()
    leave = watched.feeds.subscribe(watched.heard.append)
    watched.reasons[Condition.NOT_ARMED] = "killed"
    assert len(watched.look()) == 1
    leave()
    assert watched.look() == []
    watched.feeds.subscribe(watched.heard.append)
    (stands,) = watched.look()
    assert isinstance(stands, TradingHalted)
