"""What of a broker's answer does not fit: a kind, on which decisions rest, and the evidence for people.

Up to 0.1 some records named no kind, and records that carried an order into a new segment never did. Their kind
follows from the sentence that those versions wrote; nothing else rests on a sentence.
"""

import enum

from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.models import OrderEnvelope
from trading_bot.values import Value, replace

_KIND = "anomaly"


class AnomalyKind(enum.StrEnum):
    """What does not fit."""

    TWO_ORDERS = "two_orders"  # a second order under the ref_id of ours
    ANOTHER_ORDER = "another_order"  # the answer was about some other order
    TERMS_DIFFER = "terms_differ"
    FILLED_WENT_BACK = "filled_went_back"
    OVERFILLED = "overfilled"
    FILLED_WITHOUT_SHARES = "filled_without_shares"
    UNKNOWN_WORD = "unknown_word"
    AFTER_ITS_END = "after_its_end"
    VANISHED = "vanished"  # the broker does not know an order that it has shown before
    OTHER = "other"  # a record that names no kind we know


class Anomaly(Value, frozen=True, kw_only=True):
    """One thing that does not fit; the same kind with the same evidence is recorded once."""

    kind: AnomalyKind
    evidence: str
    """Both sides of it, in a sentence."""

    def event(self, envelope: OrderEnvelope) -> OrderEvent:
        """Return its record."""
        return replace(about(envelope, EventKind.ANOMALY_FOUND), reason=self.evidence, details={_KIND: self.kind.value})


def anomaly_of(fact: OrderEvent) -> Anomaly:
    """Return what a record says does not fit."""
    word, evidence = fact.details.get(_KIND), fact.reason or ""
    kind = next((kind for kind in AnomalyKind if kind.value == word), None)
    return anomaly_in_words(evidence) if kind is None else Anomaly(kind=kind, evidence=evidence)


def anomaly_in_words(sentence: str) -> Anomaly:
    """Return the anomaly of a record that has nothing but the sentence."""
    kind = next((kind for begin, kind in _OLD_SENTENCES if sentence.startswith(begin)), AnomalyKind.OTHER)
    return Anomaly(kind=kind, evidence=sentence)


_OLD_SENTENCES = (
    ("the broker holds two orders for client order id ", AnomalyKind.TWO_ORDERS),
    ("the broker answered with another order ", AnomalyKind.ANOTHER_ORDER),
    ("the broker's terms differ from ours", AnomalyKind.TERMS_DIFFER),
    ("the filled quantity went back ", AnomalyKind.FILLED_WENT_BACK),
    ("more was filled ", AnomalyKind.OVERFILLED),
    ("reported as filled with ", AnomalyKind.FILLED_WITHOUT_SHARES),
    ("the broker uses a state word we do not know", AnomalyKind.UNKNOWN_WORD),
    ("reported as ", AnomalyKind.AFTER_ITS_END),
    ("the broker answers that it does not know this order", AnomalyKind.VANISHED),
)
