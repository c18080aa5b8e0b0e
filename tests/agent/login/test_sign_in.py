"""A login by a browser, here or elsewhere: what is asked of the server, and what ends it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from pydantic import SecretStr

from tests.support.agent_login_bench import TOKEN, tokens
from tests.support.loopback_browser import goes_to
from tests.support.scripted_broker import MORNING, Answer, ScriptedBroker, clock, lost, reply
from trading_bot.agent.endpoint import AGENT_BASE_URL, GRANTS_BASE_URL, REGISTRATION_PATH, SERVER_METADATA_PATH
from trading_bot.agent.login.saved_login import SavedLogin
from trading_bot.agent.login.sign_in import SIGN_IN_PATIENCE_S, BrowserPerson, BrowserSignIn
from trading_bot.agent.login.sign_out import Revoked, revoke
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.robinhood.session import BrokerSession

METADATA: dict[str, object] = {
    "authorization_endpoint": "https://robinhood.com/oauth",
    "code_challenge_methods_supported": ["S256"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "issuer": "https://agent.robinhood.com/mcp/trading",
    "registration_endpoint": "https://agent.robinhood.com/oauth/trading/register",
    "response_types_supported": ["code"],
    "scopes_supported": ["internal"],
    "token_endpoint": "https://api.robinhood.com/oauth2/token/",
    "token_endpoint_auth_methods_supported": ["none"],
}
DESCRIPTION = ("GET", SERVER_METADATA_PATH)
WITHOUT_PATH = ("GET", "/.well-known/oauth-authorization-server")
REGISTRATION = ("POST", REGISTRATION_PATH)
REVOCATION = {"revocation_endpoint": "https://api.robinhood.com/oauth2/revoke_token/"}


@dataclass
class Bench:
    broker: ScriptedBroker = field(default_factory=ScriptedBroker)
    shown: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.time = clock()
        self.http = BrokerSession(adapter=self.broker, clock=self.time, base_url=AGENT_BASE_URL)
        self.grants = BrokerSession(adapter=self.broker, clock=self.time, base_url=GRANTS_BASE_URL)

    def described(self, answer: Answer | None = None, **changes: object) -> "Bench":
        self.broker.on(*DESCRIPTION, answer or reply(200, METADATA | changes))
        self.broker.on(*REGISTRATION, reply(201, {"client_id": "shared-client"}))
        return self

    def log_in(
        self,
        *,
        browser: Callable[[str], bool] | None = None,
        pasted: Callable[[float], str | None] | None = None,
    ) -> SavedLogin:
        ids = iter(f"{number:032x}" for number in range(1, 100))
        sign_in = BrowserSignIn(http=self.http, grants=self.grants, clock=self.time, new_id=lambda: next(ids))
        person = BrowserPerson(show=self.shown.append, notify=self.told.append, open_browser=browser, pasted=pasted)
        return sign_in.tokens(person)

    def came_back(self, code: str = "canary-code", **changes: str) -> str:
        """Return the address that a browser ends on."""
        asked = dict(parse_qsl(urlsplit(self.shown[-1] if self.shown else "").query))
        answer = {"code": code, "state": asked["state"]} | changes
        return f"{asked['redirect_uri']}?" + "&".join(f"{name}={value}" for name, value in answer.items())


@pytest.fixture
def bench():
    return Bench()


def browser_of(bench: Bench) -> Callable[[str], bool]:
    def opens(address: str) -> bool:
        bench.shown.append(address)
        assert goes_to(bench.came_back()).status == 200
        return True

    return opens


def test_a_browser_on_this_machine_comes_back_by_itself(bench):
    bench.described().broker.on(*TOKEN, tokens(1))
    login = bench.log_in(browser=browser_of(bench))
    assert login.access_token == SecretStr("canary-access-token-1")
    assert login.client_id == "shared-client"
    assert (login.obtained_at, login.renews_itself) == (MORNING, True)
    assert bench.broker.paths() == [
        f"GET {SERVER_METADATA_PATH}",
        f"POST {REGISTRATION_PATH}",
        "POST /oauth2/token/",
    ]


def test_the_registration_asks_for_a_public_client_that_comes_back_to_this_machine(bench):
    bench.described().broker.on(*TOKEN, tokens(1))
    bench.log_in(browser=browser_of(bench))
    asked = json.loads(bench.broker.seen[1].body)
    (redirect,) = asked.pop("redirect_uris")
    assert redirect.startswith("http://127.0.0.1:")
    assert asked == {
        "client_name": "trading-bot",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "scope": "internal",
    }


def test_the_code_goes_to_the_token_endpoint_with_what_proves_that_it_is_ours(bench):
    bench.described().broker.on(*TOKEN, tokens(1))
    bench.log_in(browser=browser_of(bench))
    sent = bench.broker.seen[2]
    assert sent.headers["host"] == "api.robinhood.com"
    form = parse_qs(sent.body.decode())
    asked = parse_qs(urlsplit(bench.shown[0]).query)
    assert form["code_verifier"] == [f"{2:032x}{3:032x}"]
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert (form["code"], form["client_id"]) == (["canary-code"], ["shared-client"])
    assert form["resource"] == ["https://agent.robinhood.com/mcp/trading"]


def test_without_a_browser_the_address_is_shown_and_the_answer_may_be_pasted(bench: Bench) -> None:
    bench.described().broker.on(*TOKEN, tokens(1))
    lines = iter([None, "", "what?", "wrong state", "right"])

    def pasted(_within_s: float) -> str | None:
        line = next(lines)
        if line == "wrong state":
            return bench.came_back(state="other")
        return bench.came_back() + "\n" if line == "right" else line

    assert bench.log_in(pasted=pasted).renews_itself
    (address,) = bench.shown
    assert address.startswith("https://robinhood.com/oauth?")
    first, second = (line for line in bench.told if "was not taken" in line)
    assert "because it is no answer to a login; paste the whole address once more" in first
    assert "because it answers another login than the one that is waiting" in second


def test_a_browser_that_does_not_open_is_no_hindrance(bench):
    bench.described().broker.on(*TOKEN, tokens(1))
    bench.log_in(browser=lambda _address: False, pasted=lambda _within_s: bench.came_back())
    assert bench.told[0].startswith("open this address in a browser")


def test_nobody_is_waited_for_without_an_end(bench):
    bench.described()
    with pytest.raises(AuthenticationError, match="within 300 seconds; run `trading-bot login` again"):
        bench.log_in()
    assert bench.time.monotonic() == pytest.approx(SIGN_IN_PATIENCE_S, abs=1)


def test_a_refusal_of_the_person_is_told(bench):
    bench.described()
    with pytest.raises(AuthenticationError, match="the broker says access_denied; run `trading-bot login` again"):
        bench.log_in(pasted=lambda _within_s: bench.came_back(error="access_denied"))
    assert bench.broker.paths().count("POST /oauth2/token/") == 0


def test_the_description_is_found_without_the_path_too(bench):
    bench.described(reply(404, b"no")).broker.on(*WITHOUT_PATH, reply(200, METADATA))
    bench.broker.on(*TOKEN, tokens(1))
    assert bench.log_in(pasted=lambda _within_s: bench.came_back())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "https://evil.example"}, "an unknown address as its issuer"),
        ({"token_endpoint": "https://evil.example/oauth2/token/"}, "as its token_endpoint"),
        ({"authorization_endpoint": "https://robinhood.com.evil.example/oauth"}, "as its authorization_endpoint"),
        ({"registration_endpoint": "https://agent.robinhood.com/elsewhere"}, "as its registration_endpoint"),
        ({"code_challenge_methods_supported": ["plain"]}, "no longer protects its answer by PKCE"),
        ({"code_challenge_methods_supported": None}, "cannot be read"),
    ],
)
def test_a_login_that_is_not_the_one_that_is_known_is_refused_before_anything_is_shown(bench, changes, message):
    bench.described(**changes)
    with pytest.raises(AuthenticationError, match=message):
        bench.log_in()
    assert bench.shown == []
    assert len(bench.broker.seen) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lost(), "check the network"),
        (reply(500, b"<html>"), r"refused the description of its login \(HTTP 500"),
        (reply(200, b"<html>"), "cannot be read"),
    ],
)
def test_a_server_that_does_not_describe_itself_ends_the_login(bench, answer, message):
    bench.described(answer)
    with pytest.raises(AuthenticationError, match=message):
        bench.log_in()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (reply(400, {"error": "invalid_redirect_uri"}), r"refused a registration \(HTTP 400.*invalid_redirect_uri"),
        (reply(200, {}), "a registration cannot be read"),
        (reply(200, {"client_id": "with space"}), "a registration cannot be read"),
    ],
)
def test_a_registration_that_fails_ends_the_login(bench, answer, message):
    bench.broker.on(*DESCRIPTION, reply(200, METADATA))
    bench.broker.on(*REGISTRATION, answer)
    with pytest.raises(AuthenticationError, match=message):
        bench.log_in()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lost(), "did not finish"),
        (
            reply(400, {"error": "invalid_grant", "hint": "canary-code"}),
            r"refused the login \(HTTP 400: .*invalid_grant",
        ),
        (reply(200, {"refresh_token": "x"}), "has no usable token"),
        (reply(200, {"access_token": "x", "token_type": "mac"}), "has no usable token"),
    ],
)
def test_a_code_that_brings_no_tokens_ends_the_login_and_is_never_shown(bench, answer, message):
    bench.described().broker.on(*TOKEN, answer)
    with pytest.raises(AuthenticationError, match=message) as refused:
        bench.log_in(pasted=lambda _within_s: bench.came_back())
    assert "canary" not in str(refused.value)


# Ending a login


LOGIN = SavedLogin(
    client_id="shared-client",
    access_token=SecretStr("canary-access"),
    refresh_token=SecretStr("canary-refresh"),
    obtained_at=MORNING,
)


@pytest.mark.parametrize(
    ("description", "answer", "expected"),
    [
        (reply(200, METADATA), None, Revoked.NOT_OFFERED),
        (reply(200, METADATA | {"revocation_endpoint": 5}), None, Revoked.NOT_OFFERED),
        (reply(200, METADATA | {"revocation_endpoint": "https://evil.example/x"}), None, Revoked.NOT_OFFERED),
        (
            reply(200, METADATA | {"revocation_endpoint": "https://api.robinhood.com/../x"}),
            None,
            Revoked.NOT_OFFERED,
        ),
        (reply(200, METADATA | REVOCATION), reply(200), Revoked.YES),
        (reply(200, METADATA | REVOCATION), reply(500), Revoked.NOT_CONFIRMED),
        (reply(200, METADATA | REVOCATION), lost(), Revoked.NOT_CONFIRMED),
        (lost(), None, Revoked.NOT_CONFIRMED),
    ],
)
def test_a_login_is_ended_where_the_server_offers_that(bench, description, answer, expected):
    bench.broker.on(*DESCRIPTION, description)
    if answer is not None:
        bench.broker.on("POST", "/oauth2/revoke_token/", answer)
    assert revoke(LOGIN, http=bench.http, grants=bench.grants) is expected
    if answer is not None:
        assert parse_qs(bench.broker.seen[-1].body.decode())["token"] == ["canary-refresh"]
        assert bench.broker.seen[-1].headers["host"] == "api.robinhood.com"


def test_a_login_is_ended_at_the_agents_own_host_where_that_offers_it(bench):
    bench.broker.on(*DESCRIPTION, reply(200, METADATA | {"revocation_endpoint": f"{AGENT_BASE_URL}/oauth/revoke"}))
    bench.broker.on("POST", "/oauth/revoke", reply(200))
    login = LOGIN.model_copy(update={"refresh_token": None})
    assert revoke(login, http=bench.http, grants=bench.grants) is Revoked.YES
    assert bench.broker.seen[-1].headers["host"] == "agent.robinhood.com"
    assert b"token=canary-access" in bench.broker.seen[-1].body
