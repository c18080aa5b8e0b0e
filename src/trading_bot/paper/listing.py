"""The order list as the broker pages it: newest first, filtered by the keys it knows, cut by an opaque cursor."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias
from urllib.parse import urlencode

from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.refusals import field_error, not_found
from trading_bot.paper.state import PaperOrder
from trading_bot.paper.tickets import BASE_URL
from trading_bot.paper.wire_pages import instrument_url, order_page

_Rule: TypeAlias = Callable[[PaperOrder], bool]


def range_of(query: Mapping[str, str]) -> OrderRange:
    """Return the orders that can be on the page asked for; `list_page` picks them by every key of the query.

    Raises:
        RefusalError: the time or the cursor does not read.
    """
    since = query.get("updated_at[gte]")
    return OrderRange(
        closed=query.get("is_closed", "true").lower() != "false",
        below=opened_cursor(query["cursor"]) if "cursor" in query else None,
        updated_since=None if since is None else _moment("updated_at[gte]", since),
    )


def list_page(
    orders: Iterable[PaperOrder], query: Mapping[str, str], *, account_number: str, page_size: int
) -> dict[str, object]:
    """Return one page of ``orders``, which come newest first; a key the broker does not know changes nothing.

    Raises:
        RefusalError: a time or the cursor does not read.
    """
    chosen = list(islice(_chosen(orders, query, account_number), page_size + 1))
    page = chosen[:page_size]
    return {
        "next": _next_url(query, page[-1]) if len(chosen) > page_size else None,
        "previous": None,
        "results": [order_page(order, account_number) for order in page],
    }


def _chosen(orders: Iterable[PaperOrder], query: Mapping[str, str], account_number: str) -> Iterable[PaperOrder]:
    rules = [_RULES[key](key, value) for key, value in query.items() if key in _RULES]
    if account_number not in query.get("account_numbers", account_number).split(","):
        return ()
    return (order for order in orders if all(rule(order) for rule in rules))


def _is_closed(key: str, value: str) -> _Rule:
    if value.lower() not in ("true", "false"):
        raise field_error(key, f'"{value}" is not a valid boolean.')
    wanted = value.lower() == "true"
    return lambda order: order.state.is_terminal is wanted


def _after_cursor(_key: str, value: str) -> _Rule:
    last = opened_cursor(value)
    return lambda order: order.number < last


def _instrument(_key: str, value: str) -> _Rule:
    return lambda order: instrument_url(order.symbol).rstrip("/") == value.rstrip("/")


def _updated_since(key: str, value: str) -> _Rule:
    since = _moment(key, value)
    return lambda order: order.updated_at >= since


def _created_since(key: str, value: str) -> _Rule:
    since = _moment(key, value)
    return lambda order: order.created_at >= since


_RULES: Mapping[str, Callable[[str, str], _Rule]] = {
    "cursor": _after_cursor,
    "is_closed": _is_closed,
    "instrument": _instrument,
    "updated_at[gte]": _updated_since,
    "created_at[gte]": _created_since,
}


def _moment(key: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise field_error(key, "Enter a valid date/time.") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _next_url(query: Mapping[str, str], last: PaperOrder) -> str:
    return f"{BASE_URL}/orders/?{urlencode({**query, 'cursor': cursor_after(last)})}"


def cursor_after(last: PaperOrder) -> str:
    """Name the last order shown by its time, as the broker does, and its number, because times repeat."""
    return base64.b64encode(f"o={last.number}&p={last.created_at.isoformat(sep=' ')}".encode()).decode()


def opened_cursor(text: str) -> int:
    """Return the number of the order that a cursor names.

    Raises:
        RefusalError: it does not read.
    """
    try:
        number, separator, _time = base64.b64decode(text, validate=True).decode().partition("&p=")
        if not (separator and number.startswith("o=")):
            raise not_found()
        return int(number.removeprefix("o="))
    except (binascii.Error, ValueError) as error:
        raise not_found() from error
