"""The order list as the broker pages it: newest first, filtered by the keys it knows, cut by an opaque cursor."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import urlencode

from trading_bot.paper.refusals import field_error, not_found
from trading_bot.paper.state import PaperOrder
from trading_bot.paper.tickets import BASE_URL
from trading_bot.paper.wire_pages import instrument_url, order_page

_Rule: TypeAlias = Callable[[PaperOrder], bool]


def list_page(
    orders: Sequence[PaperOrder], query: Mapping[str, str], *, account_number: str, page_size: int
) -> dict[str, object]:
    """Return one page of ``orders``, which come newest first; a key the broker does not know changes nothing.

    Raises:
        RefusalError: a time or the cursor does not read.
    """
    chosen = list(_chosen(orders, query, account_number))
    if "cursor" in query:
        last = _opened_cursor(query["cursor"])
        chosen = [order for order in chosen if order.number < last]
    page, rest = chosen[:page_size], chosen[page_size:]
    return {
        "next": _next_url(query, page[-1]) if rest else None,
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


def _instrument(_key: str, value: str) -> _Rule:
    return lambda order: instrument_url(order.symbol).rstrip("/") == value.rstrip("/")


def _updated_since(key: str, value: str) -> _Rule:
    since = _moment(key, value)
    return lambda order: order.updated_at >= since


def _created_since(key: str, value: str) -> _Rule:
    since = _moment(key, value)
    return lambda order: order.created_at >= since


_RULES: Mapping[str, Callable[[str, str], _Rule]] = {
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
    """Name the last order shown by its time, as the broker does, and its number, because times repeat."""
    cursor = base64.b64encode(f"o={last.number}&p={last.created_at.isoformat(sep=' ')}".encode()).decode()
    return f"{BASE_URL}/orders/?{urlencode({**query, 'cursor': cursor})}"


def _opened_cursor(text: str) -> int:
    try:
        number, separator, _time = base64.b64decode(text, validate=True).decode().partition("&p=")
        if not (separator and number.startswith("o=")):
            raise not_found()
        return int(number.removeprefix("o="))
    except (binascii.Error, ValueError) as error:
        raise not_found() from error
