"""What a named person decides about freezes and halts: release a symbol, resume entries after an exit."""

from collections.abc import Collection
from datetime import timedelta

from trading_bot.clock import Clock
from trading_bot.order_management.book.freezes import Cause, EndedBy, Freeze, ended, frozen
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.order_store import OrderStore

REENTRY_WAIT = timedelta(seconds=60)
"""How long after the end of an exit no entry in its symbol is taken. Chosen: one bar of most strategies."""

THE_ACCOUNT = "the account"
"""What is resumed where no symbol is named."""

_RELEASED = frozenset({EndedBy.RELEASE, EndedBy.TIME})


class FreezeDecisions:
    """Ends freezes and halts that a person may end."""

    def __init__(self, *, store: OrderStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def release(self, symbol: str, *, by: str, reason: str) -> None:
        """Take entries in a symbol again that was frozen for what the broker answered.

        Raises:
            OrderValidationError: it is not frozen so; the message says what ends the freeze it has.
        """
        with self._store.open_book() as book:
            standing = book.freezes(symbol=symbol)
            own = [freeze for freeze in standing if freeze.symbol is not None]
            ending = [freeze for freeze in own if freeze.ended_by in _RELEASED]
            halts = [freeze for freeze in standing if freeze.cause is Cause.DUPLICATE_REF_ID]
            duplicates = [halt for halt in halts if halt.concerns == symbol]
            if not ending and not duplicates:
                raise OrderValidationError(_not_released(symbol, own), symbol=symbol)
            self._end((*ending, *duplicates), by=by, reason=reason)

    def resume(self, symbol: str | None, *, by: str, reason: str) -> tuple[str, ...]:
        """Take entries again after an exit of ``symbol``, or with None everywhere; return what was ended.

        Raises:
            OrderValidationError: nothing there waits for it.
        """
        with self._store.open_book() as book:
            standing = book.freezes(now=self._clock.now())
            ending = [freeze for freeze in standing if _is_meant(freeze, symbol)]
            if not ending:
                raise OrderValidationError(
                    f"no entries {'in ' + ascii(symbol) if symbol else 'of the account'} wait to be resumed; "
                    "'trading-bot frozen' lists what stops them",
                    symbol=symbol,
                )
            self._end(ending, by=by, reason=reason)
            self._wait_after_exits(book, ending)
        return tuple(freeze.symbol or THE_ACCOUNT for freeze in ending)

    def _end(self, freezes: Collection[Freeze], *, by: str, reason: str) -> None:
        self._store.record_facts(ended(freeze, by=by, reason=reason) for freeze in freezes)

    def _wait_after_exits(self, book: OrderBook, resumed: Collection[Freeze]) -> None:
        now = self._clock.now()
        for freeze in resumed:
            left = book.exits.ended_at(freeze.symbol) if freeze.symbol is not None else None
            if freeze.symbol is not None and left is not None and now < left + REENTRY_WAIT:
                reason = "the position was left a moment ago"
                self._store.record_fact(frozen(freeze.symbol, Cause.REENTRY, reason, until=left + REENTRY_WAIT))


def _is_meant(freeze: Freeze, symbol: str | None) -> bool:
    return freeze.ended_by is EndedBy.RESUME and (symbol is None or freeze.symbol == symbol)


def _not_released(symbol: str, own: Collection[Freeze]) -> str:
    if not own:
        return f"{symbol!a} is not frozen; 'trading-bot frozen' lists the frozen symbols"
    return f"{symbol} is not released: {'; '.join(f'{freeze.reason}; {freeze.remedy}' for freeze in own)}"
