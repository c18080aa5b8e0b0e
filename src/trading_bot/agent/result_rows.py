"""What the broker's own books say of results: the lots that are held, and what sells earned.

Lots cannot be joined to orders: what a lot calls its order is a number of another kind, which is read by nobody here.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import RealisedDay, RealisedResult, TaxLot
from trading_bot.robinhood.fields import (
    Amount,
    MaybeAmount,
    MaybeFlag,
    MaybeNumber,
    MaybeWord,
    Payload,
    WireTime,
    account_number_of,
    amount,
    maybe,
    parse_payload,
    word,
)
from trading_bot.robinhood.listing import is_elsewhere
from trading_bot.robinhood.strict_json import UnreadableReplyError

SPANS = ("day", "week", "month", "3month", "year", "all")
"""The words for a span of results. ``3month`` was seen; the others are those of the broker's other lists."""

_TERMS = {"lt": True, "st": False}
_MOST_TRADES = 10**9


def _date(value: object) -> date:
    return date.fromisoformat(value if isinstance(value, str) else "")


def _count(value: object) -> int | None:
    number = amount(value)
    is_count = number is not None and number <= _MOST_TRADES and number == number.to_integral_value()
    return int(number) if number is not None and is_count else None


class _Lot(Payload):
    quantity: Amount
    quantity_available: MaybeAmount = None
    open_date: Annotated[date | None, BeforeValidator(maybe(_date))] = None
    tax_cost_basis: MaybeAmount = None
    term: MaybeWord = None
    open_tran_type: MaybeWord = None
    is_selectable: MaybeFlag = None


class _Day(Payload):
    start_time: WireTime
    end_time: WireTime
    realized_gain: MaybeNumber = None
    number_of_trades: Annotated[int | None, BeforeValidator(_count)] = None


class _Realised(Payload):
    account_number: object = None
    window: MaybeWord = None
    display_currency: MaybeWord = None
    total_returns: MaybeNumber = None
    data_points: object = None


def tax_lots_of(rows: object) -> tuple[TaxLot, ...]:
    """Return the lots of a list.

    Raises:
        OrderStatusError: a lot does not say how many shares it has; a list that is short of one would mislead.
    """
    return tuple(_lot(row) for row in rows) if isinstance(rows, list | tuple) else ()


def realised_of(data: object, *, account_number: str, span: str) -> RealisedResult:
    """Return what sells earned; a day that cannot be read is left out.

    Raises:
        OrderStatusError: the reply is about another account, another span or another currency, or is none.
    """
    if not isinstance(data, dict) or not {"data_points", "total_returns"} & set(data):
        raise _trouble("the reply holds none")
    told = _Realised.model_validate(data)
    if is_elsewhere(account_number_of(told.account_number), account_number):
        raise _trouble("the broker answered with another account's")
    if told.window is not None and word(told.window) != span:
        raise _trouble("the broker answered for another span")
    if told.display_currency is not None and word(told.display_currency) != "usd":
        raise _trouble("it is not in dollars")
    return RealisedResult(span=span, total=told.total_returns, days=tuple(_days(told.data_points)))


def _days(rows: object) -> Iterator[RealisedDay]:
    for row in rows if isinstance(rows, list) else ():
        try:
            day = parse_payload(_Day, row)
        except UnreadableReplyError:
            continue
        yield RealisedDay(
            begins_at=day.start_time, ends_at=day.end_time, gain=day.realized_gain, trades=day.number_of_trades
        )


def _lot(row: object) -> TaxLot:
    try:
        lot = parse_payload(_Lot, row)
    except UnreadableReplyError as error:
        raise OrderStatusError(f"reading the tax lots: {error}; ask again") from error
    return TaxLot(
        quantity=lot.quantity,
        available=lot.quantity_available,
        opened_on=lot.open_date,
        cost_basis=lot.tax_cost_basis,
        is_long_term=_TERMS.get(word(lot.term)),
        kind=lot.open_tran_type,
        is_selectable=lot.is_selectable,
    )


def _trouble(problem: str) -> OrderStatusError:
    return OrderStatusError(f"reading the realised result: {problem}; nothing was concluded, ask again")
