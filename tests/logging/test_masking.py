import ast
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.source_tree import SourceFile, parse_source, source_files
from trading_bot.logging.masking import SAFE_KEYS, SecretMasker
from trading_bot.order_management.models import OrderState

ACCOUNT = "5QR12345"
USER = "ann@example.com"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def masker() -> SecretMasker:
    return SecretMasker(secrets=[ACCOUNT, ""])


def masked_facts(source: SourceFile) -> set[str]:
    """Facts that a log line names and that nobody would read."""
    calls = (node for node in source.nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute))
    logs = (call for call in calls if ast.unparse(call.func).startswith(("_log.", "log.")))
    named = {key.arg for call in logs for key in call.keywords if key.arg is not None}
    return named - SAFE_KEYS - {"exc_info"}


@pytest.mark.no_cover
def test_what_a_log_line_of_ours_says_is_shown():
    assert {source.path: facts for source in source_files() if (facts := masked_facts(source))} == {}
    assert masked_facts(parse_source("_log.info('order_submitted', headers=1)")) == {"headers"}


def test_a_key_that_is_not_known_to_be_safe_shows_nothing_of_its_value(masker: SecretMasker):
    event = {"event": "order_submitted", "access_token": "t", "headers": {"x": 1}, "new_field": "v"}
    assert masker(None, "info", event) == {
        "event": "order_submitted",
        "access_token": "***",
        "headers": "***",
        "new_field": "***",
    }


def test_safe_facts_pass_unchanged_and_in_order(masker: SecretMasker):
    event = {
        "symbol": "AAPL",
        "event": "order_submitted",
        "quantity": 10,
        "limit_price": Decimal("150.30"),
        "order_id": None,
        "extended_hours": False,
        "ref_id": "0b0f9f3e-6f7a-4d6e-9f2c-0123456789ab",
    }
    masked = masker(None, "info", dict(event))
    assert masked == event
    assert list(masked) == list(event)


@pytest.mark.parametrize("key", ["password", "account_number", "access_token", "username", "device_id", "body", "url"])
def test_no_key_of_a_secret_is_on_the_list(key: str):
    assert key not in SAFE_KEYS


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: ***"),
        ("sent with bearer abc", "sent with ***"),
        (f"got {TOKEN} back", "got *** back"),
        ('{"refresh_token": "r3fr3sh", "expires_in": 5}', '{"refresh_token": "***", "expires_in": 5}'),
        ("access_token=abc&x=1", "access_token=***&x=1"),
        (r'"{\"username\": \"joe.doe\", \"x\": 1}"', r'"{\"username\": \"***", \"x\": 1}"'),
        ("device_token: 0b0f-9f", "device_token: ***"),
        ("password='hunter2'", "password='***'"),
        ("no account for ann.b+c@mail.example.com here", "no account for *** here"),
        ("your code is 123456.", "your code is ***."),
        ("mfa 123456", "mfa ***"),
        ("GET /callback?code=abc-1&state=s", "GET /callback?code=***&state=s"),
        ("sent code=abc-1&state=s", "sent code=***&state=s"),
        ("GET /callback7code=abc-1&state=s", "GET /callback7code=***&state=s"),
        ("it ended with code=3 and no barcode=4&x", "it ended with code=3 and no barcode=4&x"),
        (f"GET /accounts/{ACCOUNT}/", "GET /accounts/***/"),
        (f"GET /accounts/{ACCOUNT.lower()}/", "GET /accounts/***/"),
    ],
)
def test_what_looks_like_a_secret_is_masked_even_under_a_safe_key(masker: SecretMasker, text: str, masked: str):
    assert masker(None, "info", {"reason": text}) == {"reason": masked}


@pytest.mark.parametrize(
    "text",
    [
        "status code 400: not enough buying power for 100000 shares",
        "ref_id 0b0f9f3e-6f7a-4d6e-9f2c-0123456789ab was sent 2 times",
        "the session token expired; log in again",
        "bought 123456 at 150.30",
    ],
)
def test_ordinary_sentences_are_left_alone(masker: SecretMasker, text: str):
    assert masker.mask_text(text) == text


def test_a_long_text_of_nothing_but_beginnings_of_a_code_is_walked_through_once(masker: SecretMasker):
    """A look ahead from each of them would take many minutes, which the suite's time-out does not allow."""
    text = "code=" * 250_000
    assert masker.mask_text(text) == text


def test_a_secret_inside_another_leaves_no_rest():
    assert SecretMasker(secrets=["123", "12345"]).mask_text("a12345b") == "a***b"


def test_the_inside_of_a_safe_value_is_judged_too(masker: SecretMasker):
    event = {"cause": {"status": 400, "token": "t", "message": [ACCOUNT, {"reason": TOKEN}]}}
    assert masker(None, "info", event) == {
        "cause": {"status": 400, "token": "***", "message": ["***", {"reason": "***"}]}
    }


def test_a_secret_in_a_number_or_an_object_or_a_key_is_masked():
    masker = SecretMasker(secrets=["87654321"], safe_keys=["count", "error", "at", "87654321"])
    event = {
        "count": 87654321,
        "error": ValueError("no 87654321"),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "87654321": 1,
    }
    assert masker(None, "info", event) == {
        "count": "***",
        "error": "no ***",
        "at": "2026-01-02 00:00:00+00:00",
        "***": 1,
    }


def test_a_number_that_python_refuses_to_write_out_is_named_and_not_shown(masker: SecretMasker):
    event = masker(None, "info", {"count": 10**5000, "quantity": Fraction(1, 10**5000)})
    assert event == {"count": "a int beyond all use", "quantity": "a Fraction beyond all use"}


def test_a_word_of_ours_stays_its_text(masker: SecretMasker):
    assert masker(None, "info", {"state": OrderState.FILLED, "error": b"bytes"}) == {
        "state": "filled",
        "error": "b'bytes'",
    }


PAYLOADS = st.recursive(
    st.text(max_size=8)
    | st.integers()
    | st.none()
    | st.booleans()
    | st.just(f"x{ACCOUNT}y")
    | st.just(f"Bearer {TOKEN}"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*sorted(SAFE_KEYS)[:5], ACCOUNT, "password"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@pytest.mark.no_cover
@given(PAYLOADS)
def test_no_planted_secret_survives_in_any_payload(payload):
    shown = repr(SecretMasker(secrets=[ACCOUNT])(None, "info", {"event": payload, "unsafe": payload}))
    assert ACCOUNT not in shown
    assert TOKEN not in shown


_PIECES = st.sampled_from(
    [
        *("bearer", "eyJhbGciOiJSUzI1NiJ9", ".", "@", "ann", "example.com", "token", "access_token", "authorization"),
        *("password", "passwd", "mfa_secret", "username", "account_number", ":", "=", " ", '"', "-", ",", "x"),
        *("mfa", "otp", "sms", "code", "passcode", "123456", ACCOUNT, "buy"),
    ]
)


@given(st.lists(_PIECES, max_size=8), st.booleans())
def test_a_text_that_is_passed_on_unsearched_would_have_been_left_alone(pieces, capitals):
    """Only texts of ASCII are passed on so; a letter beyond it, standing apart, makes the same text be searched."""
    text = "".join(pieces).upper() if capitals else "".join(pieces)
    masker = SecretMasker(secrets=[ACCOUNT])
    assert masker.mask_text(f"\u00e9 {text}") == f"\u00e9 {masker.mask_text(text)}"


def test_a_secret_beyond_ascii_is_found_in_another_case():
    """U+017F is a long s: where case does not count, it stands for the letter s."""
    assert SecretMasker(secrets=["lo\u017ft"]).mask_text("it is LOST") == "it is ***"
