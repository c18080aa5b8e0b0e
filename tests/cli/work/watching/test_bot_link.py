"""The threads between the screen and the bot, over a real socket; a runner takes the place of the bot."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.command_clients import WatchedRunner
from tests.support.told_events import FILLED
from tests.support.watched_view import view
from trading_bot.cli.work.watching.bot_link import (
    BotLink,
    CancelEnded,
    EventsBegin,
    EventsEnd,
    EventTold,
    News,
    NotAnswered,
    Seen,
)
from trading_bot.clock import SystemClock
from trading_bot.control.client import HolderAbsentError
from trading_bot.control.server import ControlServer
from trading_bot.event_feeds import EventFeeds
from trading_bot.event_json import event_json
from trading_bot.operations import CancelOrder, Command, Progress, ShowView, no_progress
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderCancellationError, OrderError

T = TypeVar("T", Seen, NotAnswered, EventTold, EventsBegin, EventsEnd, CancelEnded)
KINDS: tuple[type[News], ...] = (Seen, NotAnswered, EventTold, EventsBegin, EventsEnd, CancelEnded)
CANCELLED: JsonObject = {"verdict": "cancelled", "symbol": "TSLA", "client_order_id": "first", "proven_closed": True}


class Bot(WatchedRunner):
    """Answers views and cancels; a cancel waits for ``may_cancel``."""

    def __init__(self) -> None:
        self.feeds = EventFeeds()
        super().__init__(self.feeds)
        self.may_cancel = threading.Event()
        self.cancelled: JsonObject | OrderError = CANCELLED

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        answer = super().perform(command, on_progress)
        if isinstance(command, ShowView):
            return view()
        if isinstance(command, CancelOrder):
            self.may_cancel.wait(10)
            if isinstance(self.cancelled, OrderError):
                raise self.cancelled
            return self.cancelled
        return answer

    @property
    def cancels(self) -> list[str]:
        return [command.id for command in self.performed if isinstance(command, CancelOrder)]


class Told:
    """What the link told, each kind to be waited for by itself."""

    def __init__(self) -> None:
        self._news: dict[type[News], queue.SimpleQueue[News]] = {kind: queue.SimpleQueue() for kind in KINDS}

    def tell(self, news: News) -> None:
        self._news[type(news)].put(news)

    def next(self, kind: type[T], patience_s: float = 10) -> T:
        news = self._news[kind].get(timeout=patience_s)
        assert isinstance(news, kind)
        return news


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def link(socket: Path) -> Iterator[BotLink]:
    made = BotLink(socket, clock=SystemClock(), cancel_timeout_s=10, every_s=0.01)
    yield made
    made.end()


@contextmanager
def serving(socket: Path, bot: Bot) -> Iterator[None]:
    server = ControlServer(path=socket, clock=SystemClock())
    server.start(bot)
    try:
        yield
    finally:
        server.stop()
        bot.feeds.end_feeds()
        server.let_watchers_go()


def test_a_look_is_one_answer_and_the_time_at_which_it_was_asked_for(socket: Path, link: BotLink):
    before = SystemClock().monotonic()
    with serving(socket, Bot()):
        seen = link.look()
    assert seen.view == view()
    assert before <= seen.asked_at <= SystemClock().monotonic()


def test_a_look_at_no_bot_is_an_error(link: BotLink):
    with pytest.raises(HolderAbsentError):
        link.look()


def test_views_and_events_are_told_until_the_end_and_from_a_new_bot_again(socket: Path, link: BotLink):
    told, bot = Told(), Bot()
    with serving(socket, bot):
        link.begin(told.tell)
        told.next(Seen)
        told.next(EventsBegin)
        bot.feeds.tell([FILLED])
        assert told.next(EventTold).event == event_json(FILLED)
        told.next(Seen)
    assert told.next(EventsEnd).problem == "the bot has stopped"
    assert told.next(NotAnswered).problem == "nobody listens"
    with serving(socket, Bot()):
        told.next(EventsBegin)
        told.next(Seen)


def test_after_the_end_no_event_is_told_and_nobody_is_asked(socket: Path, link: BotLink):
    told, bot = Told(), Bot()
    with serving(socket, bot):
        link.begin(told.tell)
        told.next(EventsBegin)
        link.end()
        bot.feeds.tell([FILLED])
        for thread in threading.enumerate():
            if thread.name == "trading-bot-watch":
                thread.join(10)
    with pytest.raises(queue.Empty):
        told.next(EventTold, patience_s=0.01)


def test_a_cancel_is_sent_once_while_it_is_under_way(socket: Path, link: BotLink):
    told, bot = Told(), Bot()
    link.tell_to(told.tell)
    with serving(socket, bot):
        assert link.cancel("first")
        assert not link.cancel("first")
        assert len(link.cancels_under_way()) == 1
        bot.may_cancel.set()
        assert told.next(CancelEnded) == CancelEnded(order_id="first", said="cancelled: TSLA order first")
        assert (bot.cancels, link.cancels_under_way()) == (["first"], ())
        assert link.cancel("first")
        told.next(CancelEnded)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (CANCELLED | {"proven_closed": False, "verdict": "requested"}, "it may still trade: look at it again"),
        (OrderCancellationError("order first is live", results=()), "cancel of first: order first is live"),
    ],
)
def test_a_cancel_that_proved_nothing_says_so(socket: Path, link: BotLink, answer, said):
    told, bot = Told(), Bot()
    bot.cancelled = answer
    bot.may_cancel.set()
    link.tell_to(told.tell)
    with serving(socket, bot):
        link.cancel("first")
        assert said in told.next(CancelEnded).said


def test_a_cancel_without_a_bot_says_that_it_does_not_answer(link: BotLink):
    told = Told()
    link.tell_to(told.tell)
    assert link.cancel("first")
    assert "does not answer" in told.next(CancelEnded).said
