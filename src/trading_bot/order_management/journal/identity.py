"""Whose journal it is: what its first record states, and the refusal of the journal of another account or mode."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading_bot.clock import Clock
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, seal
from trading_bot.order_management.models import EXACT, ExecutionMode

_KEPT_IN, _DATABASE = "kept_in", "database"  # a detail of the first record; a journal of 0.1 does not have it

_MICROSECOND = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalIdentity:
    """Whose journal it is. The account appears as a keyed name and its last four characters only."""

    mode: ExecutionMode
    account_key: str
    account_suffix: str
    spellings: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The keys that the same account number has in other letters, and which letters those are."""

    def details(self) -> dict[str, str]:
        """The identity as the first record states it."""
        return {"account_key": self.account_key, "account_suffix": self.account_suffix}


def opening(identity: JournalIdentity) -> OrderEvent:
    """Return the event that begins a journal."""
    return OrderEvent(event=EventKind.JOURNAL_OPENED, execution_mode=identity.mode, details=identity.details())


def first_record(identity: JournalIdentity, *, clock: Clock, session_id: str) -> SealedRecord:
    """Return the first record of a new journal, dated now."""
    mono = EXACT.quantize(Decimal(clock.monotonic()), _MICROSECOND)
    event = replace(opening(identity), details={**identity.details(), _KEPT_IN: _DATABASE})
    return seal(event, head=ChainHead.genesis(), ts=clock.now(), mono=mono, session_id=session_id)


def is_begun_in_a_database(first: JournalRecord) -> bool:
    """Whether a journal with this first record never was one of 0.1; its audit log begins with the same record."""
    return first.fact.details.get(_KEPT_IN) == _DATABASE


def check_first_record(first: JournalRecord, *, identity: JournalIdentity, journal: object) -> None:
    """Refuse a journal that begins as the one of another account or mode; ``journal`` names it in the message.

    Raises:
        OrderLogError: whose it is.
    """
    stated = first.fact.details.get("account_key", "")
    if (first.fact.execution_mode, stated) == (identity.mode, identity.account_key):
        return
    letters = identity.spellings.get(stated)
    if letters is not None and first.fact.execution_mode == identity.mode:
        raise OrderLogError(
            f"account_number (...{identity.account_suffix}) is not written as the account of the journal {journal}, "
            f"which has {letters}; case counts, so write it like that"
        )
    raise OrderLogError(
        f"the journal {journal} belongs to another account or mode ({first.fact.execution_mode}, account ending in "
        f"{first.fact.details.get('account_suffix')}); give this account a folder of its own"
    )
