"""The orders a kill knows from the database: read in a process that is given up, then from the audit log."""

import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.kill_fakes import KillBench, open_order
from tests.support.order_story import intended, now_in, order_id_of, ref_of
from tests.support.stored_journal import StoredJournal
from trading_bot.files import LocalFiles
from trading_bot.kill.journal_process import DatabaseUnreadError, JournalProcess
from trading_bot.kill.read_database import main
from trading_bot.kill.register import KnownOrders, LookUp, read_known_orders
from trading_bot.order_management.models import OrderId, OrderState
from trading_bot.state_folder import StateFolder

STORY = (
    intended("open"),
    now_in(OrderState.CONFIRMED, "open", order_id=order_id_of("open")),
    intended("doubt"),
    intended("done"),
    now_in(OrderState.CONFIRMED, "done", order_id=order_id_of("done")),
    now_in(OrderState.FILLED, "done"),
)
BRIEFLY_S = 0.3
BOUND_S = 30


@pytest.fixture
def desk(tmp_path: Path) -> StoredJournal:
    return StoredJournal(tmp_path).tell(*STORY)


def process(desk: StoredJournal, *program: str, within_s: float = BOUND_S) -> JournalProcess:
    place = {"database": desk.database, "account_key": desk.account, "log": desk.log_path}
    if not program:
        return JournalProcess(**place, within_s=within_s)  # type: ignore[arg-type]
    return JournalProcess(**place, within_s=within_s, program=program)  # type: ignore[arg-type]


def python(text: str) -> Sequence[str]:
    return (sys.executable, "-c", text)


def read(desk: StoredJournal, database: JournalProcess | None = None) -> KnownOrders:
    state = StateFolder(root=desk.database.parent, files=LocalFiles())
    return read_known_orders(state=state, files=LocalFiles(), database=database or process(desk))


def names(orders) -> list[str]:
    return [order.client_order_id for order in orders]


def test_what_is_working_in_doubt_and_lately_ended_is_read_beside_the_bot(desk):
    known = read(desk)
    assert known.problem is None
    assert (names(known.working), names(known.unresolved)) == (["open"], ["doubt"])
    assert known.to_cancel() == ("doubt", "open")
    done = known.find(order_id=order_id_of("done"), ref_id=None)
    assert done is not None
    assert done.state is OrderState.FILLED


def test_reading_writes_nothing(desk):
    before = desk.reader.read_head()
    read(desk)
    assert desk.reader.read_head() == before


def test_an_order_of_long_ago_is_no_copys_order(tmp_path):
    """Only the newest are read whole; whether an older one is on record is looked up by the broker's names for it."""
    desk = StoredJournal(tmp_path).tell(*STORY[3:])
    desk.tell(*(event for n in range(251) for event in (intended(f"o-{n}"), now_in(OrderState.CANCELLED, f"o-{n}"))))
    known = read(desk)
    done = order_id_of("done")
    assert known.find(order_id=done, ref_id=None) is not None, "the newest that the broker has is the positive control"
    assert known.find(order_id=OrderId("x"), ref_id=ref_of("o-0")) is None
    assert known.look_up(["x", ref_of("o-0"), done]) == {ref_of("o-0"), done}


def test_a_database_that_was_restored_is_a_problem_and_its_orders_are_known(desk):
    desk.close()
    desk.sql("DELETE FROM record WHERE seq > 6")
    desk.sql("DELETE FROM order_key WHERE seq > 6")
    known = read(desk)
    assert names(known.working) == ["open", "done"]
    assert "ends at record 6, although record 7 is in the audit log" in (known.problem or "")
    assert known.to_cancel() is None


class TestTheAuditLog:
    def test_a_damaged_database_leaves_the_orders_of_the_log_and_a_doubt(self, desk):
        desk.close()
        desk.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        known = read(desk)
        assert (names(known.working), names(known.unresolved)) == (["open"], ["doubt"])
        assert "record 2 is bad" in (known.problem or "")
        assert f"taken from the audit log {desk.log_path}, which may lack the latest" in (known.problem or "")
        assert (known.to_cancel(), known.is_late) == (None, False)

    def test_a_disk_that_hangs_is_given_up_and_asked_again_later(self, desk):
        hung = process(desk, *python("import time; time.sleep(60)"), within_s=BRIEFLY_S)
        known = read(desk, hung)
        assert names(known.working) == ["open"]
        assert "was not read within 0.3 s" in (known.problem or "")
        assert known.is_late

    def test_through_its_finished_files(self, tmp_path):
        desk = StoredJournal(tmp_path, max_bytes=1200).tell(*STORY, *(intended(f"o-{n}") for n in range(9)))
        known = read(desk, process(desk, "/nowhere/python"))
        assert len(known.unresolved) == 10
        assert "no process can be started" in (known.problem or "")

    def test_without_its_oldest_files_the_orders_that_it_has_whole_are_known(self, desk):
        lines = desk.log_path.read_bytes().splitlines(keepends=True)
        desk.log_path.write_bytes(b"".join(lines[2:]))
        known = read(desk, process(desk, "/nowhere/python"))
        assert names(known.orders) == ["doubt", "done"]

    @pytest.mark.parametrize("change", [(b"AAPL", b"MSFT"), (b'"seq":4', b'"seq":5')])
    def test_a_damaged_log_is_believed_up_to_the_damage(self, desk, change):
        desk.rewrite(*change)
        known = read(desk, process(desk, "/nowhere/python"))
        assert "nor the audit log" in (known.problem or "")
        assert known.to_cancel() is None

    def test_a_gap_is_the_end_of_what_is_believed(self, desk):
        lines = desk.log_path.read_bytes().splitlines(keepends=True)
        desk.log_path.write_bytes(b"".join(lines[:3] + lines[4:]))
        known = read(desk, process(desk, "/nowhere/python"))
        assert names(known.orders) == ["open"]
        assert "record 5 does not follow record 3" in (known.problem or "")

    def test_without_a_log_every_order_with_our_mark_is_meant(self, desk):
        desk.log_path.unlink()
        known = read(desk, process(desk, "/nowhere/python"))
        assert (known.orders, known.to_cancel()) == ((), None)
        assert known.problem is not None

    def test_a_database_that_is_gone_leaves_the_orders_of_the_log_and_a_doubt(self, desk):
        """The log alone may lack the latest orders, however whole it is."""
        StateFolder(root=desk.database.parent, files=LocalFiles()).remember_journal(desk.database)
        desk.close()
        desk.database.unlink()
        known = read(desk)
        assert names(known.working) == ["open"]
        assert "could not be read (it is gone)" in (known.problem or "")
        assert known.to_cancel() is None

    def test_a_folder_that_cannot_be_looked_at_is_left_to_the_process(self, desk):
        files = FaultyFiles()
        files.fail("facts_at", errno.EIO)
        state = StateFolder(root=desk.database.parent, files=LocalFiles())
        known = read_known_orders(state=state, files=files, database=process(desk))
        assert names(known.working) == ["open"]

    def test_a_log_that_cannot_be_read_leaves_no_order(self, desk):
        desk.log_path.rename(desk.log_path.with_name("aside"))
        desk.log_path.with_name("orders.2026-11-23.1.jsonl").mkdir()
        known = read(desk, process(desk, "/nowhere/python"))
        assert known.orders == ()
        assert "cannot read the audit log" in (known.problem or "")


class TestTheProcess:
    @pytest.mark.parametrize("said", ["", "rubbish", "{}\\nend\\n", '{\\"problem\\":null}\\nrubbish\\nend\\n'])
    def test_an_answer_that_is_not_whole_is_none(self, desk, said):
        strange = process(desk, *python(f"print('{said}', end='')"))
        with pytest.raises(DatabaseUnreadError):
            strange.read()
        with pytest.raises(DatabaseUnreadError):
            process(desk, *python("print('[]'); print('end')")).known(["x"])

    def test_what_it_says_of_its_failure_is_told(self, desk):
        desk.close()
        desk.database.write_bytes(b"rubbish" * 999)
        with pytest.raises(DatabaseUnreadError, match="file is not a database"):
            process(desk).read()

    def test_no_process_is_asked_about_no_name(self, desk):
        assert process(desk, "/nowhere/python").known([]) == frozenset()

    def test_a_look_up_that_fails_is_not_tried_again(self, desk, tmp_path):
        count = tmp_path / "count"
        failing = process(desk, *python(f"open({str(count)!r}, 'a').write('x')"))
        look_up = LookUp(failing)
        assert (look_up(["x"]), look_up(["x"])) == (frozenset(), frozenset())
        assert count.read_text() == "x"

    def test_its_program_writes_the_records_and_the_end(self, desk, capfdbinary):
        assert main([str(desk.database), desk.account, str(desk.log_path)]) == 0
        head, *lines = capfdbinary.readouterr().out.splitlines(keepends=True)
        assert head == b'{"problem": null, "is_unfinished": false}\n'
        assert lines == [*(each.line for each in desk.records[1:]), b"end\n"]

    def test_its_program_answers_on_stdout_or_says_why_not(self, desk, capfdbinary):
        place = (str(desk.database), desk.account, str(desk.log_path))
        assert main([*place, ref_of("open"), "x"]) == 0
        assert capfdbinary.readouterr().out == b'{"known": ["' + ref_of("open").encode() + b'"]}\nend\n'
        desk.close()
        desk.database.write_bytes(b"rubbish" * 1000)
        assert main(place) == 1
        assert b"is damaged" in capfdbinary.readouterr().err


def test_an_order_on_record_that_only_a_look_up_knows_is_not_said_to_be_a_copys(tmp_path):
    bench = KillBench(folder=tmp_path / "kills")
    bench.knows_ours = False
    bench.broker.add(open_order("x"))
    assert [each.order_id for each in bench.kill().unjournaled] == ["x"]
    bench = KillBench(folder=tmp_path / "more")
    bench.knows_ours = False
    bench.known = KnownOrders(look_up=lambda asked: frozenset(asked) & {"x"})
    bench.broker.add(open_order("x"))
    assert bench.kill().unjournaled == ()
