"""Builds what shows figures of a running bot to Prometheus: where each of them is looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trading_bot._version import __version__
from trading_bot.bot import TradingBot
from trading_bot.files import FileSystem
from trading_bot.metrics import catalogue
from trading_bot.metrics.exporter import Exporter, Page
from trading_bot.metrics.figures import Figure, Figures, known
from trading_bot.notify.messenger import Messenger
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.poller import Poller
from trading_bot.startup.access import Login
from trading_bot.startup.companions import CompanionError

_WAL = "-wal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the figures are looked at in."""

    bot: TradingBot
    store: OrderStore
    login: Login
    poller: Poller
    database: Path
    files: FileSystem
    messenger: Messenger | None = None


def exporter_of(sources: Sources) -> Exporter | None:
    """Return what shows figures on the port of the settings; None where there is none."""
    port = sources.bot.config.metrics.port
    if port is None:
        return None
    exporter = Exporter(
        lambda: figures_of(sources),
        subscribe=sources.bot.subscribe,
        open_page=lambda figures: _page(figures, port),
    )
    sources.store.subscribe(exporter.on_change)
    return exporter


def _page(figures: Figures, port: int) -> Page:
    try:
        from trading_bot.metrics.prometheus import MetricsPage
    except ModuleNotFoundError as error:
        raise CompanionError(
            "figures need a package that is not installed; run: pip install 'trading-bot[metrics]'"
        ) from error
    try:
        return MetricsPage(figures, port=port)
    except OSError as error:
        raise CompanionError(
            f"port {port} cannot be used ({error.strerror}); set metrics.port to one that is free"
        ) from error


def figures_of(sources: Sources) -> Iterator[Figure]:
    """Look at everything once; what is not known is left out."""
    bot = sources.bot
    yield from known(catalogue.INFO, 1, __version__, bot.config.trading.mode.value)
    yield from known(catalogue.UPDATED, bot.clock.now().timestamp())
    yield from known(catalogue.VIEW_AGE, bot.manager.view.orders_age_s())
    yield from _orders(bot)
    for purpose, left in sources.login.requests_left().items():
        yield from known(catalogue.REQUESTS_LEFT, left, purpose)
    yield from known(catalogue.JOURNAL_RECORDS, sources.store.last_seq)
    yield from known(catalogue.JOURNAL_BYTES, _size_of(sources.database, sources.files))
    yield from known(catalogue.EVENTS_WAITING, bot.events.waiting)
    yield from known(catalogue.POLLER_RUNNING, sources.poller.is_running)
    yield from known(catalogue.POLLER_FAILURES, sources.poller.failures)
    yield from _messages(sources.messenger)


def _orders(bot: TradingBot) -> Iterator[Figure]:
    orders, freezes = bot.open_orders(), bot.manager.ways_out.freezes()
    yield from known(catalogue.OPEN_ORDERS, len(orders))
    yield from known(catalogue.IN_DOUBT, sum(order.state.is_unresolved for order in orders))
    yield from known(catalogue.FROZEN_SYMBOLS, len({each.symbol for each in freezes if each.symbol is not None}))
    yield from known(catalogue.ENTRIES_ALLOWED, bot.manager.halted_because is None)


def _messages(messenger: Messenger | None) -> Iterable[Figure]:
    if messenger is not None:
        yield from known(catalogue.MESSAGES_WAITING, messenger.waiting)
        yield from known(catalogue.MESSAGES_LEFT_OUT, messenger.left_out)
        yield from known(catalogue.MESSAGES_FAILED, messenger.failures)


def _size_of(database: Path, files: FileSystem) -> int | None:
    try:
        facts, log = files.facts_at(database), files.facts_at(database.with_name(database.name + _WAL))
    except OSError:
        return None
    return None if facts is None else facts.size + (0 if log is None else log.size)
