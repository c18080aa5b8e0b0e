"""What one exchange leaves for the record: how far it got and what came back, bounded and masked.

No decision rests on it.
"""

import hashlib

from trading_bot.order_management.outcomes import Accepted, CancelReply, ExchangeFacts, SubmitOutcome
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.fields import printable
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply
from trading_bot.values import replace

RECORDED_HEADERS = ("content-type", "date", "retry-after")
"""The headers of a reply that are recorded; any other may hold a secret."""

_LONGEST_HEADER = 80
_NOTHING_LEFT = ExchangeFacts(phase=SendPhase.BEGUN.value, bytes_sent=0)


def submit_on_record(outcome: SubmitOutcome, result: WireReply | WireFailure | None) -> SubmitOutcome:
    """Return the outcome with what is recorded of its exchange; None where none was begun."""
    is_as_asked = isinstance(outcome, Accepted) and outcome.mismatch is None
    facts = _NOTHING_LEFT if result is None else facts_of(result, with_excerpt=not is_as_asked)
    return replace(outcome, exchange=facts)


def cancel_on_record(reply: CancelReply, result: WireReply | WireFailure | None) -> CancelReply:
    """Return the answer to a cancel with what is recorded of the last request for it."""
    return replace(reply, exchange=None if result is None else facts_of(result))


def facts_of(result: WireReply | WireFailure, *, with_excerpt: bool = True) -> ExchangeFacts:
    """Return what is recorded of an exchange; masking the excerpt takes longer than all the rest."""
    if isinstance(result, WireFailure):
        sent = result.bytes_written if result.first_byte_written else 0
        return ExchangeFacts(phase=result.phase.value, bytes_sent=sent, failure=result.kind.value)
    headers = result.headers
    named = {name: printable(headers[name])[:_LONGEST_HEADER] for name in RECORDED_HEADERS if name in headers}
    return ExchangeFacts(
        phase=SendPhase.BODY_READ.value,
        bytes_sent=result.bytes_written,
        status=result.status,
        headers="; ".join(f"{name}: {value}" for name, value in named.items()) or None,
        reply_bytes=len(result.body),
        reply_sha256=hashlib.sha256(result.body).hexdigest(),
        excerpt=printable(result.body.decode("utf-8", errors="replace")) if with_excerpt else None,
    )
