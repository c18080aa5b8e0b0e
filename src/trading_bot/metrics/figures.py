"""Counts what happens and keeps what was looked at last. Knows nothing of Prometheus; safe to share between threads."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

from trading_bot.bot_events import Alert, BotEvent, OrderEnded, OrderFilled, OrderSubmitted, TradingHalted
from trading_bot.clock import Seconds
from trading_bot.metrics.catalogue import ALERTS, FILLS, HALTS, ORDERS, Metric

BUCKETS_S: tuple[Seconds, ...] = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Upper ends of the buckets of a latency; the last bucket has no end. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One value of a metric; each label is text."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How many were at most as long as each end of `BUCKETS_S`, how many there are, and their sum."""

    at_most: tuple[int, ...]
    count: int
    sum_s: Seconds


def known(metric: Metric, value: float | None, *labels: str) -> tuple[Figure, ...]:
    """Return the figure, or nothing where its value is not known or no number."""
    if value is None or not isfinite(value):
        return ()
    return (Figure(metric=metric, value=float(value), labels=labels),)


class Figures:
    """All figures of one bot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Metric, tuple[str, ...]]] = Counter()
        self._latency_counts = [0] * (len(BUCKETS_S) + 1)
        self._latency_sum: Seconds = 0.0
        self._looked_at: tuple[Figure, ...] = ()

    def count(self, event: BotEvent) -> None:
        """Count an event."""
        with self._lock:
            self._counts.update(_counted(event))

    def time(self, latencies: Iterable[Seconds]) -> None:
        """Count submits that took so long; what is no length of time is left out."""
        with self._lock:
            for latency in latencies:
                if isfinite(latency) and latency >= 0:
                    self._latency_counts[bisect_left(BUCKETS_S, latency)] += 1
                    self._latency_sum += latency

    def set(self, looked_at: Iterable[Figure]) -> None:
        """Keep what was looked at in place of what was kept before."""
        figures = tuple(looked_at)
        with self._lock:
            self._looked_at = figures

    def all(self) -> tuple[Figure, ...]:
        """Return every figure but the latencies."""
        with self._lock:
            counted = (
                Figure(metric=metric, value=float(count), labels=labels)
                for (metric, labels), count in self._counts.items()
            )
            return (*counted, *self._looked_at)

    def latencies(self) -> Latencies:
        """Return how long submits took."""
        with self._lock:
            total, at_most = 0, []
            for count in self._latency_counts[:-1]:
                total += count
                at_most.append(total)
            count = total + self._latency_counts[-1]
            return Latencies(at_most=tuple(at_most), count=count, sum_s=self._latency_sum)


def _counted(event: BotEvent) -> Mapping[tuple[Metric, tuple[str, ...]], int]:
    match event:
        case OrderSubmitted():
            return {(ORDERS, ("submitted",)): 1}
        case OrderFilled():
            return {(FILLS, ()): 1}
        case OrderEnded():
            return {(ORDERS, (event.ending.value,)): 1}
        case Alert():
            return {(ALERTS, (event.code.value,)): 1}
        case TradingHalted():
            return {(HALTS, (event.cause or "other",)): 1}
        case _:
            return {}
