"""From events to services: rules, masks, repetitions and the end, with threads and without a network."""

import threading
from datetime import datetime, timedelta
from typing import Self

import pytest

from tests.support.notify_bench import AT, FakeService, alert, ended, filled, submitted
from trading_bot.clock import SystemClock, VirtualClock
from trading_bot.config.notify_settings import NotifyRules, Rule
from trading_bot.event_feeds import EventFeeds
from trading_bot.logging.masking import SecretMasker
from trading_bot.notify.kinds import Kind
from trading_bot.notify.lane import Delivery, Lane
from trading_bot.notify.messenger import Day, Messenger
from trading_bot.notify.outbox import Batch, Outbox
from trading_bot.notify.summary import DailySummary
from trading_bot.order_management.models import OrderState

NEVER = Day(close_after=lambda moment: moment + timedelta(days=1), words=lambda: None)


def plain(batch: Batch) -> tuple[str, str]:
    titles = "+".join(each.title for each in batch.messages)
    return titles, "|".join(each.text for each in batch.messages)


class Bench:
    """A messenger over real threads, whose services are told what to answer."""

    def __init__(self, *services: FakeService, rules: NotifyRules | None = None, day: Day = NEVER) -> None:
        self.clock = SystemClock()
        self.services = services or (FakeService(),)
        self.events = EventFeeds()
        self.mask = SecretMasker(secrets=("5QR12345", "ann@example.com"))
        self.lanes = [
            Lane(service, Outbox(clock=self.clock, limit=10, max_per_minute=60), text_of=plain)
            for service in self.services
        ]
        self.messenger = Messenger(
            self.lanes,
            events=self.events,
            rules=rules or NotifyRules(),
            mask=self.mask.mask_text,
            clock=self.clock,
            day=day,
        )

    def __enter__(self) -> Self:
        self.messenger.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.messenger.stop(timeout_s=10)

    def sent(self) -> list[tuple[str, str]]:
        return self.services[0].sent


def test_an_event_with_a_kind_is_sent_and_any_other_is_not():
    with Bench() as bench:
        bench.events.tell([submitted(), filled(), ended(OrderState.FILLED)])
        bench.services[0].wait_for(1)
    assert bench.sent() == [("fills", "filled: buy 3 AAPL at $99.80; 7 left (c1)")]


def test_a_kind_whose_rule_is_off_is_not_sent():
    with Bench(rules=NotifyRules(fills=Rule.OFF)) as bench:
        bench.events.tell([filled(), alert()])
    assert bench.sent() == [("unknown outcomes", "ALERT outcome_unknown AAPL: the reply was lost (c1)")]


@pytest.mark.parametrize(
    "secret",
    [
        "5QR12345",
        "5qr12345",
        "ann@example.com",
        "Bearer abc.def",
        "eyJhbGciOi.J9",
        "token=sesame",
        "mfa code 123456",
        "somebody@else.example",
    ],
)
def test_no_secret_is_in_a_message_whoever_put_it_there(secret):
    with Bench() as bench:
        bench.events.tell([alert(message=f"the broker said {secret}; look"), ended(OrderState.REJECTED, secret)])
    told = "".join(text for _, text in bench.sent())
    assert secret not in told
    assert secret.split("=")[-1].split()[-1] not in told
    assert "***" in told


def test_only_the_service_that_failed_gets_the_message_again():
    dead, well = FakeService(Delivery.FAILED), FakeService()
    with Bench(dead, well) as bench:
        bench.events.tell([filled()])
        well.wait_for(1)
        dead.wait_for(1)
    assert (len(dead.sent), len(well.sent)) == (2, 1)
    assert bench.messenger.failures == 1
    assert bench.messenger.waiting == 0


def test_a_plug_in_that_raises_is_a_failure_and_not_the_end():
    broken = FakeService(RuntimeError("boom"))
    with Bench(broken) as bench:
        bench.events.tell([filled()])
        broken.wait_for(1)
    assert len(broken.sent) == 2


def test_a_service_that_hangs_delays_neither_events_nor_the_other_service():
    released, entered = threading.Event(), threading.Event()

    class Hanging(FakeService):
        def send(self, title, body):
            entered.set()
            released.wait(20)
            return super().send(title, body)

    hanging, well = Hanging(), FakeService()
    with Bench(hanging, well) as bench:
        bench.events.tell([filled()])
        assert entered.wait(20)
        bench.events.tell([filled()])
        well.wait_for(1)
        assert bench.events.settle(20)
        released.set()
    assert hanging.sent


def test_what_does_not_fit_is_counted():
    bench = Bench()
    for _ in range(12):
        bench.messenger.tell(Kind.FILLS, "filled", at=AT)
    assert (bench.messenger.waiting, bench.messenger.left_out) == (10, 2)


def test_a_stop_sends_what_waits_once_more_and_then_says_how_many_are_lost(caplog):
    dead = FakeService(*[Delivery.TIMED_OUT] * 3)
    with Bench(dead) as bench:
        bench.events.tell([filled()])
        dead.wait_for(1)
    assert len(dead.sent) == 2
    assert "messages_not_sent" in caplog.text
    assert "1 fake did not take them in time" in caplog.text


def test_a_stop_gives_up_on_a_service_that_hangs():
    released, entered = threading.Event(), threading.Event()

    class Hanging(FakeService):
        def send(self, title, body):
            entered.set()
            released.wait(20)
            return super().send(title, body)

    bench = Bench(Hanging())
    bench.messenger.start()
    bench.events.tell([filled()])
    assert entered.wait(20)
    bench.messenger.stop(timeout_s=0.05)
    assert bench.sent() == []
    released.set()
    bench.lanes[0].join(20)


def test_what_never_began_ends_at_once():
    bench = Bench()
    bench.messenger.stop(timeout_s=10)
    assert bench.sent() == []


def test_after_the_stop_nothing_is_heard():
    with Bench() as bench:
        pass
    bench.events.tell([filled()])
    assert not bench.events.is_heard
    assert bench.messenger.waiting == 0


def test_the_day_is_told_once_after_each_close():
    clock, told = VirtualClock(AT), list[datetime]()
    daily = DailySummary(told.append, close_after=lambda moment: moment + timedelta(hours=1), clock=clock)
    daily.look()
    assert told == []
    clock.sleep(3600)
    daily.look()
    daily.look()
    assert told == [AT + timedelta(hours=1)]
    clock.sleep(3600)
    daily.look()
    assert len(told) == 2


@pytest.mark.parametrize(("words", "sent"), [("equity $1", [("summary", "equity $1")]), (None, [])])
def test_the_summary_is_a_message_where_there_is_something_to_say(words, sent):
    with Bench(day=Day(close_after=NEVER.close_after, words=lambda: words)) as bench:
        bench.messenger._tell_of_the_day(AT)
    assert bench.sent() == sent
