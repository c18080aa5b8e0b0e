"""Values that several questions carry."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from trading_bot.order_json import amount_text
from trading_bot.signals import Price


def _exact(value: object) -> object:
    # A fraction read from JSON as a number has been through binary by the time it is seen here.
    if isinstance(value, str | int | Decimal):
        return value
    raise PydanticCustomError("inexact", "must be text, such as 250.30")


Dollars = Annotated[Price, BeforeValidator(_exact), PlainSerializer(amount_text, when_used="json")]
