"""What an account comes to: balances, worth and results in one value, put together from what was read. Pure.

A figure that nothing is known of is None. One that is known in part covers that part, and the lists beside it name the
rest: no zero stands for something that nobody read.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.order_management.portfolio import AccountSnapshot, Quote
from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
from trading_bot.risk.marks import Mark, mark_of
from trading_bot.risk.watch import AccountResults


class EquitySource(enum.StrEnum):
    """Where the worth of an account comes from."""

    BROKER = "broker"
    QUOTES = "quotes"
    """Added up here: all of the account's own money, and each position at what `mark_of` makes of its quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """One account, in dollars and without fees; None is what is not known."""

    as_of: datetime
    """When the reading of the balances began."""
    cash: Decimal | None
    """The account's own money, with what open orders hold of it, where the broker says so; else its ``cash``."""
    buying_power: Decimal
    equity: Decimal | None
    """What the whole account is worth."""
    equity_from: EquitySource | None
    realised_today: Decimal | None
    """What the sells of today earned, by this account's journal."""
    realised: Decimal | None
    """What all sells earned. None also once the journal's oldest orders have left the memory of the bot."""
    unrealised_today: Decimal | None
    """What the held shares gained today, by fresh quotes.

    None outside of the regular session, and where the broker says no last close of shares from before today.
    """
    unrealised: Decimal | None
    """What the held shares are worth beyond what they cost."""
    unknown_sales_today: int
    """Sells of shares whose cost is not known, whole or in part: those shares are no part of ``realised_today``."""
    unknown_sales: int
    """The same for ``realised``."""
    unmarked: tuple[str, ...]
    """Held symbols that the unrealised figures leave out: no fresh quote, or a position that is in doubt."""
    unknown_cost: tuple[str, ...]
    """Held symbols with shares that were not bought through this journal: no result counts those shares."""
    problems: tuple[str, ...]
    """What could not be read; the figures that rest on it are None or leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedMarks:
    """Marks by quotes that were just read."""

    quotes: Mapping[str, Quote]

    def of(self, symbol: str) -> Mark | None:
        """Return the mark of a symbol, or None where its quote shows no usable price."""
        quote = self.quotes.get(symbol)
        return None if quote is None else mark_of(quote)


def summarised(
    account: AccountSnapshot,
    *,
    broker_equity: Decimal | None,
    held: ShownPositions | None,
    quotes: Mapping[str, Quote],
    results: AccountResults,
    problems: Sequence[str],
) -> AccountSummary:
    """Put a summary together; ``held`` is None where the positions could not be read."""
    cash = account.cash if account.portfolio_cash is None else account.portfolio_cash
    equity, source = broker_equity, EquitySource.BROKER
    if equity is None:
        # The broker's ``cash`` leaves out what open orders hold of it: only ``portfolio_cash`` is all of it.
        equity, source = _added_up(account.portfolio_cash, held, QuotedMarks(quotes=quotes)), EquitySource.QUOTES
    shown = () if held is None else held.positions
    unknown_cost = tuple(_of_unknown_cost(shown, results.known_shares))
    is_any_known = any(results.known_shares.values()) or not (unknown_cost or held is None or held.unread)
    return AccountSummary(
        as_of=account.as_of,
        cash=cash,
        buying_power=account.buying_power,
        equity=equity,
        equity_from=None if equity is None else source,
        realised_today=results.realised_today,
        realised=results.realised,
        unrealised_today=results.unrealised_today if is_any_known else None,
        unrealised=results.unrealised if is_any_known else None,
        unknown_sales_today=results.unknown_sales_today,
        unknown_sales=results.unknown_sales,
        unmarked=results.unmarked,
        unknown_cost=unknown_cost,
        problems=(*problems, *(f"position {row.name}: {row.problem}" for row in (() if held is None else held.unread))),
    )


def _of_unknown_cost(shown: Iterable[ShownPosition], known: Mapping[str, Decimal]) -> Iterable[str]:
    return (each.symbol for each in shown if each.quantity > known.get(each.symbol, 0))


def _added_up(cash: Decimal | None, held: ShownPositions | None, marks: QuotedMarks) -> Decimal | None:
    if cash is None or held is None or held.unread:
        return None
    worth = [_worth(each, marks.of(each.symbol)) for each in held.positions]
    known = [dollars for dollars in worth if dollars is not None]
    return exact_sum((cash, *known)) if len(known) == len(worth) else None


def _worth(shown: ShownPosition, mark: Mark | None) -> Decimal | None:
    if not shown.quantity:
        return Decimal(0)
    return None if mark is None else EXACT.multiply(shown.quantity, mark.price)
