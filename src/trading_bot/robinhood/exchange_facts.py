"""What one exchange leaves for the record: how far it got and what came back, bounded and masked.

No decision rests on it. The session notes each exchange for whoever listens in the same thread, so that the layers
between the session and a gateway need not hand it up.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from trading_bot.order_management.outcomes import Accepted, CancelReply, ExchangeFacts, SubmitOutcome
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.fields import printable
from trading_bot.robinhood.sending import SendContext, SendPhase
from trading_bot.values import replace

RECORDED_HEADERS = ("content-type", "date", "retry-after")
"""The headers of a reply that are recorded; any other may hold a secret."""

_LONGEST_HEADER = 80
_NOTHING_LEFT = ExchangeFacts(phase=SendPhase.BEGUN.value, bytes_sent=0)


class Heard:
    """The exchanges that one call made: the latest of all, and the latest that asked for an order."""

    def __init__(self) -> None:
        self.latest: ExchangeFacts | None = None
        self.submit: ExchangeFacts = _NOTHING_LEFT


_listener: ContextVar[Heard | None] = ContextVar("trading_bot_exchange_listener", default=None)


@contextmanager
def listening() -> Iterator[Heard]:
    """Hear of the exchanges that this thread makes meanwhile."""
    heard = Heard()
    token = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(token)


def submit_on_record(outcome: SubmitOutcome, heard: Heard) -> SubmitOutcome:
    """Return the outcome with what is recorded of its exchange."""
    facts = heard.submit
    if isinstance(outcome, Accepted) and outcome.mismatch is None:
        facts = replace(facts, excerpt=None)
    return replace(outcome, exchange=facts)


def cancel_on_record(reply: CancelReply, heard: Heard) -> CancelReply:
    """Return the answer to a cancel with what is recorded of the last request for it."""
    return replace(reply, exchange=heard.latest)


def note_failure(failure: WireFailure, context: SendContext) -> None:
    """Tell who listens of an exchange without a usable answer."""
    _note(
        ExchangeFacts(phase=failure.phase.value, bytes_sent=_bytes_sent(context), failure=failure.kind.value), context
    )


def note_reply(status: int, headers: Mapping[str, str], body: bytes, context: SendContext) -> None:
    """Tell who listens of a whole reply; ``headers`` by their names in lower case."""
    if _listener.get() is None:
        return  # most exchanges are reads, of which no record is made
    named = {name: printable(headers[name])[:_LONGEST_HEADER] for name in RECORDED_HEADERS if name in headers}
    _note(
        ExchangeFacts(
            phase=context.phase.value,
            bytes_sent=_bytes_sent(context),
            status=status,
            headers="; ".join(f"{name}: {value}" for name, value in named.items()) or None,
            reply_bytes=len(body),
            reply_sha256=hashlib.sha256(body).hexdigest(),
            excerpt=printable(body.decode("utf-8", errors="replace")),
        ),
        context,
    )


def _note(facts: ExchangeFacts, context: SendContext) -> None:
    heard = _listener.get()
    if heard is None:
        return
    heard.latest = facts
    if context.is_submit:
        heard.submit = facts


def _bytes_sent(context: SendContext) -> int | None:
    """Return how many bytes of the request were written; None where the transport did not count them."""
    return context.bytes_written if context.first_byte_written else 0
