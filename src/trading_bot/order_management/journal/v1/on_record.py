"""A journal of 0.1 that no start has taken over yet, asked as its database will be.

Each question proves the files that it needs, and reads them from their beginning: 0.1 kept no index that helps here.
What still counts is in the live file. Nothing is written, so a bot of 0.1 may write on meanwhile.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord
from trading_bot.order_management.journal.identity import JournalIdentity, check_first_record, is_begun_in_a_database
from trading_bot.order_management.journal.port import OrderKeyKind, Pointer
from trading_bot.order_management.journal.v1.proof import V1Journal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.order_management.models import ClientOrderId


class V1Reader:
    """A `JournalReader`. Each method raises `OrderLogError` where the files cannot be read or are somebody else's."""

    def __init__(self, files: V1Files, *, identity: JournalIdentity) -> None:
        self._files = files
        self._identity = identity
        self._rest: tuple[int, Iterator[SealedRecord]] = (0, iter(()))

    @property
    def name(self) -> str:
        """What the journal is called in messages."""
        return str(self._files.journal)

    def verify(self) -> ChainHead:
        """Prove everything, and return where the journal ends.

        Raises:
            OrderLogDamagedError: something is missing, changed or cut off.
        """
        return self._ours(self._files.verify()).head

    def read_head(self) -> ChainHead:
        """Return the number and hash of the last record."""
        return self._ours(self._files.verify_live()).head

    def read_standing(self) -> tuple[JournalRecord, ...]:
        """Return the records that still count."""
        return tuple(self._records(self._files.verify_live()))

    def pointers(self, kind: str) -> tuple[Pointer, ...]:
        """Return no pointer: 0.1 kept none."""
        del kind
        return ()

    def records_of(self, client_order_id: ClientOrderId) -> tuple[JournalRecord, ...]:
        """Return every record of one order."""
        return tuple(record for record in self._all() if record.fact.client_order_id == client_order_id)

    def records_of_request(self, correlation_id: str) -> tuple[JournalRecord, ...]:
        """Return every record that carries this correlation id; 0.1 gave it to none."""
        return tuple(record for record in self._all() if record.fact.correlation_id == correlation_id)

    def of_symbols(self, symbols: frozenset[str]) -> tuple[JournalRecord, ...]:
        """Return every record about these symbols, the orders in them, and the account."""
        orders = {record.fact.client_order_id for record in self._all() if record.fact.symbol in symbols} | {None}
        wanted = symbols | {None}
        return tuple(
            record for record in self._all() if (record.fact.symbol in wanted and record.fact.client_order_id in orders)
        )

    def find_order(self, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
        """Return the client order id of the order that has this name."""
        return next((found for record in self._all() if (found := _named(record, kind, key)) is not None), None)

    def has_key(self, kind: OrderKeyKind, key: str) -> bool:
        """Whether this name was given away."""
        return self.find_order(kind, key) is not None

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        """Return up to ``limit`` records numbered above ``after``; who turns the pages reads each of them once."""
        at, rest = self._rest
        if at != after or after == 0:
            live = self._files.verify_live()
            whole = self._ours(live if after >= live.follows.seq else self._files.verify())
            rest = (sealed for sealed in self._files.records(whole) if sealed.record.seq > after)
        found = tuple(islice(rest, limit))
        self._rest = (found[-1].record.seq if found else -1, rest)
        return found

    def _all(self) -> Iterator[JournalRecord]:
        return self._records(self._files.verify())

    def _records(self, whole: V1Journal) -> Iterator[JournalRecord]:
        return (sealed.record for sealed in self._files.records(self._ours(whole)))

    def _ours(self, whole: V1Journal) -> V1Journal:
        if whole.first is None:
            return whole
        if is_begun_in_a_database(whole.first):
            raise OrderLogDamagedError(
                f"{self.name} is the audit log of a database that is gone; restore the account's folder from a backup"
            )
        check_first_record(whole.first, identity=self._identity, journal=self.name)
        return whole


def _named(record: JournalRecord, kind: OrderKeyKind, key: str) -> ClientOrderId | None:
    fact = record.fact
    names = {
        OrderKeyKind.CLIENT_ORDER_ID: fact.client_order_id,
        OrderKeyKind.REF_ID: fact.ref_id,
        OrderKeyKind.ORDER_ID: fact.order_id,
    }
    return fact.client_order_id if names.get(kind) == key else None
