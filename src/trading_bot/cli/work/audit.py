"""Follows the journal, proves it, and tells the life of an order. Nothing is locked or written."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from trading_bot.audit.on_record import DatabaseTail, RequestLife, SymbolRecords, life_on_record, request_on_record
from trading_bot.audit.proof import JournalProof, prove
from trading_bot.audit.story import OrderLife, Sentence, sentence_of
from trading_bot.cli.account_place import AccountPlace, place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.text import exchange_time
from trading_bot.cli.streams import reader_is_gone
from trading_bot.cli.work.stop_request import stop_on_signals
from trading_bot.clock import Seconds, SystemClock
from trading_bot.config import Config
from trading_bot.order_json import envelope_json, moment_text, order_result_json
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderNotFoundError
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.port import JournalReader
from trading_bot.prose import typed
from trading_bot.risk.order_result import result_lines, result_of

_LOOK_EVERY_S: Seconds = 0.25
_ALL = 1_000_000_000
"""As many records as there are, of a journal that is begun while it is followed."""


def tail(invocation: Invocation, *, count: int, follow: bool) -> ExitCode:
    """Show the newest records of the journal, one sentence each."""
    pages = _Pages(invocation)
    if not follow:
        pages.refuse_missing()
    records = pages.new_records(count)
    pages.write([sentence_of(record) for record in records])
    return pages.follow() if follow else ExitCode.DONE


def verify(invocation: Invocation) -> ExitCode:
    """Check the chain of the journal from its first record to its last; exit 0 if it holds, 11 if not.

    Both are proven, the database and the audit log, and each against the other; a bot may run meanwhile.
    """
    pages = _Pages(invocation)
    stored = pages.place.on_record()
    if stored is None:
        return _verify_old(invocation, pages.place)
    proof = prove(stored.rows, stored.log)
    chain = proof.database
    if invocation.json:
        fields = {"ok": proof.ok, "records": chain.seq, "head": chain.hash, "problem": proof.problem}
        log = {"path": str(stored.log), "first": proof.log.first, "last": proof.log.seq or None}
        print_json({"v": 1, "journal": stored.name, **fields, "audit_log": log, "notes": list(proof.notes)})
    elif proof.ok:
        print_line(f"{chain.seq} records, each follows from the one before it: {stored.name}")
        print_line(f"head {chain.hash}")
        for line in _log_lines(proof, stored.log):
            print_line(line)
    if proof.problem is not None:
        raise _not_verified(stored.name, chain.seq, proof.problem)
    return ExitCode.DONE


def _log_lines(proof: JournalProof, log: Path) -> tuple[str, ...]:
    if proof.log.first is None:
        return proof.notes
    return (f"its records {proof.log.first} to {proof.log.seq} are the same in the audit log: {log}", *proof.notes)


def _not_verified(journal: str, records: int, problem: str) -> CommandError:
    return CommandError(
        f"the journal {journal} does not verify after record {records}: {problem}; keep a copy of it and do not trade "
        "on before you know why",
        exit_code=ExitCode.JOURNAL,
    )


def _verify_old(invocation: Invocation, place: AccountPlace) -> ExitCode:
    """Verify a journal of version 0.1 that is no database yet."""
    old = place.old_journal()
    try:
        head = old.verify() if old is not None else ChainHead.genesis()
    except OrderLogDamagedError as error:
        if invocation.json:
            print_json(_chain_json(place, ok=False, head=ChainHead.genesis(), problem=str(error)))
        raise
    if invocation.json:
        print_json(_chain_json(place, ok=True, head=head, problem=None))
    else:
        print_line(f"{head.seq} records, each follows from the one before it: {place.journal}")
        print_line(f"head {head.hash}")
    return ExitCode.DONE


def _chain_json(place: AccountPlace, *, ok: bool, head: ChainHead, problem: str | None) -> dict[str, object]:
    fields = {"ok": ok, "records": head.seq, "head": head.hash, "problem": problem}
    return {"v": 1, "journal": str(place.journal), **fields}


def explain(invocation: Invocation, *, identifier: str, request: bool) -> None:
    """Tell an order or a request, each sentence with the number of the journal record that proves it.

    Raises:
        OrderNotFoundError: no record names it.
    """
    pages = _Pages(invocation)
    pages.refuse_missing()
    told = pages.request(identifier)
    life = None if request else pages.life(identifier)
    if life is not None:
        _tell_order(pages, life, same_name=told)
    elif told is not None:
        _tell_request(pages, told)
    else:
        sought = "request" if request else "order and no request"
        raise OrderNotFoundError(
            f"no {sought} {ascii(identifier)[:80]} is in the journal; 'trading-bot orders --all' lists the orders' ids"
        )


def _tell_request(pages: "_Pages", told: RequestLife) -> None:
    if pages.invocation.json:
        orders = [envelope_json(order.envelope) for order in told.orders]
        sentences = [_sentence_json(each) for each in told.sentences]
        print_json({"v": 1, "correlation_id": told.correlation_id, "orders": orders, "sentences": sentences})
        return
    count = len(told.sentences)
    print_line(f"request {told.correlation_id}: {count} record{'' if count == 1 else 's'}")
    for order in told.orders:
        whose = "" if order.envelope.correlation_id == told.correlation_id else ", which another request made"
        print_line(f"order {order.client_order_id}{whose}: {_state(order)}")
    pages.write(told.sentences)


def _state(order: TrackedOrder) -> str:
    return f"{order.state.value.replace('_', ' ')} as of the last record"


def _tell_order(pages: "_Pages", life: OrderLife, *, same_name: RequestLife | None) -> None:
    request = life.order.envelope.correlation_id
    result = result_of(life.order, life.book.orders(), life.book.acceptances())
    if pages.invocation.json:
        sentences = [_sentence_json(each) for each in life.sentences]
        order = envelope_json(life.order.envelope)
        print_json({"v": 1, "order": order, "result": order_result_json(result), "sentences": sentences})
        return
    print_line(f"order {life.order.client_order_id}: {_state(life.order)}")
    if request is not None:
        print_line(f"request {request} made it")
    if same_name is not None:
        told_by = typed("audit", "explain", "--request", same_name.correlation_id)
        print_line(f"a request has the same id: {told_by} tells it")
    pages.write(life.sentences, naming=False)
    for line in result_lines(result):
        print_line(line)


def _no_journal(place: AccountPlace) -> CommandError:
    return CommandError(
        f"there is no journal yet: {place.state.database} comes with the first trade", exit_code=ExitCode.USAGE
    )


class _Pages:
    """The journal of the configured account, shown sentence by sentence."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        config = Config.from_env_and_json(invocation.config, account=invocation.account)
        self.place = place_of(config)
        self._zone = config.trading.hours.timezone
        self._json = invocation.json
        self._tail: DatabaseTail | None = None
        self._told = 0

    def refuse_missing(self) -> None:
        """Say that there is no journal yet, or that it is gone, instead of telling nothing."""
        if self.place.on_record() is None and self.place.old_journal() is None:
            raise _no_journal(self.place)

    def write(self, sentences: Sequence[Sentence], *, naming: bool = True) -> None:
        for sentence in sentences:
            if self._json:
                print_json({"v": 1, **_sentence_json(sentence)})
            else:
                print_line(self._line(sentence, naming=naming))

    def new_records(self, at_first: int = 0) -> tuple[JournalRecord, ...]:
        """Return what was added since the last call; of what was there before the first one, the newest."""
        if self._tail is not None:
            return self._tail.read()
        stored = self.place.on_record()
        old = None if stored is not None else self.place.old_journal()
        reader = stored.reader if stored is not None else old
        if reader is None or (old is not None and self._told):
            return ()  # a journal of version 0.1 is told once, and followed once a start has taken it over
        known = max(reader.read_head().seq - self._told, 0) if self._told else at_first
        tail = DatabaseTail(reader, last=known)
        records = tail.read()
        self._tail = tail if stored is not None else None
        self._told = records[-1].seq if records else self._told
        return records

    def request(self, correlation_id: str) -> RequestLife | None:
        """Return what is on record of one request; None if nothing is."""
        reader, _ = self._on_record()
        return request_on_record(reader, correlation_id)

    def life(self, order_id: str) -> OrderLife | None:
        """Return what is on record of one order; None if nothing is."""
        reader, symbols = self._on_record()
        with suppress(OrderNotFoundError):
            return life_on_record(reader, order_id, symbols=symbols)
        return None

    def _on_record(self) -> tuple[JournalReader, SymbolRecords]:
        stored = self.place.on_record()
        if stored is not None:
            return stored.reader, stored.rows
        old = self.place.old_journal()
        if old is None:
            raise _no_journal(self.place)
        return old, old

    def follow(self) -> ExitCode:
        clock = SystemClock()
        with stop_on_signals() as stop:
            while not stop() and not reader_is_gone():
                clock.sleep(_LOOK_EVERY_S)
                self.write([sentence_of(record) for record in self.new_records(_ALL)])
        return stop.exit_code

    def _line(self, sentence: Sentence, *, naming: bool) -> str:
        name = f"order {sentence.client_order_id}: " if naming and sentence.client_order_id else ""
        local = sentence.at.astimezone(self._zone)
        return f"#{sentence.seq}  {local:%Y-%m-%d} {exchange_time(sentence.at, self._zone)}  {name}{sentence.text}"


def _sentence_json(sentence: Sentence) -> dict[str, object]:
    return {
        "record": sentence.seq,
        "at": moment_text(sentence.at),
        "event": sentence.event.value,
        "client_order_id": sentence.client_order_id,
        "text": sentence.text,
    }
