"""The broker's ways of saying no: an HTTP status and the body that goes with it."""

from collections.abc import Mapping
from decimal import Decimal


class RefusalError(Exception):
    """The exchange refuses a request, in the broker's own words."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


def detail(status: int, text: str) -> RefusalError:
    """Return a refusal of the whole request."""
    return RefusalError(status, {"detail": text})


def field_error(field: str, text: str) -> RefusalError:
    """Return a refusal of one field."""
    return RefusalError(400, {field: [text]})


def non_field_error(text: str) -> RefusalError:
    """Return a refusal of fields that do not go together."""
    return RefusalError(400, {"non_field_errors": [text]})


def not_found() -> RefusalError:
    """Return the answer to an unknown id."""
    return detail(404, "Not found.")


def not_authenticated() -> RefusalError:
    """Return the answer to a missing, wrong or expired token."""
    return detail(401, "Incorrect authentication credentials.")


def reference_id_taken() -> RefusalError:
    """Return the answer to a repeated ref_id; the first order is not shown."""
    return detail(409, "Reference ID must be unique.")


def not_cancellable() -> RefusalError:
    """Return the answer to cancelling an order that has ended."""
    return detail(403, "Order cannot be cancelled at this time.")


def cannot_afford(symbol: str, price: Decimal, buying_power: Decimal) -> RefusalError:
    """Return the answer to a buy beyond the buying power; it names how many shares there is money for."""
    return detail(400, f"You can only purchase {max(int(buying_power // price), 0)} shares of {symbol}.")


def not_enough_shares() -> RefusalError:
    """Return the answer to selling more than is held and not promised to another sell."""
    return detail(400, "Not enough shares to sell.")


def no_price(symbol: str) -> RefusalError:
    """Return the answer to asking for bars of a symbol that has no price yet."""
    return detail(400, f"No price of {symbol} is known yet: the paper market starts at the first order in it.")


def no_such_bars(interval: str, span: str) -> RefusalError:
    """Return the answer to an interval that does not go with the span."""
    return detail(400, f'span "{span}" is not valid with interval "{interval}".')
