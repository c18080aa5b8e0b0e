"""An anomaly is a kind with its evidence; records of 0.1 that name no kind are told by their sentence."""

from dataclasses import replace

import pytest

from tests.support.order_story import Story, intended, told
from trading_bot.order_management.book.anomalies import Anomaly, AnomalyKind, anomaly_in_words, anomaly_of
from trading_bot.order_management.events import EventKind

OLD = {
    "the broker holds two orders for client order id c1: b-1, which is on record, and b-2": AnomalyKind.TWO_ORDERS,
    "the broker answered with another order (b-2); it was ignored": AnomalyKind.ANOTHER_ORDER,
    "the broker's terms differ from ours: AAPL buy 11 99.85 gfd": AnomalyKind.TERMS_DIFFER,
    "the filled quantity went back from 5 to 3": AnomalyKind.FILLED_WENT_BACK,
    "more was filled (12) than ordered (10)": AnomalyKind.OVERFILLED,
    "reported as filled with 4 of 10 shares": AnomalyKind.FILLED_WITHOUT_SHARES,
    "the broker uses a state word we do not know: hibernating": AnomalyKind.UNKNOWN_WORD,
    "reported as confirmed after it had ended as cancelled": AnomalyKind.AFTER_ITS_END,
    "the broker answers that it does not know this order": AnomalyKind.VANISHED,
    "something nobody wrote so far": AnomalyKind.OTHER,
}


def test_the_old_sentences_cover_every_kind():
    assert set(OLD.values()) == set(AnomalyKind)


@pytest.mark.parametrize(("sentence", "kind"), OLD.items())
def test_a_record_without_a_kind_is_told_by_its_sentence(sentence: str, kind: AnomalyKind):
    old = told(EventKind.ANOMALY_FOUND, reason=sentence)
    assert anomaly_of(old) == anomaly_in_words(sentence) == Anomaly(kind=kind, evidence=sentence)


@pytest.mark.parametrize("kind", AnomalyKind)
def test_a_recorded_kind_counts_whatever_the_sentence_says(kind: AnomalyKind):
    story = Story(intended())
    found = Anomaly(kind=kind, evidence="reported as confirmed after it had ended as cancelled")
    story.tell(found.event(story.order().envelope))
    assert story.order().anomalies == {found}


def test_a_record_without_a_sentence_has_no_evidence():
    found = Anomaly(kind=AnomalyKind.VANISHED, evidence="")
    assert anomaly_of(replace(told(EventKind.ANOMALY_FOUND), details={"anomaly": "vanished"})) == found


def test_a_kind_of_a_later_version_is_read_all_the_same():
    later = replace(told(EventKind.ANOMALY_FOUND, reason="odd"), details={"anomaly": "not invented yet"})
    assert anomaly_of(later).kind is AnomalyKind.OTHER
