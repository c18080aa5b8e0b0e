"""Follows the journal, proves it, and tells the life of an order. Nothing is locked or written."""

from collections.abc import Sequence

from trading_bot.audit.check import verdict_on
from trading_bot.audit.story import Sentence, life_of, sentence_of
from trading_bot.audit.tail import JournalTail
from trading_bot.cli.account_place import place_of
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
from trading_bot.risk.order_result import result_lines, result_of

_LOOK_EVERY_S: Seconds = 0.25


def tail(invocation: Invocation, *, count: int, follow: bool) -> ExitCode:
    """Show the newest records of the journal, one sentence each."""
    pages = _Pages(invocation)
    if not follow:
        pages.refuse_missing()
    journal = JournalTail(pages.place.journal)
    records = journal.read() if pages.place.journal.exists() else ()
    pages.write([sentence_of(record) for record in records[max(len(records) - count, 0) :]])
    return pages.follow(journal) if follow else ExitCode.DONE


def verify(invocation: Invocation) -> ExitCode:
    """Check the chain of the journal from its first record to its last; exit 0 if it holds, 11 if not."""
    pages = _Pages(invocation)
    place = pages.place
    place.state.check_journal(place.journal)
    verdict = verdict_on(place.journal, anchor=place.state.anchor)
    if invocation.json:
        fields = {"ok": verdict.ok, "records": verdict.records, "head": verdict.head, "problem": verdict.problem}
        print_json({"v": 1, "journal": str(place.journal), **fields})
    elif verdict.ok:
        print_line(f"{verdict.records} records, each follows from the one before it: {place.journal}")
        print_line(f"head {verdict.head}")
    if not verdict.ok:
        raise CommandError(
            f"the journal {place.journal} does not verify after record {verdict.records}: {verdict.problem}; keep a "
            "copy of it and do not trade on before you know why",
            exit_code=ExitCode.JOURNAL,
        )
    return ExitCode.DONE


def explain(invocation: Invocation, *, order_id: str) -> None:
    """Tell what happened to an order, each sentence with the number of the journal record that proves it.

    ORDER is a client order id, a broker's order id or a ref_id.
    """
    pages = _Pages(invocation)
    pages.refuse_missing()
    life = life_of(JournalTail(pages.place.journal).read(), order_id)
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
        config = Config.from_env_and_json(invocation.config)
        self.place = place_of(config)
        self._zone = config.trading.hours.timezone
        self._json = invocation.json

    def refuse_missing(self) -> None:
        self.place.state.check_journal(self.place.journal)
        if not self.place.journal.exists():
            raise CommandError(
                f"there is no journal yet: {self.place.journal} comes with the first trade", exit_code=ExitCode.USAGE
            )

    def write(self, sentences: Sequence[Sentence], *, naming: bool = True) -> None:
        for sentence in sentences:
            if self._json:
                print_json({"v": 1, **_sentence_json(sentence)})
            else:
                print_line(self._line(sentence, naming=naming))

    def follow(self, journal: JournalTail) -> ExitCode:
        clock = SystemClock()
        with stop_on_signals() as stop:
            while not stop() and not reader_is_gone():
                clock.sleep(_LOOK_EVERY_S)
                if self.place.journal.exists():
                    self.write([sentence_of(record) for record in journal.read()])
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
