"""How one request to the broker ended: closed sets of types, so that no caller can mistake one ending for another."""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, TypeAlias

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderValidationError
from trading_bot.order_management.models import (
    ClientOrderId,
    OrderId,
    OrderReport,
    OrderState,
    OrderTerms,
    RefId,
    Side,
)
from trading_bot.values import Value


class _WithBody(Value, frozen=True):
    """A value with bytes for the broker. They name the account, so its repr leaves them out."""

    def __repr__(self) -> str:
        told = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "body")
        return f"{type(self).__name__}({', '.join(told)})"


class PreparedOrder(_WithBody, frozen=True, kw_only=True):
    """The exact bytes that would ask the broker for an order, made before the intent is written."""

    ref_id: RefId
    terms: OrderTerms
    body: bytes
    instrument_id: str | None = None
    """The broker's id of the instrument: the identity, where a symbol can change."""

    @property
    def digest(self) -> str:
        """SHA-256 of the body, as the journal records it."""
        return hashlib.sha256(self.body).hexdigest()


class DurableIntent(_WithBody, frozen=True, kw_only=True):
    """Proof that an order's intent is on disk. Only the journal makes one, after its barrier.

    A gateway sends nothing without it and refuses a body that is not the one recorded.
    """

    client_order_id: ClientOrderId
    ref_id: RefId
    terms: OrderTerms
    body: bytes
    body_digest: str
    journal_seq: int

    def __post_init__(self) -> None:
        """Refuse a body other than the recorded one."""
        if hashlib.sha256(self.body).hexdigest() != self.body_digest:
            raise ValueError(f"{self.client_order_id}: these bytes are not the ones in the journal; nothing was sent")


def check_side(intent: DurableIntent, side: Side) -> None:
    """Raise `OrderValidationError` where the intent is of the other side."""
    if intent.terms.side is not side:
        raise OrderValidationError(
            f"the intent is a {intent.terms.side}, not a {side}; nothing was sent: use the other method",
            client_order_id=intent.client_order_id,
            symbol=intent.terms.symbol,
        )


class ExchangeFacts(Value, frozen=True, kw_only=True):
    """How far one request got and what came back, masked and bounded, for the record. No decision rests on it."""

    phase: str
    """How far it got: begun, connected, writing, sent, headers_read or body_read."""
    bytes_sent: int | None
    """How many bytes were written; None where the transport does not count them."""
    failure: str | None = None
    """What went wrong on the way; None where a whole reply came."""
    status: int | None = None
    """The HTTP status of the reply."""
    headers: str | None = None
    """Those of its headers that may be recorded."""
    reply_bytes: int | None = None
    reply_sha256: str | None = None
    """The digest of the reply's body as it came, an echo of the access token masked."""
    excerpt: str | None = None
    """The beginning of the body: one printable line of at most 500 characters, secrets masked. None for the order that
    was asked for, whose terms are recorded one by one."""

    def as_text(self) -> Mapping[str, str | None]:
        """Return them under the keys that a record has; None is left out of it."""
        return {
            "phase": self.phase,
            "bytes_sent": _digits(self.bytes_sent),
            "failure": self.failure,
            "http_status": _digits(self.status),
            "headers": self.headers,
            "reply_bytes": _digits(self.reply_bytes),
            "reply_sha256": self.reply_sha256,
            "excerpt": self.excerpt,
        }


def _digits(number: int | None) -> str | None:
    return None if number is None else str(number)


class Ending(enum.StrEnum):
    """The four ways in which a request for an order ends, and in the end its submit."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class Accepted(Value, frozen=True, kw_only=True):
    """The broker has the order; the report is its own words."""

    ending: ClassVar[Ending] = Ending.ACCEPTED
    cause: ClassVar[None] = None
    report: OrderReport
    mismatch: str | None = None
    """How the echoed terms differ from ours, if they do: our terms are tracked and the symbol is frozen."""
    exchange: ExchangeFacts | None = None


class Rejected(Value, frozen=True, kw_only=True):
    """The broker refused and holds no order."""

    ending: ClassVar[Ending] = Ending.REJECTED
    reason: str
    status_code: int
    freezes_symbol: bool = False
    """403 and 404: a restriction or contract drift, not a fault of this one order."""
    exchange: ExchangeFacts | None = None

    @property
    def cause(self) -> str:
        """Why it ended so."""
        return self.reason


class NotSent(Value, frozen=True, kw_only=True):
    """Provably no order exists: nothing left, or the broker refused before acting."""

    ending: ClassVar[Ending] = Ending.NOT_SENT
    cause: str
    may_retry: bool
    """Whether the same bytes may go out again while the intent is in date."""
    retry_after_s: Seconds | None = None
    needs_login: bool = False
    refused_by: str | None = None
    """The gate of ours that refused at the last moment (latch, deadline), if one did."""
    security_alert: bool = False
    """A certificate failure: something may stand between us and the broker."""
    exchange: ExchangeFacts | None = None


class Unknown(Value, frozen=True, kw_only=True):
    """No proof either way: the order may be live."""

    ending: ClassVar[Ending] = Ending.UNKNOWN
    cause: str
    surely_there: bool = False
    """The broker says it already has this ``ref_id``: the order exists and must be found."""
    security_alert: bool = False
    exchange: ExchangeFacts | None = None


SubmitOutcome: TypeAlias = Accepted | Rejected | NotSent | Unknown


class CancelTaken(Value, frozen=True, kw_only=True):
    """The broker took the request. That is not yet a cancelled order."""

    exchange: ExchangeFacts | None = None


class CancelRefused(Value, frozen=True, kw_only=True):
    """The broker refused: the order may be done already, or not cancellable now. Only a read tells."""

    reason: str
    status_code: int
    may_be_early: bool = False
    """Whether the order may merely be too young for it: where a read shows it open, it is asked for again."""
    exchange: ExchangeFacts | None = None


class CancelNotSent(Value, frozen=True, kw_only=True):
    """The request did not leave: the order is still live."""

    cause: str
    retry_after_s: Seconds | None = None
    exchange: ExchangeFacts | None = None


class CancelUnknown(Value, frozen=True, kw_only=True):
    """No answer: treat the order as live until a read shows otherwise. Repeating a cancel is safe."""

    cause: str
    exchange: ExchangeFacts | None = None


CancelReply: TypeAlias = CancelTaken | CancelRefused | CancelNotSent | CancelUnknown


def last_of(replies: Sequence[CancelReply]) -> CancelReply:
    """Return what a cancel that was asked for several times came to.

    That the last request was not sent says nothing of one before it whose outcome is unknown.
    """
    last = replies[-1]
    if isinstance(last, CancelNotSent) and any(isinstance(each, CancelUnknown) for each in replies):
        return CancelUnknown(cause=last.cause)
    return last


class UnreadRow(Value, frozen=True, kw_only=True):
    """A row of the order list that is no order we can read in full. What it does not say, readably, is None."""

    problem: str
    order_id: OrderId | None = None
    ref_id: RefId | None = None
    instrument_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    cumulative_quantity: Decimal | None = None
    limit_price: Decimal | None = None
    state: OrderState | None = None
    """Our reading of the broker's word; None where the word is absent or in no table of ours."""
    broker_state: str | None = None
    created_at: datetime | None = None


class Listing(Value, frozen=True, kw_only=True):
    """A listing of the broker's orders: every page of it, or the reason why not."""

    reports: tuple[OrderReport, ...]
    complete: bool
    """Whether everything was read that was asked for: every page and every row, or the order that was looked for."""
    has_all_pages: bool = False
    """Whether every page was read, whatever is in ``unread``. Only such a listing may prove that an order is absent."""
    unreadable_ids: tuple[OrderId, ...] = ()
    """Rows that name an order but could not be read; their presence is known, nothing else."""
    unread: tuple[UnreadRow, ...] = ()
    """The rows that could not be read in full, with what they do say."""
    problem: str | None = None
    """Why pages are missing, or why a search came to no conclusion; rows that could not be read say why themselves."""
    broker_time: datetime | None = None
    """When the listing began, at the earliest, by the broker's own clock; None if it has stated no time."""
