"""The page that the browser ends on: on this machine alone, for one login, and without a trace of what was sent."""

import socket
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from tests.support.loopback_browser import goes_to
from trading_bot.agent.login.authorization import Authorization, Declined
from trading_bot.agent.login.callback_server import CallbackServer
from trading_bot.agent.login.grants import Exchange


@pytest.fixture
def server():
    with CallbackServer() as server:
        asked = Authorization(
            client_id="c", redirect_uri=server.redirect_uri, state="state-1", verifier="v" * 43, names_issuer=False
        )
        server.check_with(asked.answered)
        yield server


def test_the_answer_is_kept_and_the_page_says_where_to_look(server):
    shown = goes_to(f"{server.redirect_uri}?code=canary-code&state=state-1")
    assert shown.status == 200
    assert "look at the terminal" in shown.page
    assert "canary" not in shown.page
    assert shown.headers["Cache-Control"] == "no-store"
    answer = server.answer()
    assert isinstance(answer, Exchange)
    assert answer.code == SecretStr("canary-code")
    assert server.answer() is None


def test_a_refusal_ends_the_login_too(server):
    assert "declined" in goes_to(f"{server.redirect_uri}?error=access_denied&state=state-1").page
    assert server.answer() == Declined(reason="access_denied")


def test_whoever_does_not_know_the_state_changes_nothing(server):
    shown = goes_to(f"{server.redirect_uri}?code=stolen&state=guessed")
    assert shown.status == 400
    assert "another login" in shown.page
    assert server.answer() is None
    assert goes_to(f"{server.redirect_uri}?code=mine&state=state-1").status == 200


def test_no_other_page_and_no_other_method_is_served(server):
    assert goes_to(server.redirect_uri.replace("/callback", "/favicon.ico")).status == 404
    assert goes_to(f"{server.redirect_uri}?code=mine&state=state-1", method="POST").status == 501
    assert server.answer() is None


def test_a_connection_that_says_nothing_holds_up_nobody(server):
    """Browsers open some in advance."""
    port = urlsplit(server.redirect_uri).port
    with socket.create_connection(("127.0.0.1", port)):
        assert goes_to(f"{server.redirect_uri}?code=mine&state=state-1").status == 200


def test_only_this_machine_can_reach_it(server):
    assert urlsplit(server.redirect_uri).hostname == "127.0.0.1"
    assert server._server.socket.getsockname()[0] == "127.0.0.1"


def test_nothing_of_an_answer_is_written(server, capfd):
    goes_to(f"{server.redirect_uri}?code=canary-code&state=state-1")
    assert "canary" not in "".join(capfd.readouterr())


def test_before_a_login_waits_nothing_is_taken():
    with CallbackServer() as server:
        assert goes_to(f"{server.redirect_uri}?code=a&state=b").status == 400
        assert server.answer() is None
