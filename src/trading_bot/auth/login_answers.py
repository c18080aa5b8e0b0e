"""What a person is told when a login did not succeed."""

from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from trading_bot.prose import clause
from trading_bot.robinhood.approval import ApprovalEnd, Ending
from trading_bot.robinhood.classify import error_text
from trading_bot.robinhood.interactive_login import APPROVAL_PATIENCE_S
from trading_bot.robinhood.session import UnreadableReplyError, WireFailure, WireReply
from trading_bot.robinhood.wire import printable

REFUSED = frozenset({400, 401, 403})
SUCCESS = range(200, 300)
THROTTLED = 429
_MOVED = frozenset({404, 409})
IN_THE_APP = "log in with the broker's app once to see whether the account needs attention, then try again"


def failure_text(failure: WireFailure) -> str:
    """Explain a login whose answer never came."""
    if failure.security_alert:
        remedy = "something may stand between you and the broker: check the network before any further login"
    else:
        remedy = "check the network, wait a minute and log in again"
    return f"the login did not finish: {clause(failure.cause)}; {remedy}"


def approval_text(end: ApprovalEnd) -> str:
    """Explain a login whose password was right, and whose device was not approved."""
    match end.ending:
        case Ending.NOT_APPROVED if end.detail:
            return f"the login was not approved: the broker says {end.detail}; log in again and approve it in its app"
        case Ending.NOT_APPROVED:
            return (
                f"the login was not approved within {APPROVAL_PATIENCE_S:.0f} seconds; open or update the broker's "
                "app, then log in again and approve it there (this counts as no wrong password)"
            )
        case Ending.UNSUPPORTED:
            return (
                f"the broker asks for {_article(end.detail)}, which cannot be answered here; choose approval in the "
                "app or a text message in the broker's security settings, then log in again"
            )
        case Ending.NOT_UNDERSTOOD:
            return (
                f"the broker's answer about this device was not understood ({end.detail}); {IN_THE_APP}, and see "
                "whether there is a newer trading-bot"
            )


def codeless_text(reply: WireReply) -> str | None:
    """Explain a success without a session: the broker wants a one-time code; None for any other reply."""
    if _facts(reply).get("mfa_required") is not True:
        return None
    return (
        "the broker asks for a one-time code; set ROBINHOOD_MFA_SECRET to the seed that your authenticator app was "
        "given, then log in again"
    )


def _asked_for(reply: WireReply) -> str | None:
    facts = _facts(reply)
    challenge = facts.get("challenge")
    if isinstance(challenge, Mapping):
        return f"a code by {printable(str(challenge.get('type')))[:40]}"
    return "a code by text message or mail" if "accept_challenge_types" in facts else None


def _facts(reply: WireReply) -> Mapping[str, object]:
    try:
        found = reply.json()
    except UnreadableReplyError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _article(word: str) -> str:
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


def refusal_text(reply: WireReply, *, sent: Iterable[SecretStr]) -> str:
    """Explain a login that the broker answered with anything but success; an echo of what was ``sent`` is masked."""
    said = clause(error_text(reply.body, known=[secret.get_secret_value() for secret in sent]))
    said = f"the broker refused the login (HTTP {reply.status}: {said})"
    if b"verification_workflow" in reply.body:
        return "the broker asks to approve this device; approve it in the broker's app, then log in again"
    if (kind := _asked_for(reply)) is not None:
        return f"the broker asks for {kind}, which cannot be given here; {IN_THE_APP}"
    if reply.status == THROTTLED:
        return f"{said}; wait at least five minutes before the next login"
    if reply.status in REFUSED:
        return (
            f"{said}; check username, password, one-time code and this machine's clock first: "
            "repeated failures lock the account for minutes"
        )
    if reply.status in _MOVED:
        return f"{said}; its login may have changed: see whether there is a newer trading-bot before you log in again"
    return f"{said}; wait a minute, then log in again"
