import pytest

from tests.support.paper_market import PaperBench

UNAUTHENTICATED = {"detail": "Incorrect authentication credentials."}


def _grant(bench, **form):
    return bench.send("POST", "/oauth2/token/", data=form)


@pytest.fixture
def bench():
    return PaperBench()


def test_the_right_password_buys_a_bearer_token(bench):
    token = _grant(bench, grant_type="password", username="paper", password="paper").json()
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 86_400
    bench.bearer = token["access_token"]
    assert bench.send("GET", "/accounts/").status_code == 200


@pytest.mark.parametrize("wrong", [{"username": "else"}, {"password": "else"}])
def test_a_wrong_name_or_password_is_401(bench, wrong):
    form = {"grant_type": "password", "username": "paper", "password": "paper"} | wrong
    reply = _grant(bench, **form)
    assert (reply.status_code, reply.json()) == (401, {"detail": "Unable to log in with provided credentials."})


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"grant_type": "password", "username": "paper"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "made up"}, 401, "invalid_grant"),
        ({"grant_type": "client_credentials"}, 403, "unsupported_grant_type"),
        ({}, 403, "unsupported_grant_type"),
    ],
)
def test_other_grants_are_refused(bench, form, status, error):
    reply = _grant(bench, **form)
    assert (reply.status_code, reply.json()) == (status, {"error": error})


@pytest.mark.parametrize("bearer", [None, "made up"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts/"),
        ("GET", "/positions/"),
        ("GET", "/instruments/?symbol=AAPL"),
        ("GET", "/quotes/?symbols=AAPL"),
        ("GET", "/orders/"),
        ("POST", "/orders/"),
        ("GET", "/orders/1/"),
        ("POST", "/orders/1/cancel/"),
        ("GET", "/portfolios/PAPER-0001/"),
    ],
)
def test_without_a_current_token_every_page_is_401(bench, bearer, method, path):
    bench.bearer = bearer
    reply = bench.send(method, path)
    assert (reply.status_code, reply.json()) == (401, UNAUTHENTICATED)


def test_an_access_token_ends_after_a_day(bench):
    bench.wait(86_399)
    assert bench.send("GET", "/accounts/").status_code == 200
    bench.wait(1)
    assert bench.send("GET", "/accounts/").json() == UNAUTHENTICATED


def test_a_refresh_token_works_once_and_ends_the_old_access_token(bench):
    first = _grant(bench, grant_type="password", username="paper", password="paper").json()
    second = _grant(bench, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert _grant(bench, grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 401
    bench.bearer = first["access_token"]
    assert bench.send("GET", "/accounts/").status_code == 401
    bench.bearer = second["access_token"]
    assert bench.send("GET", "/accounts/").status_code == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_login_and_no_other(bench, which):
    other = bench.bearer
    token = _grant(bench, grant_type="password", username="paper", password="paper").json()
    reply = bench.send("POST", "/oauth2/revoke_token/", data={"token": token[which]})
    assert (reply.status_code, reply.json()) == (200, {})
    bench.bearer = token["access_token"]
    assert bench.send("GET", "/accounts/").status_code == 401
    assert _grant(bench, grant_type="refresh_token", refresh_token=token["refresh_token"]).status_code == 401
    bench.bearer = other
    assert bench.send("GET", "/accounts/").status_code == 200


def test_revoking_an_unknown_token_is_no_error(bench):
    assert bench.send("POST", "/oauth2/revoke_token/", data={"token": "made up"}).status_code == 200


def test_ended_logins_are_forgotten_but_for_the_newest_fifty(bench):
    first = bench.bearer
    bench.wait(86_400)
    for _ in range(49):
        bench.login()
    assert first in bench.store._state.tokens
    bench.login()
    assert first not in bench.store._state.tokens
    assert len(bench.store._state.tokens) == 50


def test_a_login_still_good_is_never_forgotten(bench):
    first = bench.bearer
    for _ in range(60):
        bench.login()
    bench.bearer = first
    assert bench.account()["state"] == "active"
