"""A day of commits for a journal, without the order layer: the n-th commit is the same bytes in every run.

`CommitStory` makes them one behind the other, and knows what a journal holds after each: records, standing pointers and
order keys. `problems_of` compares an opened journal with that, and proves every hash and link of the chain on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tests.support.order_story import MONDAY, booked, fill, intended, now_in, order_id_of, ref_of, told
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, seal
from trading_bot.order_management.journal.identity import JournalIdentity, opening
from trading_bot.order_management.journal.port import Commit, JournalReader, Opened, OrderKey, OrderKeyKind, Pointer
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState

IDENTITY = JournalIdentity(mode=ExecutionMode.PAPER, account_key="0123456789abcdef", account_suffix="0001")
PAGE = 50
LONG = "broker text " * 150
"""Texts of this length make a record longer than half a page, so that SQLite needs overflow pages for it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a journal holds after some commits."""

    lines: tuple[bytes, ...] = ()
    standing: frozenset[Pointer] = frozenset()
    keys: frozenset[OrderKey] = frozenset()

    def after(self, commit: Commit) -> "Held":
        return Held(
            lines=(*self.lines, *(sealed.line for sealed in commit.records)),
            standing=(self.standing - set(commit.ended)) | set(commit.standing),
            keys=self.keys | set(commit.order_keys),
        )


class CommitStory:
    """Commits in their order. ``held[n]`` is what stands after the first n of them."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.held = [Held()]

    @classmethod
    def of(cls, length: int) -> "CommitStory":
        story = cls()
        for _ in range(length):
            story.next()
        return story

    def next(self) -> Commit:
        """Make one commit more: the journal's opening, then by turns an intent, a reply with fills, and an end."""
        number = len(self.commits)
        head = self._head()
        if number == 0:
            commit = Commit(records=_sealed(head, opening(IDENTITY)))
        else:
            order, step = divmod(number - 1, 3)
            commit = (_intent, _reply, _end)[step](head, f"order-{order}")
        return self.take(commit)

    def take(self, commit: Commit) -> Commit:
        """Go on with a commit that somebody else made."""
        self.commits.append(commit)
        self.held.append(self.held[-1].after(commit))
        return commit

    def _head(self) -> ChainHead:
        last = next((commit.records[-1] for commit in reversed(self.commits) if commit.records), None)
        return head_at(last.record) if last else ChainHead.genesis()


def _sealed(head: ChainHead, *events: OrderEvent) -> tuple[SealedRecord, ...]:
    records = []
    for event in events:
        moment = MONDAY + timedelta(seconds=head.seq)
        records.append(seal(event, head=head, ts=moment, mono=Decimal(head.seq), session_id="session-1"))
        head = head_at(records[-1].record)
    return tuple(records)


def _intent(head: ChainHead, name: str) -> Commit:
    records = _sealed(head, intended(name))
    seq = records[0].record.seq
    return Commit(
        records=records,
        order_keys=(
            OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key=name, seq=seq),
            OrderKey(kind=OrderKeyKind.REF_ID, key=ref_of(name), seq=seq),
        ),
        standing=(Pointer(kind="order", key=name, seq=seq),),
    )


def _reply(head: ChainHead, name: str) -> Commit:
    records = _sealed(
        head,
        told(EventKind.SUBMIT_ATTEMPTED, name, attempt=1, reason=LONG),
        told(EventKind.ORDER_ACCEPTED, name, order_id=order_id_of(name), status=OrderState.CONFIRMED),
        booked(fill(1, 4), name),
    )
    seqs = [sealed.record.seq for sealed in records]
    return Commit(
        records=records,
        order_keys=(OrderKey(kind=OrderKeyKind.ORDER_ID, key=order_id_of(name), seq=seqs[1]),),
        standing=tuple(Pointer(kind="order", key=name, seq=seq) for seq in seqs),
    )


def _end(head: ChainHead, name: str) -> Commit:
    records = _sealed(head, now_in(OrderState.FILLED, name, filled_quantity=Decimal(10), order_id=order_id_of(name)))
    seq = records[0].record.seq
    # Every third order stays open, so that what stands grows slowly.
    is_kept = int(name.rpartition("-")[2]) % 3 == 2
    pointers = tuple(Pointer(kind="order", key=name, seq=each) for each in range(seq - 4, seq))
    if is_kept:
        return Commit(records=records, standing=(Pointer(kind="order", key=name, seq=seq),))
    return Commit(records=records, ended=pointers, standing=(Pointer(kind="lot", key=name, seq=seq),))


def walk(reader: JournalReader) -> list[SealedRecord]:
    """Return every record; the reader checks their hashes, and this their numbers and links.

    Raises:
        OrderLogDamagedError: a hash is wrong.
        AssertionError: a link is, or the head.
    """
    head = ChainHead.genesis()
    found: list[SealedRecord] = []
    while page := reader.page(after=head.seq, limit=PAGE):
        for sealed in page:
            assert (sealed.record.seq, sealed.record.prev) == (head.seq + 1, head.hash), f"gap behind {head.seq}"
            head = head_at(sealed.record)
        found.extend(page)
    assert head == reader.read_head(), "the head is not the last record"
    return found


def problems_of(reader: JournalReader, opened: Opened, held: Sequence[Held]) -> tuple[int | None, list[str]]:
    """Return after how many commits the journal stands, and what of it is not as it stood then.

    ``held`` is what stood after each commit that may be there, the first one after none.
    """
    lines = tuple(sealed.line for sealed in walk(reader))
    number = next((number for number, each in enumerate(held) if each.lines == lines), None)
    if number is None:
        return None, [f"{len(lines)} records, which no commit ended with"]
    then, problems = held[number], []
    if opened.problem is not None:
        problems.append(opened.problem)
    if opened.head.seq != len(lines):
        problems.append(f"opened at {opened.head.seq}, holds {len(lines)}")
    expected = sorted({pointer.seq for pointer in then.standing})
    for name, found in (("opened", opened.standing), ("read", reader.read_standing())):
        if [record.seq for record in found] != expected:
            problems.append(f"standing as {name}: {[record.seq for record in found]}, not {expected}")
    problems.extend(_key_problems(reader, then, held[-1].keys))
    return number, problems


def _key_problems(reader: JournalReader, then: Held, ever: frozenset[OrderKey]) -> list[str]:
    owners = {key: _owner(key) for key in ever}
    return [
        f"{key.kind} {key.key}: found {found}, given {key in then.keys}"
        for key in ever
        if (found := reader.find_order(key.kind, key.key)) != (owners[key] if key in then.keys else None)
    ]


def _owner(key: OrderKey) -> ClientOrderId:
    prefixes = {OrderKeyKind.REF_ID: ref_of(""), OrderKeyKind.ORDER_ID: order_id_of("")}
    return ClientOrderId(key.key.removeprefix(prefixes.get(key.kind, "")))


def names_missing(reader: JournalReader, records: Sequence[SealedRecord]) -> list[str]:
    """Return the orders that cannot be found by a name that their own records give them, or have lost records.

    The story is not asked: whoever walks over a journal can find this.
    """
    found, told = [], dict[ClientOrderId, list[JournalRecord]]()
    for record in (sealed.record for sealed in records):
        name = record.fact.client_order_id
        if name is None:
            continue
        told.setdefault(name, []).append(record)
        for kind, key in _names_given(record.fact):
            if reader.find_order(kind, key) != name:
                found.append(f"{kind} {key} of record {record.seq}")
    return found + [str(name) for name, its in told.items() if list(reader.records_of(name)) != its]


def _names_given(fact: OrderEvent) -> list[tuple[OrderKeyKind, str]]:
    names: dict[OrderKeyKind, str | None] = {}
    if fact.event is EventKind.ORDER_INTENDED:
        names = {OrderKeyKind.CLIENT_ORDER_ID: fact.client_order_id, OrderKeyKind.REF_ID: fact.ref_id}
    elif fact.event is EventKind.ORDER_ACCEPTED:
        names = {OrderKeyKind.ORDER_ID: fact.order_id}
    return [(kind, key) for kind, key in names.items() if key is not None]
