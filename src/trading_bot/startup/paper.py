"""The composition of a paper account: its market, its calendar, and where it is kept between processes."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config, ConfigError, PaperConfig
from trading_bot.files import FileSystem
from trading_bot.market_hours import NYSE_CLOSE, NYSE_OPEN, NYSE_ZONE, MarketHours
from trading_bot.order_management.exceptions import TradingHaltedError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.paper.batched_store import BatchedStore
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.live_quotes import LiveQuotes
from trading_bot.paper.quote_feed import PriceFeed
from trading_bot.paper.quote_record import QuoteRecord
from trading_bot.paper.quotes import QuoteFileError, QuoteSource, ReplayQuotes, SeededWalkQuotes
from trading_bot.paper.sqlite_store import SqliteStore
from trading_bot.paper.state import ExchangeState
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.session import Transport
from trading_bot.state_folder import StateFolder

MakeFeed: TypeAlias = Callable[[LiveQuotes], PriceFeed]
"""Makes what reads real prices for a market."""

PAPER_LOGIN = "paper"
"""User name and password of every paper account."""

LIVE_QUOTES_EVERY_S: Seconds = 2.0
"""How often the real market of held and ordered symbols is read: an eighth of what quotes may be read. Chosen."""

_MOST_WALKED, _MOST_RECORDED = 10_000, 200_000
"""How many quotes of a symbol bars are made of: about a second's work. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperAccount:
    """A paper exchange that is ready to be opened, and the transport that asks it."""

    store: SqliteStore | BatchedStore
    transport: PaperTransport
    feed: PriceFeed | None = None
    """What reads the real market; None where the exchange makes or replays its quotes, and no socket can be opened."""
    record: QuoteRecord | None = None

    def open(self) -> None:
        """Check or open the account, and read the market of its symbols once.

        Raises:
            ExchangeStateError, OSError: as `SqliteStore.open`.
            AuthenticationError: there is no login to read real prices with.
        """
        self.store.open()
        if self.feed is not None:
            self.feed.open(self.symbols())

    def follow(self) -> None:
        """Read the real market of every symbol that is held or ordered."""
        if self.feed is not None:
            self.feed.refresh(self.symbols())

    def symbols(self) -> frozenset[str]:
        """Return the symbols with a position or an open order."""
        with self.store.transaction() as state:
            held = {position.symbol for position in state.positions.values() if position.quantity}
            return frozenset(held | {order.symbol for order in state.open_orders.values()})

    def close(self) -> None:
        """Leave the account to others; raises as `SqliteStore.close`."""
        if self.feed is not None:
            self.feed.close()
        if self.record is not None:
            self.record.close()
        self.store.close()


def paper_account(
    config: Config,
    *,
    account_number: str,
    state: StateFolder,
    files: FileSystem,
    clock: Clock,
    quotes: QuoteSource | None,
    reference_for: Callable[[str], Decimal | None],
    is_durable: bool = True,
    feed_of: MakeFeed | None = None,
) -> PaperAccount:
    """Build the paper exchange of an account; nothing is read or written before it is used.

    One that is not ``is_durable`` is this process's alone until it is closed. ``feed_of`` makes what reads the real
    market, where the exchange trades on that.

    Raises:
        QuoteFileError: the quotes file cannot be used.
    """
    file = SqliteStore(
        state.paper_exchange,
        account_number=account_number,
        opening=lambda: ExchangeState.opening(
            account_number=account_number, cash=config.paper.starting_cash, now=clock.now()
        ),
        files=files,
        is_durable=is_durable,
    )
    store = file if is_durable else BatchedStore(file)
    record = None if feed_of is None else QuoteRecord(config.logs_dir / "quotes", files=files)
    feed = None
    if feed_of is not None and record is not None:
        feed = feed_of(LiveQuotes(clock=clock, on_new=record.add))
    source = quotes or (_quotes(config.paper) if feed is None else feed.market)
    exchange = PaperExchange(
        quotes=source,
        calendar=_exchange_hours(config),
        seed=config.paper.seed,
        most_bar_quotes=_MOST_WALKED if isinstance(source, SeededWalkQuotes) else _MOST_RECORDED,
    )
    transport = PaperTransport(exchange=exchange, store=store, clock=clock, reference_for=reference_for)
    return PaperAccount(store=store, transport=transport, feed=feed, record=record)


def paper_transport(transport: Transport | None, paper: PaperAccount | None) -> Transport:
    """Return what leads to a paper exchange: ``transport``, else that of ``paper``.

    Raises:
        TradingHaltedError: both are None.
    """
    way = transport or (None if paper is None else paper.transport)
    if way is None:
        raise TradingHaltedError("no way to the broker was given; pass a transport", code="no_transport")
    return way


def check_quotes(config: Config) -> None:
    """Read the quotes file that a paper account would start with, if the settings name one.

    Raises:
        ConfigError: it cannot be used.
    """
    if config.trading.mode is not ExecutionMode.PAPER:
        return
    try:
        _quotes(config.paper)
    except QuoteFileError as error:
        raise ConfigError([str(error)]) from error


def _quotes(paper: PaperConfig) -> QuoteSource:
    return ReplayQuotes.from_file(paper.quotes_file) if paper.quotes_file else SeededWalkQuotes(paper.seed)


def _exchange_hours(config: Config) -> MarketHours:
    # The exchange trades its own session, however narrow the hours are in which this bot sends orders.
    return MarketHours(
        calendar=config.trading.effective_calendar,
        start_time=NYSE_OPEN,
        end_time=NYSE_CLOSE,
        timezone=ZoneInfo(NYSE_ZONE),
    )
