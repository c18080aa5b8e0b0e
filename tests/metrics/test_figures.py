"""What is counted and kept, and that no figure is ever anything but a finite number."""

import pytest

from tests.support.notify_bench import alert, ended, filled, halted, submitted
from trading_bot.bot_events import TradingResumed
from trading_bot.metrics.catalogue import ALERTS, CATALOGUE, FILLS, HALTS, OPEN_ORDERS, ORDERS, VIEW_AGE
from trading_bot.metrics.figures import BUCKETS_S, Figure, Figures, known
from trading_bot.order_management.models import OrderState

AT = filled().at


def test_every_name_is_there_once():
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_events_are_counted_by_what_they_say():
    figures = Figures()
    resumed = TradingResumed(at=AT, symbol=None, cause="drift", reason="", by="")
    for event in (
        *(submitted(), submitted(), filled(), ended(OrderState.REJECTED), alert(), halted("drift"), halted(None)),
        resumed,
    ):
        figures.count(event)
    assert set(figures.all()) == {
        Figure(metric=ORDERS, value=2, labels=("submitted",)),
        Figure(metric=FILLS, value=1),
        Figure(metric=ORDERS, value=1, labels=("rejected",)),
        Figure(metric=ALERTS, value=1, labels=("outcome_unknown",)),
        Figure(metric=HALTS, value=1, labels=("drift",)),
        Figure(metric=HALTS, value=1, labels=("other",)),
    }


def test_a_latency_is_in_every_bucket_that_is_not_shorter():
    figures = Figures()
    figures.time([0.01, 0.3, 21.0])
    taken = figures.latencies()
    assert dict(zip(BUCKETS_S, taken.at_most, strict=True)) == {
        end: (0 if end < 0.01 else 1 if end < 0.3 else 2) for end in BUCKETS_S
    }
    assert taken.count == 3
    assert taken.sum_s == pytest.approx(21.31)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1.0])
def test_what_is_no_length_of_time_is_left_out(odd):
    figures = Figures()
    figures.time([odd])
    assert (figures.latencies().count, figures.latencies().sum_s) == (0, 0)


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_no_figure(unknown):
    assert known(VIEW_AGE, unknown) == ()


def test_what_was_looked_at_takes_the_place_of_what_was_before():
    figures = Figures()
    figures.set(known(VIEW_AGE, 3))
    figures.set(known(OPEN_ORDERS, True))
    (only,) = figures.all()
    assert (only.metric, only.value, type(only.value)) == (OPEN_ORDERS, 1.0, float)
