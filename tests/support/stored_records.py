"""The committed records of a journal in a list, for whatever reads pages of them."""

from collections.abc import Sequence
from decimal import Decimal

from tests.support.order_story import MONDAY
from trading_bot.order_management.events import OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal


class StoredRecords:
    """Numbers and chains what is committed, at the time ``now``."""

    def __init__(self) -> None:
        self.records: list[SealedRecord] = []
        self.now = MONDAY

    def commit(self, *events: OrderEvent) -> Sequence[SealedRecord]:
        begin = len(self.records)
        for event in events:
            sealed = seal(event, head=self.read_head(), ts=self.now, mono=Decimal(0), session_id="session-1")
            self.records.append(sealed)
        return tuple(self.records[begin:])

    def read_head(self) -> ChainHead:
        return head_at(self.records[-1].record) if self.records else ChainHead.genesis()

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        return tuple(self.records[after : after + limit])
