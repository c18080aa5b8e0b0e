"""Canaries in every place a secret can be, and a search for them in everything that leaves the process."""

import logging
import traceback
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.live_login_bench import store_at
from tests.support.loopback_broker import acts
from tests.support.loopback_broker.bench import authority, bench
from tests.support.loopback_broker.book import LoopbackBook
from tests.support.loopback_broker.server import LoopbackServer
from trading_bot.auth.live_login import LiveLogin
from trading_bot.auth.login_budget import LoginBudget
from trading_bot.auth.token_store import TokenFileError, TokenStore
from trading_bot.clock import SystemClock
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.files import LocalFiles
from trading_bot.order_management.exceptions import AuthenticationError, OrderError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import DurableIntent
from trading_bot.robinhood.interactive_login import LoginSecrets, Person

USERNAME = SecretStr("canary.user@example.com")
PASSWORD = SecretStr("canary-password-hunter2")
SEED = SecretStr("CANARYSEEDJBSWY3DPEHPK3PXP")
DEVICE = SecretStr("canary-device-31337")
ACCOUNT = SecretStr("7CANARY98765432")
ACCESS, REFRESH = "canary-access-token", "canary-refresh-token"
CANARIES = [
    *(secret.get_secret_value() for secret in (USERNAME, PASSWORD, SEED, DEVICE, ACCOUNT)),
    *(ACCESS, REFRESH, "canary.user%40example.com"),
]
ORDER = OrderId("7a2f7d2c-1f0e-4a57-9f0b-2f2d8a0c1b11")
ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0.01, max_delay_s=0.01, jitter_s=0)
TOKENS = {"access_token": ACCESS, "refresh_token": REFRESH, "token_type": "Bearer"}
WORKFLOW = {"verification_workflow": {"id": "w"}}


class Story:
    """Everything that touches a secret, going well and going wrong; ``shown`` is what anybody could see of it."""

    def __init__(self, desk, folder: Path) -> None:
        self.desk, self.folder = desk, folder
        self.shown: list[str] = []
        clock, files = SystemClock(), LocalFiles()
        self.store = TokenStore(path=folder / "session.json", username=USERNAME, account_number=ACCOUNT, files=files)
        self.login = LiveLogin(
            session=desk.session,
            store=self.store,
            budget=LoginBudget(path=folder / "logins.json", clock=clock, files=files),
            clock=clock,
            files=files,
            new_device_token=DEVICE.get_secret_value,
        )
        self.gateway = RobinhoodGateway(
            session=desk.session,
            clock=clock,
            account_number=ACCOUNT.get_secret_value(),
            renew=self.login.renew,
            read_policy=ONCE,
            read_timeout_s=0.2,
        )

    def attempt(self, step, *arguments, **options) -> None:
        try:
            self.shown.append(repr(step(*arguments, **options)))
        except OrderError as error:
            self.shown += [repr(error), "".join(traceback.format_exception(error))]

    def log_in(self, seed: SecretStr | None = SEED) -> None:
        person = Person(notify=self.shown.append, ask=None)
        self.attempt(self.login.login, username=USERNAME, password=PASSWORD, person=person, mfa_secret=seed)
        (self.folder / "logins.json").unlink(missing_ok=True)

    def order(self):
        terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("90.00"))
        order = self.gateway.prepare_order(terms, RefId("00000000-0000-4000-8000-000000000001"))
        intent = DurableIntent(
            client_order_id=ClientOrderId("c1"),
            ref_id=order.ref_id,
            terms=order.terms,
            body=order.body,
            body_digest=order.digest,
            journal_seq=1,
        )
        self.shown.append(str(intent.client_order_id))
        return self.gateway.submit_limit_buy(intent, permit=nullcontext(), timeout_s=0.2)


@pytest.fixture
def story(tmp_path):
    book = LoopbackBook(account_number=ACCOUNT.get_secret_value(), shares=5)
    book.bearers = {ACCESS}
    with bench(LoopbackServer(authority().certify().server_context(), book)) as desk:
        yield Story(desk, tmp_path / "state")


def tell(story: Story) -> None:
    token, on = ("POST", "/oauth2/token/"), story.desk.server.on
    echo = {"detail": f"no: account {ACCOUNT.get_secret_value()} is closed"}
    failures = (acts.reply(400, echo), acts.reply(403, WORKFLOW), acts.reply(200, b"<html>"), acts.close)
    for failure in failures:
        on(*token, failure)
        story.log_in()
    story.log_in(SecretStr("canary-seed-that-is-none!"))
    on(*token, acts.reply(200, TOKENS))
    story.log_in()
    account_path = f"/accounts/{ACCOUNT.get_secret_value()}/"
    on("GET", account_path, acts.reply(500, echo), acts.close, acts.reply(200, echo), acts.reply(404, echo), acts.hang)
    for _ in range(6):
        story.attempt(story.gateway.fetch_account)
    on("POST", "/orders/", acts.reply(400, echo), acts.close, acts.reply(201, b"<html>"))
    for _ in range(4):
        story.attempt(story.order)
    on("GET", "/orders/", acts.reply(500, echo), acts.reply(200, {"next": f"https://evil.example{account_path}"}))
    for _ in range(2):
        story.attempt(story.gateway.list_open_orders)
    story.attempt(story.gateway.fetch_positions)
    story.attempt(story.gateway.cancel_order, ORDER)
    story.desk.session.set_bearer("stale")
    on(*token, acts.reply(401, echo))
    story.attempt(story.gateway.fetch_account)
    story.attempt(story.login.logout)


def test_no_canary_is_seen_anywhere(story, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    tell(story)
    objects = (
        *(
            story.login,
            story.store,
            story.gateway,
            story.desk.session,
            story.desk.transport,
            *story.desk.transport._pools.values(),
        ),
        LoginSecrets(username=USERNAME, password=PASSWORD, device_token=DEVICE, mfa_secret=SEED),
    )
    out, err = capfd.readouterr()
    seen = "\n".join([*story.shown, *map(repr, objects), *map(str, objects), out, err, caplog.text])
    seen += "".join(path.read_text() for path in story.folder.iterdir() if path.name != "session.json")
    assert len(story.shown) > 20
    assert [canary for canary in [*CANARIES, "canary-seed"] if canary.lower() in seen.lower()] == []


def test_the_story_does_reach_the_broker_with_every_secret(story):
    tell(story)
    sent = "".join(f"{heard.path}{heard.headers}{heard.body!r}" for heard in story.desk.server.heard)
    for secret in (PASSWORD, DEVICE, ACCOUNT):
        assert secret.get_secret_value() in sent
    assert f"Bearer {ACCESS}" in sent
    assert REFRESH in sent
    assert "canary.user%40example.com" in sent


def test_a_saved_session_that_is_damaged_is_not_quoted(tmp_path):
    store = store_at(tmp_path / "state")
    (tmp_path / "state").mkdir(mode=0o700)
    store.path.write_text('{"v": 1, "owner": "x", "session": {"device_token": "canary", "access_token": ["canary"]}}')
    store.path.chmod(0o600)
    with pytest.raises(TokenFileError) as refused:
        store.load()
    assert "canary" not in "".join(traceback.format_exception(refused.value)).replace(str(tmp_path), "")
    assert isinstance(refused.value, AuthenticationError)
