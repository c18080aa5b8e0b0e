"""The JSON form of events is what `docs/events.md` says, word for word and key for key."""

import json
import re
from dataclasses import fields
from typing import get_args

import pytest

from tests.support.command_line import REPOSITORY
from tests.support.paper_market import MONDAY
from tests.support.told_events import EVENTS
from trading_bot.bot_events import AlertCode, BotEvent
from trading_bot.event_feeds import EventsMissed
from trading_bot.event_json import RUN_ENDED, SIGNAL_RESULT, event_json
from trading_bot.order_management.book.anomalies import AnomalyKind

PAGE = (REPOSITORY / "docs" / "events.md").read_text(encoding="utf-8")
ALL = (*EVENTS, EventsMissed(at=MONDAY, count=3))


def table(heading: str) -> dict[str, list[str]]:
    """Return the first and the last cell of each row, the words in code marks of each."""
    rows = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    cells = [row.strip("|").split("|") for row in rows]
    return {word: re.findall(r"`(\w+)`", row[-1]) for row in cells for word in re.findall(r"`(\w+)`", row[0])}


def test_there_is_an_example_of_every_kind():
    assert {type(event) for event in EVENTS} == set(get_args(BotEvent))


def test_the_page_has_every_word_and_its_keys():
    written: dict[str, list[str]] = {}
    for event in ALL:
        first, second, third, *keys = event_json(event)
        assert (first, second, third) == ("v", "event", "at")
        written[str(event_json(event)["event"])] = keys
    assert table("| `event` |") == written


def test_the_page_has_every_code_of_an_alert():
    assert table("| `code` of an alert |").keys() == {code.value for code in AlertCode}


def test_every_odd_answer_of_the_broker_has_a_code():
    assert {kind.value for kind in AnomalyKind} <= {code.value for code in AlertCode}


def test_the_lines_of_a_run_have_words_of_their_own():
    assert f"`{SIGNAL_RESULT}`" in PAGE
    assert f"`{RUN_ENDED}`" in PAGE


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_every_field_is_written_and_can_be_read_as_json(event: BotEvent | EventsMissed):
    form = event_json(event)
    assert {field.name for field in fields(event)} == form.keys() - {"v", "event"}
    assert json.loads(json.dumps(form)) == form
