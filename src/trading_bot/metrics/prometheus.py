"""The figures as Prometheus reads them, and the small web server that shows them to this machine alone."""

from collections.abc import Iterator
from itertools import groupby

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from trading_bot.clock import Seconds
from trading_bot.metrics.catalogue import LATENCY, Metric, MetricKind
from trading_bot.metrics.figures import BUCKETS_S, Figure, Figures

HOST = "127.0.0.1"


class Exposition(Collector):
    """Shows figures in the families of Prometheus; every value is a finite float, and every label is text."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        """Yield each family once."""
        figures = sorted(self._figures.all(), key=lambda each: each.metric.name)
        for _, group in groupby(figures, key=lambda each: each.metric.name):
            yield _family(tuple(group))
        yield self._latencies()

    def _latencies(self) -> HistogramMetricFamily:
        taken = self._figures.latencies()
        ends = (*map(str, BUCKETS_S), "+Inf")
        buckets = list(zip(ends, map(float, (*taken.at_most, taken.count)), strict=True))
        return HistogramMetricFamily(LATENCY.name, LATENCY.says, buckets=buckets, sum_value=taken.sum_s)


def _family(group: tuple[Figure, ...]) -> CounterMetricFamily | GaugeMetricFamily:
    family = _empty(group[0].metric)
    for each in group:
        family.add_metric(each.labels, each.value)
    return family


def _empty(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    if metric.kind is MetricKind.COUNTER:
        return CounterMetricFamily(metric.name, metric.says, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.says, labels=metric.labels)


class MetricsPage:
    """A web page with the figures, in a registry of its own."""

    def __init__(self, figures: Figures, *, port: int) -> None:
        registry = CollectorRegistry()
        registry.register(Exposition(figures))
        self._server, self._thread = start_http_server(port, addr=HOST, registry=registry)

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._server.server_address[1])

    def close(self, timeout_s: Seconds) -> None:
        """Show the page no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout_s)
