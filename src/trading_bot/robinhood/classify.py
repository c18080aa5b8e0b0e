"""What one exchange means for an order: total over every status and every failure, decided by a table."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from trading_bot.clock import Seconds
from trading_bot.order_management.models import OrderId, OrderReport, OrderState
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelReply,
    CancelTaken,
    CancelUnknown,
    DurableIntent,
    NotSent,
    Rejected,
    SubmitOutcome,
    Unknown,
)
from trading_bot.robinhood.broker_clock import http_date
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.session import WireReply
from trading_bot.robinhood.strict_json import UnreadableReplyError, strict_json
from trading_bot.robinhood.wire import order_names, printable

MIN_RETRY_AFTER_S: Seconds = 1
MAX_RETRY_AFTER_S: Seconds = 300

ParseOrder: TypeAlias = Callable[[object], OrderReport]

_SUCCESS = range(200, 300)
_CANCEL_REFUSED = frozenset({400, 403, 404, 409, 422})
_WHOLE_ORDER = ("detail", "non_field_errors")
_SECONDS_IN_TEXT = re.compile(r"([0-9]{1,12})\s*seconds?\b")
_SAYS_DUPLICATE = re.compile(r"already exists|duplicate", re.IGNORECASE)
_NAMES_REF_ID = re.compile(r"ref_id|reference id", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    reply: WireReply
    intent: DurableIntent
    parse: ParseOrder
    now: datetime

    @property
    def text(self) -> str:
        return error_text(self.reply.body)


def classify_submit(
    result: WireReply | WireFailure, *, intent: DurableIntent, parse: ParseOrder, now: datetime
) -> SubmitOutcome:
    """Say how one submit ended. Only proof makes an outcome other than `Unknown`.

    ``parse`` reads an order or raises `UnreadableReplyError`; a dated Retry-After is counted from ``now``.
    """
    if isinstance(result, WireFailure):
        return failed_submit(result)
    answer = _Answer(reply=result, intent=intent, parse=parse, now=now)
    if result.status in _SUCCESS:
        return _acknowledged(answer)
    return _SUBMIT_RULES.get(result.status, _inconclusive)(answer)


def classify_cancel(result: WireReply | WireFailure, *, now: datetime) -> CancelReply:
    """Say how one cancel request ended; even `CancelTaken` is no cancelled order yet."""
    if isinstance(result, WireFailure):
        return failed_cancel(result)
    if result.status in _SUCCESS:
        return CancelTaken()
    cause = f"HTTP {result.status}: {error_text(result.body)}"
    if result.status in (401, 429):
        return CancelNotSent(cause=cause, retry_after_s=retry_after_s(result, now))
    if result.status in _CANCEL_REFUSED:
        return CancelRefused(reason=error_text(result.body), status_code=result.status)
    return CancelUnknown(cause=cause)


def failed_cancel(failure: WireFailure) -> CancelReply:
    """Say how a cancel request ended that got no answer."""
    unproven = failure.first_byte_written or failure.kind is FailureKind.REDIRECT
    return CancelUnknown(cause=failure.cause) if unproven else CancelNotSent(cause=failure.cause)


def error_text(body: bytes, *, known: Sequence[str] = ()) -> str:
    """Render an error body for people: one printable line of at most 500 characters.

    Secrets are masked, and so are the ``known`` texts.
    """
    fields = _error_fields(body)
    text = body.decode("utf-8", errors="replace") if fields is None else "; ".join(_sentences(fields))
    return printable(text, known=known) or "the broker gave no reason"


def retry_after_s(reply: WireReply, now: datetime) -> Seconds | None:
    """Return how long the broker asks us to wait, from 1 to 300 seconds; None where it does not say."""
    wait = told_wait_s(reply, now)
    if wait is None:
        return None
    return MAX_RETRY_AFTER_S if math.isnan(wait) else min(max(wait, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)


def told_wait_s(reply: WireReply, now: datetime) -> Seconds | None:
    """Return what the broker says of a wait, in whatever number, below zero and "nan" included; None for nothing.

    The header counts first, in seconds or as a date (RFC 9110, section 10.2.3), then seconds named in the body.
    """
    wait = _header_wait(reply.headers.get("retry-after", "").strip(), now)
    if wait is None:
        named = _SECONDS_IN_TEXT.search(error_text(reply.body))
        wait = None if named is None else Seconds(named.group(1))
    return wait


def failed_submit(failure: WireFailure) -> SubmitOutcome:
    """Say how a submit ended that got no answer: only before the first byte is it proven that nothing was sent."""
    if failure.first_byte_written or failure.kind is FailureKind.REDIRECT:
        return Unknown(cause=failure.cause, security_alert=failure.security_alert)
    return NotSent(
        cause=failure.cause,
        may_retry=failure.gate is None and not failure.security_alert,
        refused_by=failure.gate,
        security_alert=failure.security_alert,
    )


def _acknowledged(answer: _Answer) -> SubmitOutcome:
    try:
        obj = answer.reply.json()
    except UnreadableReplyError as error:
        return Unknown(cause=f"HTTP {answer.reply.status}, but {error}: {answer.text}")
    order_id, ref_id = order_names(obj)
    if order_id is None or ref_id != answer.intent.ref_id.lower():
        return Unknown(cause=f"HTTP {answer.reply.status} without the order we sent: {answer.text}")
    try:
        report = answer.parse(obj)
    except UnreadableReplyError as error:
        return Accepted(
            report=report_by_our_terms(order_id, answer.intent), mismatch=f"the echo is unreadable: {error}"
        )
    return Accepted(report=report, mismatch=terms_difference(report, answer.intent))


def report_by_our_terms(order_id: OrderId, intent: DurableIntent) -> OrderReport:
    """Return what is known of an order of ours whose echo cannot be read: its id, and what we asked for."""
    return OrderReport(
        order_id=order_id,
        ref_id=intent.ref_id,
        symbol=intent.terms.symbol,
        side=intent.terms.side,
        quantity=Decimal(intent.terms.quantity),
        limit_price=intent.terms.limit_price,
        state=OrderState.CONFIRMED,
        broker_state="unreadable",
        state_is_known=False,
        time_in_force=intent.terms.time_in_force,
        waits_for_stop=intent.terms.stop_price is not None,
        stop_price=intent.terms.stop_price,
    )


def terms_difference(report: OrderReport, intent: DurableIntent) -> str | None:
    """Return how the broker's terms differ from ours; a field that says nothing differs in nothing."""
    terms = intent.terms
    pairs = (
        ("symbol", report.symbol if report.symbol_is_known else terms.symbol, terms.symbol),
        ("side", report.side, terms.side),
        ("quantity", report.quantity, terms.quantity),
        ("limit price", report.limit_price, terms.limit_price),
        ("time in force", report.time_in_force or terms.time_in_force, terms.time_in_force),
        ("stop price", report.stop_price_beside(terms.stop_price), terms.stop_price),
    )
    return "; ".join(f"{name} {theirs} instead of {ours}" for name, theirs, ours in pairs if theirs != ours) or None


def _refused(answer: _Answer) -> SubmitOutcome:
    fields = _error_fields(answer.reply.body)
    if not fields:
        return _inconclusive(answer)
    if names_our_reference(fields):
        return _already_there(answer)
    return Rejected(reason=answer.text, status_code=answer.reply.status)


def names_our_reference(fields: Mapping[str, object]) -> bool:
    """Whether a refusal is about the ``ref_id``, or calls the order as a whole a duplicate: one is there already."""
    said = "; ".join(_sentences(fields))
    return "ref_id" in fields or _NAMES_REF_ID.search(said) is not None or _is_called_a_duplicate(fields)


def _is_called_a_duplicate(fields: Mapping[str, object]) -> bool:
    # Said of the order as a whole; of a single field it would be a plain refusal.
    whole = {name: value for name, value in fields.items() if name in _WHOLE_ORDER}
    return any(_SAYS_DUPLICATE.search(sentence) for sentence in _sentences(whole))


def _restricted(answer: _Answer) -> SubmitOutcome:
    # A page of whoever stands before the broker (a content network, a proxy) says nothing of what the broker did.
    if not _error_fields(answer.reply.body):
        return _inconclusive(answer)
    return Rejected(reason=answer.text, status_code=answer.reply.status, freezes_symbol=True)


def _already_there(answer: _Answer) -> SubmitOutcome:
    return Unknown(cause=f"the broker already has this reference: {answer.text}", surely_there=True)


def _login_needed(answer: _Answer) -> SubmitOutcome:
    return NotSent(cause=f"the session was not accepted: {answer.text}", may_retry=True, needs_login=True)


def _throttled(answer: _Answer) -> SubmitOutcome:
    return NotSent(
        cause=f"throttled: {answer.text}", may_retry=True, retry_after_s=retry_after_s(answer.reply, answer.now)
    )


def _inconclusive(answer: _Answer) -> SubmitOutcome:
    return Unknown(cause=f"HTTP {answer.reply.status} says nothing about the order: {answer.text}")


_SUBMIT_RULES: Mapping[int, Callable[[_Answer], SubmitOutcome]] = MappingProxyType(
    {
        400: _refused,
        401: _login_needed,
        403: _restricted,
        404: _restricted,
        409: _already_there,
        422: _refused,
        429: _throttled,
    }
)


def _error_fields(body: bytes) -> Mapping[str, object] | None:
    """Return the fields of an error body; None where it is no JSON object."""
    try:
        obj = strict_json(body)
    except UnreadableReplyError:
        return None
    return obj if isinstance(obj, dict) else None


def _sentences(fields: Mapping[str, object]) -> Iterator[str]:
    for name, value in fields.items():
        yield _said(value) if name in _WHOLE_ORDER else f"{name}: {_said(value)}"


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _header_wait(text: str, now: datetime) -> Seconds | None:
    try:
        return Seconds(text)
    except ValueError:
        pass  # not a number of seconds, so perhaps a date
    moment = http_date(text)
    return None if moment is None else (moment - now).total_seconds()
