"""The account as the broker last told it: balances and positions behind a short-lived cache.

A change of ours outdates both. Whoever asks what the account has now gets a new read then; the check of an order may go
on with what is kept, because it takes off what our own orders did since the read began: see `reservations`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from trading_bot.account.cache import Cached, is_young
from trading_bot.account.reservations import OrdersThen, TakenSince
from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.change_log import OrdersNow
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import AccountSnapshot, Position, PositionListing, Quote, UnreadPosition
from trading_bot.order_management.ports import AccountGateway

RENEWED_WITHIN_S: Seconds = 10.0
"""How long a read ahead of need may take. Chosen."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAccount:
    """Balances, and what our orders took since their read began."""

    account: AccountSnapshot
    since: TakenSince


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPositions:
    """Holdings by symbol, and what our orders brought since their read began."""

    positions: Mapping[str, Position]
    unread: tuple[UnreadPosition, ...]
    since: TakenSince


class AccountData:
    """Balances, positions and quotes of one account; safe to use from several threads.

    ``ttl_s`` is how long balances and positions may be reused; zero asks the broker each time. ``orders`` returns every
    order of ours as it is now. Every read raises `OrderStatusError` when the broker gives no data: an old answer is
    never served in its place.
    """

    def __init__(
        self,
        *,
        gateway: AccountGateway,
        clock: Clock,
        ttl_s: Seconds,
        orders: Callable[[], OrdersNow] = OrdersNow,
    ) -> None:
        if not ttl_s >= 0:
            raise ValueError(f"account data can be kept for zero or more seconds, not {ttl_s}; correct the setting")
        self._gateway = gateway
        self._clock = clock
        self._ttl_s = ttl_s
        self._orders = orders
        self._account = Cached(self._fetch_account, clock=clock, ttl_s=ttl_s)
        self._holdings = Cached(self._fetch_positions, clock=clock, ttl_s=ttl_s)
        self._caches: Mapping[str, Cached[KeptAccount] | Cached[KeptPositions]] = {
            "buying_power": self._account,
            "positions": self._holdings,
        }

    def account(self, *, by: Seconds | None = None) -> AccountSnapshot:
        """Return balances and restrictions; with ``by``, a point on the clock, the read is over by then."""
        return self._account.get(by=by)[0].account

    def last_account(self) -> tuple[AccountSnapshot, Moment] | None:
        """Return the balances that were read last, however old, and when that began. The broker is not asked."""
        last = self._account.last()
        return None if last is None else (last[0].account, last[1])

    def buying_power(self) -> Decimal:
        """Return the dollars that may be spent on buys."""
        return self.account().buying_power

    def positions(self) -> Mapping[str, Position]:
        """Return every holding by its symbol; one that is absent is not held, or could not be read."""
        return self._holdings.get(by=None)[0].positions

    def kept_account(self, *, by: Seconds | None, may_be_outdated: bool = True) -> KeptAccount:
        """Return balances to judge an order by, over by a point on the clock: orders of ours may be newer."""
        return self._account.get(by=by, may_be_outdated=may_be_outdated)[0]

    def kept_positions(self, *, by: Seconds | None) -> KeptPositions:
        """Do the same with the positions."""
        return self._holdings.get(by=by, may_be_outdated=True)[0]

    def is_young(self, read: Moment) -> bool:
        """Whether what was read of the account then may still be used."""
        return is_young(read, self._clock, self._ttl_s)

    def renew(self) -> None:
        """Read the balances ahead of need, once half their time is over or an order of ours has changed them.

        Never raises for what the broker does: the next order then reads for itself.
        """
        try:
            self._account.renew(by=self._clock.monotonic() + RENEWED_WITHIN_S)
        except OrderStatusError as error:
            _log.warning("account_not_renewed", problem=str(error))

    def outdate(self) -> None:
        """Note that an order of ours has changed the account."""
        for each in self._caches.values():
            each.outdate()

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes read just now; symbols the broker does not know are absent."""
        return self._gateway.fetch_quotes(symbols)

    def equity(self, *, by: Seconds) -> Decimal | None:
        """Return what the broker says the whole account is worth, in dollars, read just now; None where it does not."""
        return self._reads(by).fetch_equity()

    def invalidate_cache(self, name: str | None = None) -> None:
        """Forget ``buying_power`` (all balances) or ``positions``, or both without a name.

        Raises:
            ValueError: no cache has that name.
        """
        if name is not None and name not in self._caches:
            raise ValueError(
                f"no account data is called {name!r}; use one of {', '.join(self._caches)}, or none for all"
            )
        for each in self._caches if name is None else (name,):
            self._caches[each].invalidate()

    def _reads(self, by: Seconds | None) -> AccountGateway:
        return self._gateway if by is None else self._gateway.by(by)

    def _fetch_account(self, by: Seconds | None) -> KeptAccount:
        since = self._from_now()
        return KeptAccount(account=self._reads(by).fetch_account(), since=since)

    def _fetch_positions(self, by: Seconds | None) -> KeptPositions:
        since = self._from_now()
        return _held(self._reads(by).fetch_positions(), since)

    def _from_now(self) -> TakenSince:
        now = self._orders()
        return TakenSince(OrdersThen.of(now.orders, at=self._clock.now()), mark=now.mark)


def _held(listing: PositionListing, since: TakenSince) -> KeptPositions:
    # A name that two rows share is nobody's: what is held under it cannot be told.
    named = Counter(row.symbol for row in listing.positions)
    shared = (_shared(row) for row in listing.positions if named[row.symbol] > 1)
    return KeptPositions(
        positions=MappingProxyType({row.symbol: row for row in listing.positions if named[row.symbol] == 1}),
        unread=(*listing.unread, *shared),
        since=since,
    )


def _shared(row: Position) -> UnreadPosition:
    problem = "the broker lists this name more than once"
    return UnreadPosition(name=row.symbol, problem=problem, instrument_id=row.instrument_id, symbol=row.symbol)
