"""Who listens: each on its own thread, in order, harming nobody; a reader who stops reading is told what it missed."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.bot_bench import BotBench, Forward
from tests.support.manager_bench import MONDAY
from trading_bot.bot import TradeResult
from trading_bot.bot_events import BotEvent, OrderEnded, OrderFilled, OrderSubmitted, TradingResumed
from trading_bot.event_feeds import SLOW_AT, EventFeeds, EventsMissed

WAITED_S = 10.0


def news(number: int) -> TradingResumed:
    return TradingResumed(at=MONDAY, symbol=None, cause=None, reason=str(number), by="alice")


def numbers(events: list[BotEvent]) -> list[str]:
    return [event.reason for event in events if isinstance(event, TradingResumed)]


class Gate:
    """A listener that waits in its first call until it is let through."""

    def __init__(self) -> None:
        self.heard: list[BotEvent] = []
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, event: BotEvent) -> None:
        self.begun.set()
        assert self.go_on.wait(WAITED_S)
        self.heard.append(event)
        self.ended.set()


@pytest.fixture
def feeds() -> EventFeeds:
    return EventFeeds()


def test_each_listener_hears_all_events_in_their_order(feeds: EventFeeds):
    one: list[BotEvent] = []
    other: list[BotEvent] = []
    feeds.subscribe(one.append)
    feeds.subscribe(other.append)
    feeds.tell(news(number) for number in range(50))
    assert feeds.settle(WAITED_S)
    assert numbers(one) == numbers(other) == [str(number) for number in range(50)]


def test_a_slow_listener_delays_neither_the_teller_nor_another_listener(feeds: EventFeeds):
    slow, quick = Gate(), Gate()
    quick.go_on.set()
    feeds.subscribe(slow)
    feeds.subscribe(quick)
    feeds.tell([news(1)])
    assert slow.begun.wait(WAITED_S)
    assert quick.ended.wait(WAITED_S)
    feeds.tell([news(2)])
    assert not feeds.settle(0)
    assert (numbers(quick.heard)[:1], slow.heard) == (["1"], [])
    slow.go_on.set()
    assert feeds.settle(WAITED_S)
    assert numbers(slow.heard) == ["1", "2"]


def test_one_that_raises_is_logged_and_hears_the_next(feeds: EventFeeds, caplog: pytest.LogCaptureFixture):
    heard: list[BotEvent] = []

    def bad(event: BotEvent) -> None:
        heard.append(event)
        raise RuntimeError("somebody's strategy")

    feeds.subscribe(bad)
    with caplog.at_level(logging.ERROR, logger="trading_bot"):
        feeds.tell([news(1), news(2)])
        assert feeds.settle(WAITED_S)
    assert numbers(heard) == ["1", "2"]
    assert caplog.text.count("event_listener_failed") == 2


@pytest.mark.parametrize("end", [SystemExit, asyncio.CancelledError])
def test_one_that_would_end_its_thread_hears_the_next(
    feeds: EventFeeds, caplog: pytest.LogCaptureFixture, end: type[BaseException]
):
    heard: list[BotEvent] = []

    def bad(event: BotEvent) -> None:
        heard.append(event)
        raise end

    feeds.subscribe(bad)
    with caplog.at_level(logging.ERROR, logger="trading_bot"):
        feeds.tell([news(1), news(2)])
        assert feeds.settle(WAITED_S)
    assert numbers(heard) == ["1", "2"]
    assert caplog.text.count("event_listener_failed") == 2


def test_without_a_thread_the_others_hear_all_and_the_next_event_tries_again(caplog: pytest.LogCaptureFixture):
    has_threads = False

    def start(thread: threading.Thread) -> None:
        if not has_threads:
            raise RuntimeError("can't start new thread")
        thread.start()

    feeds = EventFeeds(start=start)
    heard: list[BotEvent] = []
    feeds.subscribe(heard.append)
    feed = feeds.open_feed()
    with caplog.at_level(logging.ERROR, logger="trading_bot"):
        feeds.tell([news(1), news(2)])
    assert "event_listener_not_called" in caplog.text
    assert (feed.take(0), feed.take(0)) == (news(1), news(2))
    assert not feeds.settle(0)
    has_threads = True
    feeds.tell([news(3)])
    assert feeds.settle(WAITED_S)
    assert numbers(heard) == ["1", "2", "3"]


def test_what_cannot_be_called_is_refused_at_once(feeds: EventFeeds):
    with pytest.raises(TypeError, match="not list; give the function"):
        feeds.subscribe([])  # type: ignore[arg-type]


def test_one_that_leaves_hears_nothing_more_not_even_what_waited(feeds: EventFeeds):
    gate = Gate()
    leave = feeds.subscribe(gate)
    feeds.tell([news(1), news(2)])
    assert gate.begun.wait(WAITED_S)
    leave()
    feeds.tell([news(3)])
    gate.go_on.set()
    leave()
    assert gate.ended.wait(WAITED_S)
    for thread in threading.enumerate():
        if thread.name == "trading-bot-listener":
            thread.join(WAITED_S)
    assert numbers(gate.heard) == ["1"]


def test_what_waits_for_the_slowest_listener_is_known(feeds: EventFeeds):
    assert feeds.waiting == 0
    gate, feed = Gate(), feeds.open_feed()
    feeds.subscribe(gate)
    feeds.tell([news(1)])
    assert gate.begun.wait(WAITED_S)
    feeds.tell([news(2), news(3)])
    assert feeds.waiting == 3
    for _ in range(3):
        feed.take(0)
    assert feeds.waiting == 2
    gate.go_on.set()
    assert feeds.settle(WAITED_S)
    assert feeds.waiting == 0


def test_one_that_left_while_it_was_told_gets_nothing(feeds: EventFeeds):
    heard: list[BotEvent] = []
    leave = feeds.subscribe(heard.append)
    feeds.subscribe(lambda _event: None)

    def events() -> Iterator[BotEvent]:
        yield news(1)
        assert feeds.settle(WAITED_S)
        leave()
        yield news(2)

    feeds.tell(events())
    assert feeds.settle(WAITED_S)
    assert numbers(heard) == ["1"]


def test_a_listener_that_waits_for_the_others_does_not_wait_for_itself(feeds: EventFeeds):
    answers: list[bool] = []
    feeds.subscribe(lambda _event: answers.append(feeds.settle(WAITED_S)))
    feeds.tell([news(1)])
    assert feeds.settle(WAITED_S)
    assert answers == [True]


def test_the_log_names_a_listener_that_falls_far_behind(feeds: EventFeeds, caplog: pytest.LogCaptureFixture):
    gate = Gate()
    feeds.subscribe(gate)
    with caplog.at_level(logging.WARNING, logger="trading_bot"):
        feeds.tell(news(number) for number in range(SLOW_AT + 2))
    assert "event_listener_slow" in caplog.text
    assert "Gate" in caplog.text
    gate.go_on.set()
    assert feeds.settle(WAITED_S)
    assert len(gate.heard) == SLOW_AT + 2


def test_no_thread_stays_for_a_listener_that_has_heard_all(feeds: EventFeeds):
    before = threading.active_count()
    threads: list[threading.Thread] = []
    feeds.subscribe(lambda _event: threads.append(threading.current_thread()))
    assert threading.active_count() == before
    feeds.tell([news(1)])
    assert feeds.settle(WAITED_S)
    threads[0].join(WAITED_S)
    assert threading.active_count() == before


class TestAFeed:
    def test_it_has_the_events_in_their_order_until_it_ends(self, feeds: EventFeeds):
        feed = feeds.open_feed()
        feeds.tell([news(1), news(2)])
        feeds.end_feeds()
        feeds.tell([news(3)])
        assert not feed.is_over
        assert [feed.take(0), feed.take(0), feed.take(0)] == [news(1), news(2), None]
        assert feed.is_over

    def test_a_reader_who_waits_is_woken(self, feeds: EventFeeds):
        feed = feeds.open_feed()
        taken: list[object] = []
        reader = threading.Thread(target=lambda: taken.append(feed.take(WAITED_S)), daemon=True)
        reader.start()
        feeds.tell([news(1)])
        reader.join(WAITED_S)
        assert taken == [news(1)]
        assert feed.take(0) is None

    def test_what_does_not_fit_is_counted_at_its_place(self, feeds: EventFeeds):
        feed = feeds.open_feed(limit=2)
        feeds.tell(news(number) for number in range(5))
        assert feed.take(0) == news(0)
        feeds.tell([news(5)])
        rest = [feed.take(0) for _ in range(4)]
        assert rest == [news(1), EventsMissed(at=MONDAY, count=3), news(5), None]

    def test_what_was_missed_last_is_told_at_the_end(self, feeds: EventFeeds):
        feed = feeds.open_feed(limit=1)
        feeds.tell([news(1), news(2)])
        feeds.end_feeds()
        assert feed.take(0) == news(1)
        assert not feed.is_over
        assert feed.take(WAITED_S) == EventsMissed(at=MONDAY, count=1)
        assert feed.is_over

    def test_one_that_is_closed_takes_no_more(self, feeds: EventFeeds):
        feed = feeds.open_feed()
        feed.close()
        feeds.tell([news(1)])
        assert feed.take(0) is None


class TestOfABot:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[BotBench]:
        bench = BotBench(tmp_path)
        yield bench
        bench.bot.stop()

    def test_a_listener_hears_of_an_order_from_its_acceptance_to_its_end(self, bench: BotBench):
        heard: list[BotEvent] = []
        bench.bot.subscribe(heard.append)
        bench.bot.start()
        result = bench.bot.execute_trade("AAPL", "buy", 5, 100, "because", pricing="marketable")  # type: ignore[arg-type]
        bench.clock.sleep(5)
        bench.bot.synchronize_open_orders()
        assert bench.bot.wait_for_listeners()
        kinds = [type(event) for event in heard]
        assert (kinds[0], kinds[-1]) == (OrderSubmitted, OrderEnded)
        assert OrderFilled in kinds
        assert result.envelope is not None
        assert {getattr(event, "client_order_id", None) for event in heard} == {result.envelope.client_order_id}

    def test_it_may_trade_from_within_its_call_and_stop_the_bot(self, bench: BotBench):
        """Its thread holds no lock and is waited for by nobody who holds one."""
        results: list[str] = []

        def protect(event: BotEvent) -> None:
            if isinstance(event, OrderSubmitted) and event.symbol == "AAPL" and event.side == "buy":
                sold = bench.bot.execute_trade("AAPL", "sell", 1, 101, "protect")  # type: ignore[arg-type]
                bench.bot.synchronize_open_orders()
                assert sold.envelope is not None
                bench.bot.cancel_order(sold.envelope.client_order_id)
                results.append(sold.status)
                bench.bot.stop()

        bench.bot.subscribe(protect)
        bench.bot.start()
        bench.bot.execute_trade("AAPL", "buy", 5, 90, "because")  # type: ignore[arg-type]
        assert bench.bot.wait_for_listeners(WAITED_S)
        assert results == ["submitted"]
        assert not bench.bot.is_running

    def test_a_stop_waits_until_its_own_news_are_heard(self, tmp_path: Path):
        bench = BotBench(tmp_path, on_stop="cancel")
        heard: list[BotEvent] = []
        bench.bot.subscribe(heard.append)
        feed = bench.bot.events.open_feed()
        bench.bot.start()
        bench.bot.execute_trade("AAPL", "buy", 5, 90, "because")  # type: ignore[arg-type]
        slow = Gate()
        bench.bot.subscribe(slow)
        stopping = threading.Thread(target=bench.bot.stop, daemon=True)
        stopping.start()
        assert slow.begun.wait(WAITED_S)
        stopping.join(0.2)
        assert stopping.is_alive(), "the stop waits for the slow one"
        slow.go_on.set()
        stopping.join(WAITED_S)
        assert slow.heard[-1] == heard[-1]
        assert isinstance(heard[-1], OrderEnded)
        assert heard[-1].ending == "cancelled"
        assert [feed.take(0) for _ in heard] == heard
        assert feed.is_over

    def test_nothing_is_bought_once_the_bot_stops(self, tmp_path: Path):
        """One that buys again whatever is cancelled would leave an order that `on_stop` promises not to leave."""
        bench = BotBench(tmp_path, on_stop="cancel")
        again: list[TradeResult] = []

        def buy_again(event: BotEvent) -> None:
            if isinstance(event, OrderEnded) and not again:
                again.append(bench.bot.execute_trade("AAPL", "buy", 3, 80, "again"))  # type: ignore[arg-type]

        bench.bot.subscribe(buy_again)
        bench.bot.start()
        bench.bot.execute_trade("AAPL", "buy", 5, 90, "because")  # type: ignore[arg-type]
        bench.bot.stop()
        assert [(result.status, result.code) for result in again] == [("blocked", "trading_halted")]
        assert "the bot is stopping" in again[0].message
        assert bench.submits == 1
        bench.bot.start()
        assert bench.bot.execute_trade("AAPL", "buy", 3, 80, "later").status == "submitted"  # type: ignore[arg-type]
        bench.bot.stop()

    def test_a_second_stop_closes_nothing_under_the_first_one(self, tmp_path: Path):
        bench = BotBench(tmp_path, on_stop="cancel").started()
        order = bench.bot.execute_trade("AAPL", "buy", 5, 90, "because").envelope  # type: ignore[arg-type]
        assert order is not None
        asked, go_on = threading.Event(), threading.Event()

        def slowly(forward: Forward, request: object) -> requests.Response:
            asked.set()
            assert go_on.wait(WAITED_S)
            return forward()

        bench.broker.tampers[f"POST /orders/{order.order_id}/cancel/"].append(slowly)
        stops = [threading.Thread(target=bench.bot.stop, daemon=True) for _ in range(2)]
        stops[0].start()
        assert asked.wait(WAITED_S)
        stops[1].start()
        stops[1].join(0.2)
        assert stops[1].is_alive(), "it waits for the first one"
        go_on.set()
        for stop in stops:
            stop.join(WAITED_S)
        assert [record.fact.event for record in bench.records()][-1] == "session_stopped"

    def test_a_stop_from_a_listener_does_not_wait_for_one_that_waits_for_it(self, tmp_path: Path):
        bench = BotBench(tmp_path, on_stop="cancel")
        heard: list[BotEvent] = []

        def stop(event: BotEvent) -> None:
            if isinstance(event, OrderEnded):
                assert bench.bot.stop() == ()
                heard.append(event)

        bench.bot.subscribe(stop)
        bench.bot.start()
        bench.bot.execute_trade("AAPL", "buy", 5, 90, "because")  # type: ignore[arg-type]
        assert len(bench.bot.stop()) == 1
        assert len(heard) == 1, "it returned while the other stop still waited for it"
