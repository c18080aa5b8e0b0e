"""Every figure there is: its name, its kind, what it says, and the labels that tell its values apart."""

import enum
from dataclasses import dataclass


class MetricKind(enum.StrEnum):
    """The kinds of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure; Prometheus shows a counter with ``_total`` behind its name."""

    name: str
    kind: MetricKind
    says: str
    labels: tuple[str, ...] = ()


def _counter(name: str, says: str, *labels: str) -> Metric:
    return Metric(name=f"trading_bot_{name}", kind=MetricKind.COUNTER, says=says, labels=labels)


def _gauge(name: str, says: str, *labels: str) -> Metric:
    return Metric(name=f"trading_bot_{name}", kind=MetricKind.GAUGE, says=says, labels=labels)


INFO = _gauge("info", "Always 1; version and mode are labels.", "version", "mode")
UPDATED = _gauge("updated_timestamp_seconds", "When these figures were last looked at, in seconds since 1970.")

ORDERS = _counter("orders", "Orders by what became of them; one that was submitted has its end too.", "outcome")
FILLS = _counter("fills", "Fills that were told.")
ALERTS = _counter("alerts", "Alerts by their code.", "code")
HALTS = _counter("halts", "How often entries were stopped, by cause.", "cause")
LATENCY = Metric(
    name="trading_bot_submit_latency_seconds",
    kind=MetricKind.HISTOGRAM,
    says="How long one attempt to submit took, from its beginning to its answer.",
)

VIEW_AGE = _gauge("view_age_seconds", "Age of the last complete look at the broker's open orders.")
OPEN_ORDERS = _gauge("open_orders", "Orders that have not provably ended.")
IN_DOUBT = _gauge("orders_in_doubt", "Orders of which nobody knows whether the broker has them.")
FROZEN_SYMBOLS = _gauge("frozen_symbols", "Symbols in which entries are stopped.")
ENTRIES_ALLOWED = _gauge("entries_allowed", "1 while the account takes entries, 0 while it does not.")
REQUESTS_LEFT = _gauge("requests_left", "Requests that may leave now, by purpose; live alone.", "purpose")
JOURNAL_RECORDS = _gauge("journal_records", "Number of the journal's last record.")
JOURNAL_BYTES = _gauge("journal_bytes", "Size of the journal's file; absent where it is on a server.")
EVENTS_WAITING = _gauge("events_waiting", "Events that wait for the slowest listener.")
POLLER_RUNNING = _gauge("poller_running", "1 while the thread that follows the orders is alive, else 0.")
POLLER_FAILURES = _counter("poller_failures", "Steps of that thread that ended in an unexpected error.")
MESSAGES_WAITING = _gauge("messages_waiting", "Messages to a phone that wait, for all services together.")
MESSAGES_LEFT_OUT = _counter("messages_left_out", "Messages to a phone that did not fit any more.")
MESSAGES_FAILED = _counter("messages_failed", "Sendings to a phone that did not arrive and are repeated.")

CATALOGUE = (
    *(INFO, UPDATED, ORDERS, FILLS, ALERTS, HALTS, LATENCY, VIEW_AGE, OPEN_ORDERS, IN_DOUBT, FROZEN_SYMBOLS),
    *(ENTRIES_ALLOWED, REQUESTS_LEFT, JOURNAL_RECORDS, JOURNAL_BYTES, EVENTS_WAITING, POLLER_RUNNING),
    *(POLLER_FAILURES, MESSAGES_WAITING, MESSAGES_LEFT_OUT, MESSAGES_FAILED),
)
