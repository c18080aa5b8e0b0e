"""``trading-bot audit``: follow the journal, prove it, and tell the life of an order. Nothing is locked or written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation, common_options, pass_invocation
from trading_bot.cli.render.output import print_json, print_line

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from trading_bot.audit.on_record import DatabaseTail
    from trading_bot.audit.proof import JournalProof
    from trading_bot.audit.story import OrderLife, Sentence
    from trading_bot.audit.tail import JournalTail
    from trading_bot.cli.account_place import AccountPlace
    from trading_bot.clock import Seconds
    from trading_bot.order_management.events import JournalRecord

_LOOK_EVERY_S: "Seconds" = 0.25
_ALL = 1_000_000_000
"""As many records as there are, of a journal that is begun while it is followed."""

_TAIL_EPILOG = """\b
Examples:
  trading-bot audit tail -n 50
  trading-bot --json audit tail --follow"""


@click.group(short_help="Follow, prove and explain the journal.")
def audit() -> None:
    """Follow, prove and explain the journal. Works while a bot runs, and without one."""


@audit.command(short_help="Show the newest records in words.", epilog=_TAIL_EPILOG)
@click.option("-n", "count", type=click.IntRange(min=0), default=10, show_default=True, help="Records to begin with.")
@click.option("--follow", is_flag=True, help="Go on with new records as they come, until Ctrl-C.")
@pass_invocation
def tail(invocation: Invocation, *, count: int, follow: bool) -> ExitCode:
    """Show the newest records of the journal, one sentence each."""
    from trading_bot.audit.story import sentence_of

    pages = _Pages(invocation)
    if not follow:
        pages.refuse_missing()
    records = pages.new_records(count)
    pages.write([sentence_of(record) for record in records])
    return pages.follow() if follow else ExitCode.DONE


@audit.command(short_help="Prove that no record was changed, lost or moved.")
@pass_invocation
def verify(invocation: Invocation) -> ExitCode:
    """Check the chain of the journal from its first record to its last; exit 0 if it holds, 11 if not.

    Both are proven, the database and the audit log, and each against the other; a bot may run meanwhile.
    """
    pages = _Pages(invocation)
    stored = pages.place.on_record()
    if stored is None:
        return _verify_files(invocation, pages.place)
    from trading_bot.audit.proof import prove

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


def _log_lines(proof: "JournalProof", log: "Path") -> tuple[str, ...]:
    if proof.log.first is None:
        return proof.notes
    return (f"its records {proof.log.first} to {proof.log.seq} are the same in the audit log: {log}", *proof.notes)


def _not_verified(journal: str, records: int, problem: str) -> CommandError:
    return CommandError(
        f"the journal {journal} does not verify after record {records}: {problem}; keep a copy of it and do not trade "
        "on before you know why",
        exit_code=ExitCode.JOURNAL,
    )


def _verify_files(invocation: Invocation, place: "AccountPlace") -> ExitCode:
    """Verify a journal that is no database yet."""
    from trading_bot.audit.check import verdict_on

    place.state.check_journal(place.journal)
    verdict = verdict_on(place.journal, anchor=place.state.anchor)
    if invocation.json:
        fields = {"ok": verdict.ok, "records": verdict.records, "head": verdict.head, "problem": verdict.problem}
        print_json({"v": 1, "journal": str(place.journal), **fields})
    elif verdict.ok:
        print_line(f"{verdict.records} records, each follows from the one before it: {place.journal}")
        print_line(f"head {verdict.head}")
    if not verdict.ok:
        raise _not_verified(str(place.journal), verdict.records, str(verdict.problem))
    return ExitCode.DONE


@audit.command(short_help="Tell the life of one order, record by record.")
@click.argument("order_id", metavar="ORDER")
@pass_invocation
def explain(invocation: Invocation, order_id: str) -> None:
    """Tell what happened to an order, each sentence with the number of the journal record that proves it.

    ORDER is a client order id, a broker's order id or a ref_id.
    """
    from trading_bot.order_json import envelope_json, order_result_json
    from trading_bot.risk.order_result import result_lines, result_of

    pages = _Pages(invocation)
    pages.refuse_missing()
    life = pages.life(order_id)
    result = result_of(life.order, life.book.orders(), life.book.acceptances())
    if invocation.json:
        sentences = [_sentence_json(each) for each in life.sentences]
        order = envelope_json(life.order.envelope)
        print_json({"v": 1, "order": order, "result": order_result_json(result), "sentences": sentences})
        return
    print_line(f"order {life.order.client_order_id}: {life.order.state.value.replace('_', ' ')} as of the last record")
    pages.write(life.sentences, naming=False)
    for line in result_lines(result):
        print_line(line)


class _Pages:
    """The journal of the configured account, shown sentence by sentence."""

    def __init__(self, invocation: Invocation) -> None:
        from trading_bot.cli.account_place import place_of
        from trading_bot.config import Config

        config = Config.from_env_and_json(invocation.config)
        self.place: AccountPlace = place_of(config)
        self._zone: ZoneInfo = config.trading.hours.timezone
        self._json = invocation.json
        self._tail: DatabaseTail | JournalTail | None = None

    def refuse_missing(self) -> None:
        """Say that there is no journal yet, or that it is gone, instead of telling nothing."""
        if self.place.on_record() is not None:
            return
        self.place.state.check_journal(self.place.journal)
        if not self.place.journal.exists():
            raise CommandError(
                f"there is no journal yet: {self.place.journal} comes with the first trade", exit_code=ExitCode.USAGE
            )

    def write(self, sentences: "Sequence[Sentence]", *, naming: bool = True) -> None:
        for sentence in sentences:
            if self._json:
                print_json({"v": 1, **_sentence_json(sentence)})
            else:
                print_line(self._line(sentence, naming=naming))

    def new_records(self, at_first: int = 0) -> "tuple[JournalRecord, ...]":
        """Return what was added since the last call; of what was there before the first one, the newest."""
        from trading_bot.audit.on_record import DatabaseTail
        from trading_bot.audit.tail import JournalTail
        from trading_bot.order_management.journal.port import JournalMissingError

        if self._tail is not None:
            return self._tail.read()
        stored = self.place.on_record()
        if stored is not None:
            tail = DatabaseTail(stored.reader, last=at_first)
            try:
                records = tail.read()
            except JournalMissingError:
                return ()  # it is being made just now
            self._tail = tail
            return records
        if not self.place.journal.exists():
            return ()
        self._tail = JournalTail(self.place.journal)
        records = self._tail.read()
        return records[max(len(records) - at_first, 0) :]

    def life(self, order_id: str) -> "OrderLife":
        """Return what is on record of one order."""
        from trading_bot.audit.on_record import life_on_record
        from trading_bot.audit.story import life_of
        from trading_bot.audit.tail import JournalTail

        stored = self.place.on_record()
        if stored is None:
            return life_of(JournalTail(self.place.journal).read(), order_id)
        return life_on_record(stored.reader, order_id, symbols=stored.rows)

    def follow(self) -> ExitCode:
        from trading_bot.audit.story import sentence_of
        from trading_bot.cli.stop_request import stop_on_signals
        from trading_bot.cli.streams import reader_is_gone
        from trading_bot.clock import SystemClock

        clock = SystemClock()
        with stop_on_signals() as stop:
            while not stop() and not reader_is_gone():
                clock.sleep(_LOOK_EVERY_S)
                self.write([sentence_of(record) for record in self.new_records(_ALL)])
        return stop.exit_code

    def _line(self, sentence: "Sentence", *, naming: bool) -> str:
        from trading_bot.cli.render.text import exchange_time

        name = f"order {sentence.client_order_id}: " if naming and sentence.client_order_id else ""
        local = sentence.at.astimezone(self._zone)
        return f"#{sentence.seq}  {local:%Y-%m-%d} {exchange_time(sentence.at, self._zone)}  {name}{sentence.text}"


def _sentence_json(sentence: "Sentence") -> dict[str, object]:
    from trading_bot.order_json import moment_text

    return {
        "record": sentence.seq,
        "at": moment_text(sentence.at),
        "event": sentence.event.value,
        "client_order_id": sentence.client_order_id,
        "text": sentence.text,
    }


for _command in (audit, tail, verify, explain):
    common_options(_command)
