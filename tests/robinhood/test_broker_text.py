"""What the broker quotes of account, person and session is masked wherever its words become ours."""

import time

import pytest

from tests.support.loopback_broker.acts import reply
from tests.support.loopback_broker.bench import bench
from trading_bot.robinhood.broker_text import LONGEST_READ, masked
from trading_bot.robinhood.fields import MaybeWord, Payload, parse_payload
from trading_bot.robinhood.wire import printable

ORDER = "7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11"
OPAQUE = "q8Zr2-xT_0pLw9Vb3nKd7"
WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3OTV9.c2lnbmF0dXJl"


class _Row(Payload):
    state: MaybeWord


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("account 5QR12345 is closed", "account ****2345 is closed"),
        ("account 5qr12345 is closed", "account ****2345 is closed"),
        ("account_5QR1A2345.", "account_*****2345."),
        ("/accounts/123456789/", "/accounts/*****6789/"),
        ("account_number: 5QR12345", "account_number: ***"),
        ("ask ann.b+c@mail.example.com", "ask ***"),
        ("ask ann%40mail.example.com!", "ask ***!"),
        (f"with {OPAQUE}.", "with ***."),
        (f"with {WEB_TOKEN} again", "with *** again"),
        ("Authorization: Bearer abc", "Authorization: ***"),
    ],
)
def test_secrets_are_masked_and_accounts_keep_their_last_four(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"order {ORDER} of /instruments/{ORDER}/",
        "You can only purchase 12 shares of AAPL at 250.25.",
        "position_closing_only_for_this_instrument",
        "partially_filled_rest_cancelled",
        "Expected available in 1154 seconds.",
    ],
)
def test_what_helps_an_operator_stays(text):
    assert masked(text) == text


def test_what_is_known_is_masked_whatever_it_looks_like():
    assert masked("no: Hunter two", known=["hunter TWO"]) == "no: ***"


@pytest.mark.parametrize("secret", ["5QR12345", "ann@mail.example.com", OPAQUE])
def test_a_secret_across_the_end_of_what_is_read_is_not_shown_in_part(secret):
    for cut in range(1, len(secret)):
        text = "a " * ((LONGEST_READ - cut) // 2) + " " * ((LONGEST_READ - cut) % 2) + secret
        assert masked(text).split()[-1] == "a"


def test_a_text_that_shrinks_by_masking_shows_no_more_of_its_end():
    long_token = "x1" * (LONGEST_READ // 2 - 4)
    assert printable(f"{long_token} 5QR12345 is closed") == "***"


def test_words_are_masked_as_texts_are():
    assert parse_payload(_Row, {"state": "held for 5QR12345"}).state == "held for ****2345"
    assert parse_payload(_Row, {"state": "confirmed"}).state == "confirmed"


@pytest.mark.parametrize("piece", ["a-", "1a", "a.", "%40", "a@", "_1"])
def test_a_hostile_text_costs_little(piece):
    began = time.monotonic()
    masked(piece * 1_000_000)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("token", ["nothing-that-looks-like-a-token", "an/opaque+one=with.marks"])
def test_an_echo_of_the_bearer_token_never_leaves_the_session(token):
    with bench() as desk:
        desk.session.set_bearer(token)
        desk.server.on("GET", "/orders/", reply(400, f"no: {token} is not good, {token}".encode()))
        assert desk.reply().body == b"no: *** is not good, ***"


def test_a_bearer_too_short_to_be_one_changes_no_reply():
    with bench() as desk:
        desk.session.set_bearer("first")
        desk.server.on("GET", "/orders/", reply(200, {"first_name": "Ann"}))
        assert desk.reply().json() == {"first_name": "Ann"}
