"""Every address that we ask against the reference client's own, for the version that is installed.

The build runs this with the pinned version of robin_stocks and with the lowest one. An address that the reference does
not have is listed with the reason why it is asked all the same; one that is not listed fails.
"""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from robin_stocks.robinhood import authentication, urls

from tests.support.source_tree import source_files
from trading_bot.robinhood.session import BASE_URL
from trading_bot.robinhood.wire import account_url, instrument_url

pytestmark = pytest.mark.no_cover  # each function that it calls has a quick test of its own

ID = "5QR10001"

THEIRS: dict[str, Callable[[], str]] = {
    "/accounts/": urls.account_profile_url,
    # Theirs leaves out the closing slash, which the broker's own links have.
    "/accounts/{}/": lambda: urls.account_profile_url(ID) + "/",
    "/challenge/": lambda: urls.challenge_url(ID).removesuffix(f"{ID}/respond/"),
    "/instruments/": urls.instruments_url,
    "/oauth2/token/": urls.login_url,
    "/orders/": urls.orders_url,
    "/orders/{}/": lambda: urls.orders_url(orderID=ID),
    "/orders/{}/cancel/": lambda: urls.cancel_url(ID),
    # Theirs leaves out the closing slash here too.
    "/portfolios/{}/": lambda: urls.portfolio_profile_url(ID) + "/",
    "/positions/": urls.positions_url,
    "/quotes/": urls.quotes_url,
}
"""Our addresses that robin_stocks has as functions; {} stands for an id or a number."""

IN_ITS_LOGIN = ("/pathfinder/user_machine/", "/pathfinder/inquiries/", "/push/")
"""Addresses that stand in its login and in no function of their own."""

ONLY_OURS = {
    "/marketdata/historicals/{}/": "one symbol at a time; robin_stocks asks /quotes/historicals/ for several at once",
    "/instruments/{}/": "the broker's own link in each order and position, which robin_stocks follows as it comes",
    "/positions/{}/{}/": "the broker's own link in each order: one position alone",
    "/oauth2/revoke_token/": "robin_stocks never revokes a token",
}

PARTS = (
    *("/cancel/", "/user_view/", "/get_prompts_status/", "/oauth2/", "/pathfinder/"),
    *("/marketdata/", "/portfolios/", "/marketdata/historicals/"),
)
"""Beginnings and ends by which a request is told from others; the whole addresses are above."""


def _addresses() -> Iterator[str]:
    """Yield each text of the rooms of the wire that looks like an address."""
    for source in source_files():
        if source.path.startswith(("auth/", "robinhood/")) or source.path == "order_management/gateways.py":
            texts = (_template(node) for node in ast.walk(source.tree))
            yield from (text for text in texts if re.fullmatch(r"/[a-z0-9_{}/]+/", text))


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_address_in_the_source_is_compared_or_explained():
    assert set(_addresses()) == {*THEIRS, *IN_ITS_LOGIN, *ONLY_OURS, *PARTS}


@pytest.mark.parametrize("address", THEIRS)
def test_our_address_is_the_one_of_the_library(address):
    theirs = urlsplit(THEIRS[address]())
    assert f"{theirs.scheme}://{theirs.netloc}{theirs.path}" == BASE_URL + address.replace("{}", ID)


@pytest.mark.parametrize("address", IN_ITS_LOGIN)
def test_the_login_of_the_library_has_the_address(address):
    assert f"{BASE_URL}{address}" in inspect.getsource(authentication)


@pytest.mark.parametrize("address", ONLY_OURS)
def test_an_address_that_only_we_have_could_not_be_compared(address):
    assert f"{BASE_URL}{address.replace('{}', '{0}')}'" not in inspect.getsource(urls)


def test_an_order_names_its_account_and_instrument_by_the_addresses_of_the_library():
    assert account_url(ID) == f"{urls.account_profile_url(ID)}/"
    assert instrument_url(ID) == f"{urls.instruments_url()}{ID}/"
