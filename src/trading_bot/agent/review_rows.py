"""The broker's own review of an order that is not sent: its alerts, and the market that it goes by.

A review is advice in a good reply: it places nothing and binds nothing. One without an alert proves nothing, and an
order with one may still be accepted. The kinds of alerts are an open set, and what an alert says of itself stands under
a key that cannot be told from its kind, in either spelling.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from trading_bot.agent.quote_rows import parse_agent_quote
from trading_bot.order_management.broker_review import BrokerReview, ReviewAlert
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderTerms
from trading_bot.prose import dollars_in_words, shares_in_words
from trading_bot.robinhood.fields import MaybeNumber, MaybeSymbol, MaybeWord, Payload, parse_payload, printable, word

_KIND_KEYS: Final = ("alertType", "alert_type")
_MOST_DETAILS = 20
_DEEPEST = 4
_LEAST_MASKED = 10**6


class _Figure(Payload):
    value: MaybeNumber = None


class _Review(Payload):
    symbol: MaybeSymbol = None
    side: MaybeWord = None
    order_checks: object = None
    quote_data: object = None
    market_data_disclosure: object = None


def review_of(data: object, terms: OrderTerms) -> BrokerReview:
    """Read the review of an order of these terms.

    Raises:
        OrderStatusError: it is about another order, or does not say what was checked.
    """
    if not isinstance(data, dict):
        raise _trouble("the reply holds none")
    told = _Review.model_validate(data)
    if told.symbol != terms.symbol or word(told.side) != terms.side.value:
        raise _trouble("the broker reviewed another order")
    if not isinstance(told.order_checks, dict):
        raise _trouble("the reply does not say what was checked")
    disclosure = told.market_data_disclosure
    quote = parse_agent_quote(told.quote_data)
    return BrokerReview(
        alerts=tuple(_alerts(told.order_checks)),
        quote=quote if quote is not None and quote.symbol == terms.symbol else None,
        disclosure=printable(disclosure) or None if isinstance(disclosure, str) else None,
    )


def _alerts(checks: Mapping[str, object]) -> Iterator[ReviewAlert]:
    if not checks:
        return
    kinds = [checks[key] for key in _KIND_KEYS if key in checks]
    kind = next((printable(each) for each in kinds if isinstance(each, str) and each.strip()), "not named")
    said = {key: value for key, value in checks.items() if key not in _KIND_KEYS}
    yield ReviewAlert(kind=kind, details=tuple(_facts(said))[:_MOST_DETAILS])


def _facts(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Return each value of an alert's details with the name it stands under, whatever holds it."""
    if isinstance(value, dict) and depth < _DEEPEST:
        amount = value.get("amount")
        if isinstance(amount, str) and set(value) <= {"amount", "currency", "currency_code"}:
            currency = value.get("currency") or value.get("currency_code")
            yield (
                name,
                " ".join(
                    (
                        _shown(amount, write=dollars_in_words),
                        *([printable(currency)] if isinstance(currency, str) else ()),
                    )
                ),
            )
            return
        for key, inner in value.items():
            yield from _facts(inner, printable(str(key)), depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _facts(inner, name, depth + 1)
    elif value is not None:
        yield name, _shown(value)


def _shown(value: object, *, write: Callable[[Decimal], str] = shares_in_words) -> str:
    """Write a value: a figure as ``write`` does, and anything else masked, as a number may be that of an account."""
    figure = parse_payload(_Figure, {"value": value}).value
    if figure is None or not (abs(figure) < _LEAST_MASKED or "." in str(value)):
        return printable(str(value))
    return write(figure)


def _trouble(problem: str) -> OrderStatusError:
    return OrderStatusError(f"reading the broker's review: {problem}; nothing was concluded, ask again")
