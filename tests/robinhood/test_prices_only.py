"""A session for prices can read prices: whatever else is asked of it, nothing is sent."""

import pytest
import requests
from requests.exceptions import InvalidURL

from trading_bot.robinhood.prices_only import PricesOnly

BASE = "https://api.robinhood.com"


class Noting(requests.adapters.BaseAdapter):
    """Notes what reaches it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.is_closed = False

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        self.sent.append(f"{request.method} {request.path_url}")
        return requests.Response()

    def close(self) -> None:
        self.is_closed = True


def prepared(method: str, path: str, body: str | None = None) -> requests.PreparedRequest:
    return requests.Request(method, f"{BASE}{path}", data=body).prepare()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/quotes/?symbols=AAPL,BRK.B"),
        ("GET", "/marketdata/historicals/BRK.B/?interval=day&span=week&bounds=regular"),
        ("GET", "/instruments/?symbol=AAPL"),
        ("GET", "/instruments/450dfc6d-5510-4d40-abfb-f633b7d9be3e/"),
        ("POST", "/oauth2/token/"),
    ],
)
def test_prices_are_read_and_a_login_renewed(method, path):
    way = Noting()
    PricesOnly(way).send(prepared(method, path), timeout=1)
    assert way.sent == [f"{method} {path}"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/orders/", "side=buy"),
        ("GET", "/orders/", None),
        ("POST", "/orders/1/cancel/", None),
        ("POST", "/quotes/", None),
        ("DELETE", "/quotes/", None),
        ("GET", "/quotes/", "side=buy"),
        ("GET", "/quotes/../orders/", None),
        ("GET", "/quotes/AAPL/orders/", None),
        ("GET", "/instruments/%2e%2e/", None),
        ("GET", "/accounts/", None),
        ("GET", "/oauth2/token/", None),
        ("POST", "/oauth2/revoke_token/", None),
        ("PUT", "/oauth2/token/", None),
    ],
)
def test_anything_else_is_refused_before_it_is_sent(method, path, body):
    way = Noting()
    with pytest.raises(InvalidURL, match="nothing was sent"):
        PricesOnly(way).send(prepared(method, path, body))
    assert way.sent == []


def test_closing_it_closes_what_is_below():
    way = Noting()
    PricesOnly(way).close()
    assert way.is_closed
