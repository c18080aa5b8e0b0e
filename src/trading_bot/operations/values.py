"""Values that several commands have."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from trading_bot.order_json import amount_text, shares_text
from trading_bot.signals import Price


def _exact(value: object) -> object:
    # A fraction read from JSON as a number has been through binary by the time it is seen here.
    if isinstance(value, str | int | Decimal):
        return value
    raise PydanticCustomError("inexact", "must be text, such as 250.30")


Dollars = Annotated[Price, BeforeValidator(_exact), PlainSerializer(amount_text, when_used="json")]


def _shares(value: object) -> object:
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value) and (shares := Decimal(value)) > 0:
        return shares
    if isinstance(value, Decimal):
        return value
    raise PydanticCustomError("no_shares", "must be a number of shares above zero, such as 120")


_PLAIN_NUMBER = re.compile(r"[0-9]{1,12}([.][0-9]{1,12})?")
Shares = Annotated[Decimal, BeforeValidator(_shares), PlainSerializer(shares_text, when_used="json")]
"""A number of shares above zero, which may have a fraction."""
