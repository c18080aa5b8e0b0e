"""Which message goes when, and which is left out: rate, quiet hours, pauses and bounds, on a clock of the test."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from trading_bot.clock import VirtualClock
from trading_bot.notify.outbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, Batch, Message, Outbox, QuietHours, text_of

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)  # 23:00 in New York
QUIET = QuietHours(begin=time(22), end=time(7), zone=NEW_YORK)


def message(text: str = "filled", *, urgent: bool = False) -> Message:
    return Message(at=NOON, title="fills", text=text, is_urgent=urgent)


def outbox(at: datetime = NOON, *, limit: int = 10, rate: int = 2, quiet: QuietHours | None = None):
    clock = VirtualClock(at)
    return clock, Outbox(clock=clock, limit=limit, max_per_minute=rate, quiet=quiet)


def texts(batch: Batch | None) -> list[str]:
    assert batch is not None
    return [each.text for each in batch.messages]


def test_nothing_waits_at_first():
    _, box = outbox()
    assert box.take() is None
    assert len(box) == 0


def test_what_waits_goes_at_once_and_together():
    _, box = outbox()
    box.put(message("a"))
    box.put(message("b"))
    assert texts(box.take()) == ["a", "b"]
    assert box.take() is None


def test_beyond_the_rate_the_rest_is_collected_into_one_sending():
    clock, box = outbox(rate=2)
    for text in ("a", "b"):
        box.put(message(text))
        assert texts(box.take()) == [text]
    for text in ("c", "d", "e"):
        box.put(message(text, urgent=text == "d"))
    assert box.take() is None
    clock.sleep(59)
    assert box.take() is None
    assert 0 < box.wait_s() <= 1
    clock.sleep(1)
    assert texts(box.take()) == ["c", "d", "e"]


def test_in_the_quiet_hours_only_what_is_urgent_goes():
    clock, box = outbox(NIGHT, quiet=QUIET)
    box.put(message("a"))
    box.put(message("b", urgent=True))
    assert texts(box.take()) == ["b"]
    assert box.take() is None
    assert len(box) == 1
    clock.sleep(timedelta(hours=8).total_seconds())
    assert texts(box.take()) == ["a"]


@pytest.mark.parametrize(
    ("begin", "end", "hour", "quiet"),
    [
        *((22, 7, hour, True) for hour in (22, 23, 0, 6)),
        *((22, 7, hour, False) for hour in (7, 12, 21)),
        (1, 5, 1, True),
        (1, 5, 5, False),
        (1, 5, 23, False),
    ],
)
def test_the_first_moment_of_the_quiet_hours_belongs_to_them_and_the_last_does_not(begin, end, hour, quiet):
    hours = QuietHours(begin=time(begin), end=time(end), zone=NEW_YORK)
    assert hours.hold(datetime(2026, 3, 2, hour, tzinfo=NEW_YORK).astimezone(UTC)) is quiet


def test_what_failed_waits_for_a_pause_that_doubles_and_goes_with_what_came_meanwhile():
    clock, box = outbox(rate=60)
    box.put(message("a"))
    pauses = []
    for _ in range(8):
        batch = box.take()
        assert batch is not None
        box.failed(batch)
        pauses.append(box.wait_s())
        box.put(message(f"after {len(pauses)}"))
        assert box.take() is None
        clock.sleep(pauses[-1])
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    assert (pauses[0], pauses[-1]) == (FIRST_PAUSE_S, LONGEST_PAUSE_S)
    assert texts(box.take())[:2] == ["a", "after 1"]


def test_after_a_delivery_the_first_pause_is_the_short_one_again():
    clock, box = outbox(rate=60)
    box.put(message())
    box.failed(box.take())
    clock.sleep(FIRST_PAUSE_S)
    box.take()
    box.delivered()
    box.put(message())
    box.failed(box.take())
    assert box.wait_s() == FIRST_PAUSE_S


def test_a_full_outbox_leaves_out_the_oldest_that_is_not_urgent_and_says_how_many():
    _, box = outbox(limit=3)
    box.put(message("urgent", urgent=True))
    assert [box.put(message(text)) for text in ("a", "b", "c", "d")] == [0, 0, 1, 1]
    batch = box.take()
    assert texts(batch) == ["urgent", "c", "d"]
    assert batch.left_out == 2


def test_where_all_are_urgent_the_oldest_of_them_is_left_out():
    _, box = outbox(limit=2)
    for text in ("a", "b", "c"):
        box.put(message(text, urgent=True))
    assert texts(box.take()) == ["b", "c"]


def test_what_was_left_out_is_still_said_after_the_batch_that_said_so_failed():
    clock, box = outbox(limit=2)
    for text in ("a", "b", "c"):
        box.put(message(text))
    batch = box.take()
    box.put(message("d"))
    assert box.failed(batch) == 1
    clock.sleep(FIRST_PAUSE_S)
    again = box.take()
    assert texts(again) == ["c", "d"]
    assert again.left_out == 2
    box.put(message("e"))
    assert box.take(at_once=True).left_out == 0


def test_a_last_sending_waits_for_no_pause_and_no_rate_but_for_the_quiet_hours():
    clock, box = outbox(NIGHT, rate=1, quiet=QUIET)
    box.put(message("a", urgent=True))
    box.failed(box.take())
    box.put(message("b"))
    assert box.take() is None
    assert texts(box.take(at_once=True)) == ["a"]
    assert clock.now() == NIGHT


def shown(*messages: Message, left_out: int = 0) -> tuple[str, str]:
    return text_of(Batch(messages=messages, left_out=left_out), label="PAPER", zone=NEW_YORK)


def test_one_message_has_its_own_title_and_the_time_of_the_exchange():
    assert shown(message("filled: 3 AAPL")) == ("PAPER: fills", "12:00:00 EST filled: 3 AAPL")


def test_several_are_one_text_in_their_order():
    title, body = shown(message("a"), message("b", urgent=True))
    assert title == "PAPER: 2 messages"
    assert body == "12:00:00 EST a\n12:00:00 EST b"


def test_what_was_left_out_is_counted_in_the_text():
    assert shown(message(), left_out=7)[1].endswith("\n7 more did not fit; 'trading-bot audit tail' has what happened")


def test_where_not_all_fits_urgent_ones_and_then_the_latest_are_shown():
    many = [message(f"{place:03} {'x' * 96}") for place in range(40)]
    _, body = shown(message("the urgent one", urgent=True), *many)
    lines = body.splitlines()
    assert lines[0].endswith("the urgent one")
    assert "039 " in lines[-2]
    assert len(body) < 1700
    assert lines[-1].startswith(f"{41 - (len(lines) - 1)} more did not fit")


def test_a_text_without_end_is_cut_and_not_left_out():
    _, body = shown(message("y" * 5000))
    assert body == f"12:00:00 EST {'y' * 400}"
