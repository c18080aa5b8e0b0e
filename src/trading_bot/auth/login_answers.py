"""What a person is told when a login did not succeed."""

from collections.abc import Iterable

from pydantic import SecretStr

from trading_bot.robinhood.classify import error_text
from trading_bot.robinhood.session import WireFailure, WireReply

REFUSED = frozenset({400, 401, 403})
SUCCESS = range(200, 300)
THROTTLED = 429
IN_THE_APP = "log in with the broker's app once to see whether the account needs attention, then try again"


def failure_text(failure: WireFailure) -> str:
    """Explain a login whose answer never came."""
    if failure.security_alert:
        remedy = "something may stand between you and the broker: check the network before any further login"
    else:
        remedy = "check the network, wait a minute and log in again"
    return f"the login did not finish: {failure.cause}; {remedy}"


def refusal_text(reply: WireReply, *, sent: Iterable[SecretStr]) -> str:
    """Explain a login that the broker answered with anything but success; an echo of what was ``sent`` is masked."""
    said = error_text(reply.body, known=[secret.get_secret_value() for secret in sent])
    said = f"the broker refused the login (HTTP {reply.status}: {said})"
    if b"verification_workflow" in reply.body:
        return f"{said}; approve this device in the broker's app, then log in again"
    if reply.status == THROTTLED:
        return f"{said}; wait at least five minutes before the next login"
    if reply.status in REFUSED:
        return (
            f"{said}; check username, password, one-time code and this machine's clock first: "
            "repeated failures lock the account for minutes"
        )
    return f"{said}; wait a minute, then log in again"
