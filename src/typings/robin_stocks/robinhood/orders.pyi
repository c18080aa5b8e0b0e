# ruff: noqa: N803 - the argument names are the library's own
from decimal import Decimal

import requests

def order(
    symbol: str,
    quantity: int,
    side: str,
    limitPrice: float | Decimal | None = None,
    stopPrice: float | Decimal | None = None,
    account_number: str | None = None,
    timeInForce: str = "gtc",
    extendedHours: bool = False,
    jsonify: bool = True,
    market_hours: str = "regular_hours",
) -> dict[str, object] | requests.Response | None: ...
