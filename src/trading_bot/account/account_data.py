"""The account as the broker last told it: balances and positions behind a short-lived cache."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from trading_bot.account.cache import Cached
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.portfolio import AccountSnapshot, Position, PositionListing, Quote, UnreadPosition
from trading_bot.order_management.ports import AccountGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    positions: Mapping[str, Position]
    unread: tuple[UnreadPosition, ...]


class AccountData:
    """Balances, positions and quotes of one account; safe to use from several threads.

    ``ttl_s`` is how long balances and positions may be reused; zero asks the broker each time. Every read raises
    `OrderStatusError` when the broker gives no data: an old answer is never served in its place.
    """

    def __init__(self, *, gateway: AccountGateway, clock: Clock, ttl_s: Seconds) -> None:
        if not ttl_s >= 0:
            raise ValueError(f"account data can be kept for zero or more seconds, not {ttl_s}; correct the setting")
        self._gateway = gateway
        self._account = Cached(self._fetch_account, clock=clock, ttl_s=ttl_s)
        self._holdings = Cached(self._fetch_positions, clock=clock, ttl_s=ttl_s)
        self._caches: Mapping[str, Cached[AccountSnapshot] | Cached[_Held]] = {
            "buying_power": self._account,
            "positions": self._holdings,
        }

    def account(self, *, by: Seconds | None = None) -> AccountSnapshot:
        """Return balances and restrictions; with ``by``, a point on the clock, the read is over by then."""
        return self._account.get(by=by)[0]

    def buying_power(self) -> Decimal:
        """Return the dollars that may be spent on buys."""
        return self.account().buying_power

    def positions(self) -> Mapping[str, Position]:
        """Return every holding by its symbol; one that is absent is not held, or could not be read."""
        return self.positions_read(by=None)[0]

    def positions_read(self, *, by: Seconds | None) -> tuple[Mapping[str, Position], datetime]:
        """Do the same as `positions`, over by a point on the clock, and say when the read began."""
        held, began = self._holdings.get(by=by)
        return held.positions, began.at

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

    def _fetch_account(self, by: Seconds | None) -> AccountSnapshot:
        return self._reads(by).fetch_account()

    def _fetch_positions(self, by: Seconds | None) -> _Held:
        return _held(self._reads(by).fetch_positions())


def _held(listing: PositionListing) -> _Held:
    # A name that two rows share is nobody's: what is held under it cannot be told.
    named = Counter(row.symbol for row in listing.positions)
    shared = (_shared(row) for row in listing.positions if named[row.symbol] > 1)
    return _Held(
        positions=MappingProxyType({row.symbol: row for row in listing.positions if named[row.symbol] == 1}),
        unread=(*listing.unread, *shared),
    )


def _shared(row: Position) -> UnreadPosition:
    problem = "the broker lists this name more than once"
    return UnreadPosition(name=row.symbol, problem=problem, instrument_id=row.instrument_id, symbol=row.symbol)
