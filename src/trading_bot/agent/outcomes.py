"""What one call means for an order: total over every way in which a call can end.

Errors of this interface are texts in results that are good by their HTTP status. Most begin with the status that the
broker's own service gave (``API error 400: {...}``); a sentence without such a number was most often written before
the broker was asked, but not always. So a place is refused only by a status and a JSON body that say so, or by a
sentence that was seen before and is on the list here. Everything else that came after the first byte is unknown.
"""

import re
from dataclasses import dataclass
from typing import Final

from trading_bot.agent.error_text import ErrorText
from trading_bot.agent.order_rows import awaits_approval
from trading_bot.agent.tool_call import CallResult, Garbled, HttpRefusal, RpcError, ToolError, ToolReply
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
from trading_bot.robinhood.classify import (
    ParseOrder,
    error_text,
    failed_cancel,
    failed_submit,
    names_our_reference,
    report_by_our_terms,
    terms_difference,
)
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.fields import flag, printable
from trading_bot.robinhood.strict_json import UnreadableReplyError
from trading_bot.robinhood.wire import order_names
from trading_bot.values import replace

_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 400, 401, 403, 404
_CONFLICT, _UNPROCESSABLE = 409, 422

_INVALID: Final = (_BAD_REQUEST, _UNPROCESSABLE)
_RESTRICTING: Final = (_FORBIDDEN, _NOT_FOUND)
_REFUSING: Final = (*_INVALID, *_RESTRICTING)
_CANCEL_REFUSED: Final = (*_REFUSING, _CONFLICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefusal:
    """A sentence by which the interface refuses before it asks the broker, and the status that it stands for."""

    pattern: re.Pattern[str]
    status_code: int
    freezes_symbol: bool = False


KNOWN_REFUSALS: Final = (
    # Seen on 7 October 2026, as an answer to a place.
    KnownRefusal(
        pattern=re.compile(r"fractional and dollar-based orders are only allowed in regular_hours"),
        status_code=_BAD_REQUEST,
    ),
    # Reported in August 2026, as an answer to a place: the look-up of the symbol comes before the order.
    KnownRefusal(pattern=re.compile(r"instrument not found for symbol [A-Z0-9.-]{1,12}"), status_code=_NOT_FOUND),
    # Reported on 18 August 2026, as an answer to a review.
    KnownRefusal(
        pattern=re.compile(r"FORBIDDEN: agent not authorized to access this account"),
        status_code=_FORBIDDEN,
        freezes_symbol=True,
    ),
)
"""All sentences without a number that are taken for a refusal; each is matched whole."""


def classify_submit(result: CallResult, *, intent: DurableIntent, parse: ParseOrder) -> SubmitOutcome:
    """Say how one place ended. Only proof makes an outcome other than `Unknown`.

    ``parse`` reads an order or raises `UnreadableReplyError`.
    """
    match result:
        case WireFailure():
            return failed_submit(result)
        case ToolReply():
            return _acknowledged(result.data, intent, parse)
        case ToolError() | RpcError():
            return _refused(ErrorText.of(result))
        case HttpRefusal(status=status) if status == _UNAUTHORIZED:
            # The token is looked at before anything else, so the same bytes may go out once more.
            cause = f"the session was not accepted: {_http_text(result)}"
            return NotSent(cause=cause, may_retry=True, needs_login=True)
        case HttpRefusal():
            return Unknown(cause=f"HTTP {result.status} says nothing about the order: {_http_text(result)}")
        case Garbled():
            return Unknown(cause=f"the broker's answer cannot be read: {printable(result.cause)}")


def classify_cancel(result: CallResult) -> CancelReply:
    """Say how one cancel request ended; even `CancelTaken` is no cancelled order yet."""
    match result:
        case WireFailure():
            return failed_cancel(result)
        case ToolReply():
            return _taken(result.data)
        case ToolError() | RpcError():
            return _cancel_refused(ErrorText.of(result))
        case HttpRefusal(status=status) if status == _UNAUTHORIZED:
            return CancelNotSent(cause=f"the session was not accepted: {_http_text(result)}")
        case HttpRefusal():
            return CancelUnknown(cause=f"HTTP {result.status}: {_http_text(result)}")
        case Garbled():
            return CancelUnknown(cause=f"the broker's answer cannot be read: {printable(result.cause)}")


def _http_text(refusal: HttpRefusal) -> str:
    return error_text(refusal.text.encode("utf-8", errors="replace"))


def _acknowledged(data: object, intent: DurableIntent, parse: ParseOrder) -> SubmitOutcome:
    order = data.get("order") if isinstance(data, dict) else None
    order_id, ref_id = order_names(order)
    if not isinstance(data, dict) or not isinstance(order, dict) or order_id is None:
        return Unknown(cause="the broker answered without an order that has an id")
    names_none = ref_id is None and order.get("ref_id") in (None, "")
    if not names_none and ref_id != intent.ref_id.lower():
        return Unknown(cause="the broker answered with another order than the one that we sent")
    mismatch: str | None
    try:
        report = parse(order)
        mismatch = terms_difference(report, intent)
    except UnreadableReplyError as error:
        report, mismatch = report_by_our_terms(order_id, intent), f"the echo is unreadable: {error}"
    if names_none and mismatch is not None:
        return Unknown(cause=f"the broker answered with an order that may be another one: {mismatch}")
    waits = report.awaits_approval or (report.state.is_working and awaits_approval(data))
    return Accepted(report=replace(report, awaits_approval=waits), mismatch=mismatch)


def _refused(said: ErrorText) -> SubmitOutcome:
    if said.status == _CONFLICT or (said.status in _INVALID and names_our_reference(said.fields)):
        return Unknown(cause=f"the broker already has this reference: {error_text(said.said)}", surely_there=True)
    if said.status in _REFUSING and said.fields:
        return Rejected(
            reason=error_text(said.said), status_code=said.status, freezes_symbol=said.status in _RESTRICTING
        )
    if (known := _known(said)) is not None:
        return Rejected(
            reason=error_text(said.said), status_code=known.status_code, freezes_symbol=known.freezes_symbol
        )
    return Unknown(cause=f"the answer does not prove what became of the order: {error_text(said.said)}")


def _known(said: ErrorText) -> KnownRefusal | None:
    if said.status is not None:
        return None
    text = said.said.decode().strip()
    return next((each for each in KNOWN_REFUSALS if each.pattern.fullmatch(text)), None)


def _taken(data: object) -> CancelReply:
    is_accepted = flag(data.get("accepted")) if isinstance(data, dict) else None
    if is_accepted is None:
        return CancelUnknown(cause="the broker did not say whether it took the request")
    if is_accepted:
        return CancelTaken()
    return CancelRefused(reason="the broker did not take the request", status_code=_FORBIDDEN, may_be_early=True)


def _cancel_refused(said: ErrorText) -> CancelReply:
    if said.status in _CANCEL_REFUSED:
        # What is said of a filled order was also said of one that the broker had not confirmed yet.
        is_early = said.status == _FORBIDDEN
        return CancelRefused(reason=error_text(said.said), status_code=said.status, may_be_early=is_early)
    if (known := _known(said)) is not None:
        return CancelRefused(reason=error_text(said.said), status_code=known.status_code)
    return CancelUnknown(cause=error_text(said.said))
