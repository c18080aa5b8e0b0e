"""Bars: of the regular session, ended, oldest first, and of what was asked."""

from datetime import UTC, datetime

import pytest

from tests.agent.sample_replies import sample, samples, varied
from trading_bot.agent.history_rows import history_arguments, history_of
from trading_bot.order_management.exceptions import OrderStatusError

NOW = datetime(2026, 10, 14, 13, 0, tzinfo=UTC)
SHORT, DAYS = sample("get_equity_historicals", "5-minute"), sample("get_equity_historicals", "day bars")


def bars(
    data: object, *, interval: str = "5minute", span: str = "day", now: datetime = NOW, told: list[str] | None = None
):
    note = (told if told is not None else []).append
    return history_of(data, "F", interval=interval, span=span, now=now, note=note)


def changed(**changes: object) -> dict[str, object]:
    return {"results": [{**SHORT["results"][0], **changes}]}


def test_a_span_is_asked_for_by_when_it_begins():
    asked = history_arguments("F", "day", "year", now=NOW)
    assert asked == {"symbols": ["F"], "start_time": "2025-10-13T13:00:00Z", "interval": "day", "bounds": "regular"}


def test_bars_are_read_with_those_that_only_carry_on():
    found = bars(SHORT)
    assert [(bar.volume, bar.is_interpolated) for bar in found] == [(500, False), (139, False), (0, True)]
    assert found[0].begins_at == datetime(2026, 10, 13, 13, 30, tzinfo=UTC)


def test_a_bar_that_has_not_ended_is_left_out():
    assert len(bars(SHORT, now=datetime(2026, 10, 13, 14, 34, tzinfo=UTC))) == 2


def test_the_span_of_a_day_is_the_latest_day_with_bars():
    rows = SHORT["results"][0]["bars"]
    earlier = {**rows[0], "begins_at": "2026-10-12T13:30:00Z"}
    assert bars(changed(bars=[earlier, *rows])) == bars(SHORT)
    assert len(bars(changed(bars=[earlier, *rows]), span="week")) == 4


def test_days_are_of_the_date_they_begin_on():
    found = bars(DAYS, interval="day", span="month")
    assert [bar.begins_at.day for bar in found] == [9, 12]


def test_bars_of_another_session_are_no_bars_of_the_regular_one():
    rows = SHORT["results"][0]["bars"]
    odd = [{**rows[0], "session": "pre"}, {**rows[1], "session": None}, {**rows[2], "session": "REGULAR"}]
    assert len(bars(changed(bars=odd))) == 2


def test_no_bars_are_no_error_and_an_unknown_symbol_is_one():
    assert bars(changed(bars=None)) == ()
    assert bars(changed(bars=[])) == ()
    with pytest.raises(OrderStatusError, match="check the symbol"):
        bars({"results": None, "not_found": ["F"]})


@pytest.mark.parametrize("change", [{"symbol": "T"}, {"interval": "day"}, {"bounds": "extended"}, {"bars": {}}])
def test_bars_of_something_else_are_an_error(change):
    with pytest.raises(OrderStatusError):
        bars(changed(**change))


@pytest.mark.parametrize(
    "data", [None, [], {}, {"results": []}, {"results": [None]}, {"results": SHORT["results"] * 2}]
)
def test_a_reply_that_holds_none_is_an_error(data):
    with pytest.raises(OrderStatusError):
        bars(data)


def test_a_bar_that_cannot_be_read_is_left_out_and_told():
    told: list[str] = []
    rows = SHORT["results"][0]["bars"]
    assert len(bars(changed(bars=[{**rows[0], "high_price": "0"}, *rows[1:]]), told=told)) == 2
    assert told == ["F: some bars of 5minute cannot be read, and are left out"]


def test_no_odd_history_ends_in_anything_but_an_answer_or_a_typed_error():
    for each in samples("get_equity_historicals"):
        for data in varied(each.data):
            try:
                found = bars(data)
            except OrderStatusError:
                continue
            assert all(0 < bar.low <= bar.high for bar in found)
