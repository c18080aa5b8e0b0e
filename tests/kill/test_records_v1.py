import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.order_story import Story, intended, now_in, order_id_of, told
from trading_bot.files import LocalFiles
from trading_bot.kill.records_v1 import imported_kills, new_kills, v1_kill_events
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import OrderState

WHOLE = {"v": 1, "event": "kill_engaged", "at": "2026-11-23T15:00:00+00:00", "by": "ann", "reason": "", "cancel": []}
NAME = "20261123T150000.000000Z-4711.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kills"


def left_behind(folder: Path, *orders: str, every: bool = False) -> None:
    """Leave a file as version 0.1 did."""
    folder.mkdir(exist_ok=True)
    cancel = None if every else list(orders)
    line = json.dumps(WHOLE | {"reason": "a test", "cancel": cancel}, separators=(",", ":"))
    (folder / NAME).write_text(f"{line}\n")


def imports(folder: Path, story: Story, *imported: str) -> tuple[OrderEvent, ...]:
    found = new_kills(folder, files=LocalFiles(), imported=imported)
    return tuple(event for name, data in found for event in v1_kill_events(name, data, story.book.active()))


def cancelled(events: tuple[OrderEvent, ...]) -> list[str | None]:
    return [event.client_order_id for event in events if event.event is EventKind.CANCEL_REQUESTED]


def test_an_unresolved_intent_gets_its_cancel_and_the_file_is_closed_off_last(folder: Path):
    left_behind(folder, "doubt")
    events = imports(folder, Story(intended("doubt")))
    assert [event.event for event in events] == [EventKind.CANCEL_REQUESTED, EventKind.KILL_IMPORTED]
    assert (events[0].client_order_id, events[0].status) == ("doubt", None)
    assert events[0].reason == "killed by ann: a test"
    assert events[1].details == {"file": NAME}
    assert events[1].occurred_at == datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_what_is_imported_folds_into_a_deferred_cancel(folder: Path):
    left_behind(folder, "doubt")
    story = Story(intended("doubt"), now_in(OrderState.UNKNOWN, "doubt"))
    story.tell(*imports(folder, story))
    (order,) = story.book.unresolved()
    assert order.cancel_wanted


def test_an_order_that_was_open_at_the_kill_is_cancelled_by_the_holder_after_a_restart(folder: Path):
    left_behind(folder, "open")
    story = Story(intended("open"), now_in(OrderState.CONFIRMED, "open", order_id=order_id_of("open")))
    assert cancelled(imports(folder, story)) == ["open"]


def test_orders_that_ended_or_came_after_the_kill_are_left_alone(folder: Path):
    left_behind(folder, "done")
    story = Story(intended("done"), now_in(OrderState.NOT_SENT, "done"), intended("new"))
    assert cancelled(imports(folder, story)) == []


def test_a_cancel_already_asked_for_is_asked_for_again(folder: Path):
    left_behind(folder, "doubt")
    story = Story(intended("doubt"), told(EventKind.CANCEL_REQUESTED, "doubt"))
    assert cancelled(imports(folder, story)) == ["doubt"]


def test_a_file_is_imported_once_by_its_name(folder: Path):
    left_behind(folder, "doubt")
    story = Story(intended("doubt"))
    story.tell(*imports(folder, story))
    assert imported_kills(story.records) == {NAME}
    assert imports(folder, story, *imported_kills(story.records)) == ()


def test_files_are_imported_oldest_first_and_others_are_passed_over(folder: Path):
    folder.mkdir()
    for name in ("2.jsonl", "1.jsonl", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert [event.details["file"] for event in imports(folder, Story())] == ["1.jsonl", "2.jsonl"]


def test_where_nobody_ever_killed_there_is_nothing_to_import(folder: Path):
    assert imports(folder, Story(intended("doubt"))) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\n",
        json.dumps(WHOLE).encode(),
        json.dumps(WHOLE).encode()[:-3] + b"\n",
        json.dumps(WHOLE | {"v": 2}).encode() + b"\n",
        json.dumps(WHOLE | {"event": "kill_ended"}).encode() + b"\n",
        json.dumps(WHOLE | {"cancel": "doubt"}).encode() + b"\n",
        json.dumps(WHOLE | {"cancel": [[]]}).encode() + b"\n",
        json.dumps(WHOLE | {"at": "yesterday"}).encode() + b"\n",
        json.dumps(WHOLE | {"at": 5}).encode() + b"\n",
        json.dumps(WHOLE | {"at": "0001-01-01T00:00:00+14:00"}).encode() + b"\n",
        b"[" * 100_000 + b"\n",
        b"[]\n",
        b"\xff\n",
    ],
)
def test_a_side_file_that_cannot_be_read_asks_for_the_cancel_of_everything(folder: Path, data: bytes):
    """A kill did happen, and what it named is lost: an order too many is cancelled rather than one too few."""
    folder.mkdir()
    (folder / NAME).write_bytes(data)
    events = imports(folder, mixed())
    assert cancelled(events) == ["doubt", "open"]
    assert events[-1].event is EventKind.KILL_IMPORTED
    assert events[-1].reason == "killed; the kill's record cannot be read"


def mixed() -> Story:
    """An intent in doubt, an order at work and one that has ended."""
    ended = (intended("ended"), now_in(OrderState.NOT_SENT, "ended"))
    return Story(intended("doubt"), intended("open"), now_in(OrderState.CONFIRMED, "open"), *ended)


def test_a_kill_that_did_not_know_every_order_asks_for_the_cancel_of_all_that_have_not_ended(folder: Path):
    left_behind(folder, every=True)
    events = imports(folder, mixed())
    assert cancelled(events) == ["doubt", "open"]
    assert events[-1].reason == "killed by ann: a test"


def test_the_plain_line_can_be_read(folder: Path):
    folder.mkdir()
    (folder / NAME).write_bytes(json.dumps(WHOLE).encode() + b"\n")
    assert cancelled(imports(folder, Story(intended("doubt")))) == []


def test_what_is_no_plain_file_counts_as_unreadable_and_blocks_nobody(folder: Path):
    folder.mkdir()
    os.mkfifo(folder / NAME)
    assert cancelled(imports(folder, Story(intended("doubt")))) == ["doubt"]


def test_a_folder_that_cannot_be_read_is_an_error_and_no_absence_of_kills(tmp_path: Path):
    (tmp_path / "kills").write_bytes(b"")
    with pytest.raises(OSError, match="Not a directory"):
        new_kills(tmp_path / "kills", files=LocalFiles(), imported=())
