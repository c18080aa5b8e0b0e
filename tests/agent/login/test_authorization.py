"""What goes to the browser, and which answers count."""

from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from trading_bot.agent.login.authorization import Authorization, Declined, NotOurs
from trading_bot.agent.login.grants import Exchange

STATE = "canary-state"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
REDIRECT = "http://127.0.0.1:45123/callback"
ISSUER = "https%3A%2F%2Fagent.robinhood.com%2Fmcp%2Ftrading"


def authorization(*, names_issuer: bool = False) -> Authorization:
    return Authorization(
        client_id="client", redirect_uri=REDIRECT, state=STATE, verifier=VERIFIER, names_issuer=names_issuer
    )


def test_the_address_asks_for_a_code_that_only_we_can_use():
    """The challenge is that of RFC 7636, appendix B."""
    parts = urlsplit(authorization().address)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "robinhood.com", "/oauth")
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["client"],
        "redirect_uri": [REDIRECT],
        "scope": ["internal"],
        "state": [STATE],
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],
        "code_challenge_method": ["S256"],
        "resource": ["https://agent.robinhood.com/mcp/trading"],
    }


@pytest.mark.parametrize(
    "pasted",
    [
        f"{REDIRECT}?code=canary-code&state={STATE}",
        f"  {REDIRECT}?state={STATE}&code=canary-code#_=_ \n",
        f"127.0.0.1:45123/callback?code=canary-code&state={STATE}",
        f"code=canary-code&state={STATE}",
        f"{REDIRECT}?code=canary-code&state={STATE}&iss={ISSUER}",
    ],
    ids=["address", "spaces and a fragment", "no scheme", "query alone", "with its issuer"],
)
def test_an_answer_to_this_login_gives_its_code(pasted):
    assert authorization().answered(pasted) == Exchange(
        code=SecretStr("canary-code"), client_id="client", redirect_uri=REDIRECT, verifier=SecretStr(VERIFIER)
    )


@pytest.mark.parametrize(
    ("pasted", "because"),
    [
        ("", "no answer"),
        ("hello", "no answer"),
        (REDIRECT, "no answer"),
        (f"?code=a&code=b&state={STATE}", "no answer"),
        (f"?code=a&state={STATE}&state=other", "no answer"),
        ("?" + "&".join(f"a{n}=1" for n in range(40)), "no answer"),
        (f"?code={'a' * 20_000}&state={STATE}", "no answer"),
        (f"?code=%ff&state={STATE}", "no answer"),
        ("?code=a", "another login"),
        ("?code=a&state=other", "another login"),
        ("?error=access_denied&state=other", "another login"),
        ("?code=a&state=stat%C3%A9", "another login"),
        ("?code=a&state=\udcff", "another login"),  # bytes at a terminal that are no text
        (f"?code=a&state={STATE}&iss=https%3A%2F%2Fevil.example", "does not come from the broker"),
        (f"?state={STATE}", "has no code"),
        (f"?code=&state={STATE}", "has no code|no answer"),
        (f"?code=%0a&state={STATE}", "has no code"),
        (f"?code=%C3%A9&state={STATE}", "has no code"),
    ],
)
def test_anything_else_is_no_answer_to_this_login(pasted, because):
    answer = authorization().answered(pasted)
    assert isinstance(answer, NotOurs)
    assert any(part in answer.because for part in because.split("|"))


def test_a_server_that_names_itself_in_each_answer_has_to_do_so():
    """Otherwise the code of another server could be slipped in (RFC 9207)."""
    strict = authorization(names_issuer=True)
    assert isinstance(strict.answered(f"?code=a&state={STATE}"), NotOurs)
    assert isinstance(strict.answered(f"?code=a&state={STATE}&iss={ISSUER}"), Exchange)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("error=access_denied", "access_denied"),
        ("error=access_denied&error_description=You+said+no.%0A", "You said no."),
        ("error=%01", "it gave no reason"),
    ],
)
def test_a_refusal_is_told_in_the_brokers_words(query, reason):
    assert authorization().answered(f"?{query}&state={STATE}") == Declined(reason=reason)


def test_no_repr_shows_what_the_answer_is_checked_by():
    shown = repr((authorization(), authorization().answered(f"?code=canary-code&state={STATE}")))
    assert "canary" not in shown
    assert VERIFIER not in shown
