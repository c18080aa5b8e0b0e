"""The page that Prometheus reads, over loopback, and the example dashboard, which asks for no other names."""

import json
import re
import socket
from collections.abc import Callable
from decimal import Decimal
from http.client import HTTPConnection
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.command_line import REPOSITORY
from tests.support.notify_bench import filled, submitted
from trading_bot.event_feeds import EventFeeds
from trading_bot.metrics.catalogue import CATALOGUE, VIEW_AGE, MetricKind
from trading_bot.metrics.exporter import Exporter
from trading_bot.metrics.figures import Figure, Figures, known
from trading_bot.metrics.prometheus import HOST, MetricsPage
from trading_bot.order_management.events import EventKind

PAGE = REPOSITORY / "docs" / "metrics.md"
DASHBOARD = REPOSITORY / "examples" / "dashboard.json"


def everything() -> Figures:
    """Figures with a value of each metric."""
    figures = Figures()
    figures.set(
        Figure(metric=each, value=1.0, labels=each.labels)
        for each in CATALOGUE
        if each.kind is not MetricKind.HISTOGRAM
    )
    figures.time([0.2])
    return figures


def scraped(figures: Figures) -> str:
    page = MetricsPage(figures, port=0)
    try:
        connection = HTTPConnection(HOST, page.port, timeout=20)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
        page.close(20)


def samples(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_page_shows_every_metric_of_the_catalogue_and_nothing_else():
    text = scraped(everything())
    shown = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    assert shown == {f"{each.name}_total" if each.kind is MetricKind.COUNTER else each.name for each in CATALOGUE}


def test_a_figure_that_is_not_known_is_absent_and_no_zero():
    figures = Figures()
    figures.set(known(VIEW_AGE, None))
    assert VIEW_AGE.name not in scraped(figures)


def test_counts_and_latencies_are_shown_with_their_values():
    figures = Figures()
    figures.count(submitted())
    figures.time([0.2, 30.0])
    shown = samples(scraped(figures))
    assert shown["trading_bot_orders_total"] == 1
    assert shown["trading_bot_submit_latency_seconds_count"] == 2
    assert shown["trading_bot_submit_latency_seconds_sum"] == 30.2


def test_the_page_is_for_this_machine_alone():
    page = MetricsPage(Figures(), port=0)
    try:
        assert page._server.server_address[0] == "127.0.0.1"
    finally:
        page.close(20)


class FakePage:
    def __init__(self) -> None:
        self.closed = 0

    def close(self, timeout_s: float) -> None:
        self.closed += 1


class Bench:
    def __init__(self, look: Callable[[], tuple[Figure, ...]] = lambda: known(VIEW_AGE, 2)) -> None:
        self.events, self.page = EventFeeds(), FakePage()
        self.exporter = Exporter(look, subscribe=self.events.subscribe, open_page=lambda figures: self.page)


def attempted(latency_ms: Decimal | None, kind: EventKind = EventKind.SUBMIT_ATTEMPTED):
    return SimpleNamespace(event=SimpleNamespace(event=kind, latency_ms=latency_ms))


def test_it_counts_from_its_beginning_to_its_end():
    bench = Bench()
    bench.events.tell([filled()])
    bench.exporter.start()
    bench.events.tell([filled()])
    assert bench.events.settle(20)
    bench.exporter.stop(timeout_s=20)
    bench.events.tell([filled()])
    assert [each.value for each in bench.exporter.figures.all()] == [1.0]
    assert bench.page.closed == 1


def test_only_attempts_that_were_timed_are_latencies():
    bench = Bench()
    for change in (attempted(Decimal(1500)), attempted(None), attempted(Decimal(7), EventKind.ORDER_ACCEPTED)):
        bench.exporter.on_change(change)
    assert bench.exporter.figures.latencies().count == 0
    bench.exporter.look()
    taken = bench.exporter.figures.latencies()
    assert (taken.count, taken.sum_s) == (1, 1.5)
    assert [each.metric for each in bench.exporter.figures.all()] == [VIEW_AGE]


def test_what_never_began_ends_at_once():
    bench = Bench()
    bench.exporter.stop(timeout_s=20)
    assert bench.page.closed == 0


def test_the_page_lists_every_metric_with_its_kind_and_labels():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == {
        (f"{each.name}_total" if each.kind is MetricKind.COUNTER else each.name): each.kind.value
        + "".join(f", `{label}`" for label in each.labels)
        for each in CATALOGUE
    }


def test_the_example_dashboard_asks_for_nothing_that_is_not_shown():
    shown = set(samples(scraped(everything())))
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(asked) > 8
    assert {name for text in asked for name in re.findall(r"trading_bot_\w+", text)} <= shown


def test_a_taken_port_cannot_be_used():
    with socket.create_server((HOST, 0)) as taken, pytest.raises(OSError, match="in use"):
        MetricsPage(Figures(), port=taken.getsockname()[1])
