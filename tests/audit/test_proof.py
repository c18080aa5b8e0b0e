"""Proving the database, the audit log, and each against the other."""

from pathlib import Path

import pytest

from tests.support.order_story import intended, now_in, order_id_of
from tests.support.stored_journal import StoredJournal, resealed
from trading_bot.audit.proof import JournalProof, prove
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.audit_files import log_files
from trading_bot.order_management.journal.chain import ChainHead, seal
from trading_bot.order_management.models import OrderState

FROZEN = OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="drift")
STORY = (
    intended("a"),
    now_in(OrderState.CONFIRMED, "a", order_id=order_id_of("a")),
    FROZEN,
    intended("b"),
    now_in(OrderState.CANCELLED, "b"),
)
LAST = len(STORY) + 1


class NoRows:
    """An empty database."""

    def records(self, *, after: int, limit: int):
        return ()

    def key_counts(self):
        return {}

    def keys(self, kind: str, *, after: str, limit: int):
        return ()

    def pointers(self, *, after: tuple[str, str, int], limit: int):
        return ()


@pytest.fixture
def bench(tmp_path: Path) -> StoredJournal:
    return StoredJournal(tmp_path).tell(*STORY).close()


def proof(bench: StoredJournal) -> JournalProof:
    return prove(bench.rows, bench.log_path)


def test_a_whole_journal_and_its_log_are_proven_to_their_end(bench):
    found = proof(bench)
    last = bench.records[-1].record
    assert (found.ok, found.problem, found.notes) == (True, None, ())
    assert (found.database.seq, found.database.hash, found.last_at) == (LAST, last.hash, last.ts)
    assert (found.log.first, found.log.seq, found.log.hash) == (1, LAST, last.hash)


def test_an_empty_database_has_nothing_that_could_be_wrong(tmp_path):
    found = prove(NoRows(), tmp_path / "orders.jsonl")
    assert (found.ok, found.database.seq, found.notes, found.last_at) == (True, 0, (), None)


class TestDatabase:
    def wrong_from(self, bench: StoredJournal, record: int) -> str:
        found = proof(bench)
        assert found.database.fault is not None
        assert found.database.fault[0] == record
        assert (found.database.seq, found.log.fault, found.log.seq) == (record - 1, None, LAST)
        assert f"the database is wrong from record {record} on" in (found.problem or "")
        return found.database.fault[1]

    def test_a_changed_text_is_named(self, bench):
        bench.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
        assert self.wrong_from(bench, 2) == "its hash does not match its content"

    @pytest.mark.parametrize("body", ["{}", "[1]", "no record", "\x00", None])
    def test_a_text_that_is_no_record_is_named_whatever_it_is(self, bench, body):
        if body is None:
            bench.sql("UPDATE record SET body = x'ff00' WHERE seq = 2")
        else:
            bench.sql("UPDATE record SET body = ? WHERE seq = 2", body)
        self.wrong_from(bench, 2)

    @pytest.mark.parametrize("body", ["[1]", "{}", '{"seq":2}'])
    def test_a_hash_that_fits_makes_no_record_of_it(self, bench, body):
        import hashlib

        bench.sql("UPDATE record SET body = ?, hash = ? WHERE seq = 2", body, hashlib.sha256(body.encode()).hexdigest())
        self.wrong_from(bench, 2)

    def test_a_record_that_was_sealed_anew_does_not_fit_the_next_one_nor_the_log(self, bench):
        other = resealed(bench.records[1], intended("a", symbol="MSFT"))
        bench.sql(
            "UPDATE record SET body = ?, hash = ?, symbol = 'MSFT' WHERE seq = 2",
            other.body.decode(),
            other.record.hash,
        )
        found = proof(bench)
        assert found.database.fault == (3, "it does not follow record 2")
        assert found.differ is not None
        assert found.differ[0] == 2
        assert found.log.fault is None

    def test_a_missing_record_is_named(self, bench):
        bench.sql("DELETE FROM record WHERE seq = 3")
        assert self.wrong_from(bench, 3) == "it is missing, and the next one is record 4"

    @pytest.mark.parametrize("column", ["ts", "event", "client_order_id", "ref_id", "symbol", "session_id"])
    def test_a_column_that_does_not_repeat_the_text_is_named(self, bench, column):
        bench.sql(f"UPDATE record SET {column} = 'other' WHERE seq = 2")
        self.wrong_from(bench, 2)

    def test_a_text_that_no_column_can_hold_is_written_out_there_and_no_fault(self, tmp_path):
        bench = StoredJournal(tmp_path).tell(FROZEN, OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="A\x00\ud800"))
        assert proof(bench.close()).ok

    def test_an_end_that_was_cut_off_is_known_from_the_log(self, bench):
        bench.sql("DELETE FROM record WHERE seq > 4")
        bench.sql("DELETE FROM order_key WHERE seq > 4")
        bench.sql("DELETE FROM standing WHERE seq > 4")
        assert "the audit log goes on to record 6: the database was restored" in self.wrong_from(bench, 5)

    @pytest.mark.parametrize("kind", ["client_order_id", "ref_id"])
    def test_an_order_without_its_key_is_named(self, bench, kind):
        """Without it, the same id could be used for a second order."""
        bench.sql("DELETE FROM order_key WHERE kind = ? AND seq = 2", kind)
        assert "has no key" in self.wrong_from(bench, 2)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (
                "UPDATE order_key SET key = 'x' WHERE kind = 'order_id'",
                "order_id 'x' leads to record 3, which does not",
            ),
            ("UPDATE order_key SET seq = 99 WHERE kind = 'order_id'", "leads to record 99, which is missing"),
            ("INSERT INTO order_key VALUES ('an-account-key', 'side_line', 'f:1', 77)", "f:1' leads to record 77"),
            ("UPDATE standing SET key = 'x' WHERE kind = 'order'", "order 'x' leads to record 2, which does not"),
            ("UPDATE standing SET seq = 99 WHERE kind = 'fact'", "fact 'AAPL' leads to record 99, which is missing"),
        ],
    )
    def test_a_name_that_leads_to_a_record_that_does_not_fit_is_named(self, bench, change, said):
        bench.sql(change)
        found = proof(bench)
        assert (found.database.fault, found.ok) == (None, False)
        assert said in (found.names or "")


class TestLog:
    def wrong_from(self, bench: StoredJournal, record: int) -> str:
        found = proof(bench)
        assert found.log.fault is not None
        assert (found.log.fault[0], found.log.seq) == (record, record - 1)
        assert (found.database.fault, found.database.seq) == (None, LAST)
        assert f"the audit log is wrong from record {record} on" in (found.problem or "")
        return found.log.fault[1]

    @pytest.mark.parametrize("record", [1, 2, LAST])
    def test_a_changed_line_is_named(self, bench, record):
        bench.rewrite(f'"seq":{record},'.encode(), f'"seq":{record}0,'.encode())
        assert "hash" in self.wrong_from(bench, record)

    def test_a_line_that_is_gone_is_named(self, bench):
        lines = bench.log_path.read_bytes().splitlines(keepends=True)
        bench.log_path.write_bytes(b"".join(lines[:2] + lines[3:]))
        assert self.wrong_from(bench, 3) == "it is missing, and the next one is record 4"

    def test_a_line_that_stands_twice_is_named(self, bench):
        lines = bench.log_path.read_bytes().splitlines(keepends=True)
        bench.log_path.write_bytes(b"".join(lines[:2] + lines[1:]))
        assert "is numbered 2 and does not follow record 2" in self.wrong_from(bench, 3)

    def test_a_chain_of_its_own_is_told_as_a_difference(self, bench):
        """Each is whole in itself: nobody can tell from them which one was written anew."""
        records = list(bench.records)
        last = resealed(records[-1], now_in(OrderState.FILLED, "b"))
        bench.log_path.write_bytes(b"".join(each.line for each in (*records[:-1], last)))
        found = proof(bench)
        assert (found.database.fault, found.log.fault) == (None, None)
        assert "from record 6 on the database and the audit log have different records" in (found.problem or "")

    def test_a_log_that_is_gone_is_made_again_and_no_fault(self, bench):
        bench.log_path.unlink()
        assert proof(bench).ok
        assert "there is no audit log" in proof(bench).notes[0]

    def test_a_log_that_lacks_the_end_is_completed_and_no_fault(self, bench):
        lines = bench.log_path.read_bytes().splitlines(keepends=True)
        bench.log_path.write_bytes(b"".join(lines[:4]) + lines[4][:30])
        assert proof(bench).ok
        assert "ends with record 4" in proof(bench).notes[0]

    def test_a_log_that_lost_its_oldest_files_is_proven_from_where_it_begins(self, bench):
        lines = bench.log_path.read_bytes().splitlines(keepends=True)
        bench.log_path.write_bytes(b"".join(lines[3:]))
        found = proof(bench)
        assert (found.ok, found.log.first, found.log.seq) == (True, 4, LAST)
        assert "begins with record 4" in found.notes[0]

    def test_a_log_that_cannot_be_read_is_wrong_and_the_database_is_proven_all_the_same(self, bench):
        bench.log_path.unlink()
        bench.log_path.mkdir()
        bench.log_path.rename(bench.log_path.with_name("orders.2026-11-23.1.jsonl"))
        assert "cannot read the audit log" in self.wrong_from(bench, 1)

    def test_both_are_told_where_both_are_wrong(self, bench):
        bench.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 5")
        bench.rewrite(b"AAPL", b"MSFT")
        found = proof(bench)
        assert found.database.fault is not None
        assert found.log.fault is not None
        assert (found.database.fault[0], found.log.fault[0]) == (5, 2)


class TestFiles:
    def test_the_log_is_proven_through_its_finished_files(self, tmp_path):
        bench = StoredJournal(tmp_path, max_bytes=1500).tell(*STORY, *(intended(f"o-{n}") for n in range(9))).close()
        assert len(log_files(bench.log_path)) > 3
        found = proof(bench)
        assert (found.ok, found.log.seq, found.notes) == (True, 15, ())

    def test_a_finished_file_that_is_gone_from_the_middle_is_named(self, tmp_path):
        bench = StoredJournal(tmp_path, max_bytes=1500).tell(*(intended(f"o-{n}") for n in range(12))).close()
        second = log_files(bench.log_path)[1]
        first = int(second.name.split(".")[2])
        second.unlink()
        found = proof(bench)
        assert found.log.fault is not None
        assert found.log.fault[0] == first
        assert "it is missing" in found.log.fault[1]

    def test_an_unfinished_line_is_no_end_of_a_finished_file(self, tmp_path):
        bench = StoredJournal(tmp_path, max_bytes=1500).tell(*(intended(f"o-{n}") for n in range(12))).close()
        first = log_files(bench.log_path)[0]
        first.write_bytes(first.read_bytes()[:-9])
        assert proof(bench).log.fault is not None


class TestBesideABot:
    def test_what_is_committed_and_logged_meanwhile_is_no_fault(self, tmp_path):
        bench = StoredJournal(tmp_path).tell(*STORY)
        told: list[int] = []

        def go_on(seq: int) -> None:
            if not told:
                bench.tell(intended("later"), intended("last"))
            told.append(seq)

        found = prove(bench.rows, bench.log_path, on_record=go_on)
        assert (found.ok, found.notes) == (True, ())
        assert found.database.seq == found.log.seq == LAST + 2
        bench.close()

    def test_a_file_that_is_finished_meanwhile_is_read_on_under_its_new_name(self, tmp_path):
        bench = StoredJournal(tmp_path, max_bytes=4_000).tell(*STORY)
        files = log_files(bench.log_path)

        def go_on(_seq: int) -> None:
            if len(log_files(bench.log_path)) == len(files):
                bench.tell(*(intended(f"o-{n}") for n in range(9)))

        found = prove(bench.rows, bench.log_path, on_record=go_on)
        assert len(log_files(bench.log_path)) > len(files)
        assert (found.ok, found.notes) == (True, ())
        bench.close()

    def test_what_is_committed_after_the_last_page_was_read_is_proven_up_to_the_end_of_the_log(self, tmp_path):
        bench = StoredJournal(tmp_path).tell(*STORY)

        class Meanwhile(NoRows):
            """The database's rows; a record comes as soon as they seem to be at their end."""

            is_over = False

            def records(self, *, after, limit):
                page = bench.rows.records(after=after, limit=limit)
                if not page and not self.is_over:
                    self.is_over = True
                    bench.tell(intended("later"))
                return page

        found = prove(Meanwhile(), bench.log_path)
        assert (found.ok, found.database.seq, found.log.seq) == (True, LAST + 1, LAST + 1)
        bench.close()

    def test_another_record_that_comes_into_the_log_meanwhile_is_a_difference(self, bench):
        records = list(bench.records)
        bench.log_path.write_bytes(b"".join(each.line for each in records[:-1]))
        other = resealed(records[-1], now_in(OrderState.FILLED, "b"))

        def write(_seq: int) -> None:
            bench.log_path.write_bytes(b"".join(each.line for each in (*records[:-1], other)))

        found = prove(bench.rows, bench.log_path, on_record=write)
        assert (found.database.fault, found.log.fault) == (None, None)
        assert found.differ is not None
        assert found.differ[0] == LAST

    def test_a_log_that_is_begun_meanwhile_is_proven_too(self, bench):
        lines = bench.log_path.read_bytes()
        bench.log_path.unlink()

        def write(_seq: int) -> None:
            bench.log_path.write_bytes(lines)

        found = prove(bench.rows, bench.log_path, on_record=write)
        assert (found.ok, found.log.first, found.log.seq, found.notes) == (True, 1, LAST, ())


def test_a_text_with_another_number_is_named(bench):
    last = bench.records[-1].record
    other = seal(
        last.fact, head=ChainHead(seq=98, hash=last.prev), ts=last.ts, mono=last.mono, session_id=last.session_id
    )
    bench.sql("UPDATE record SET body = ?, hash = ? WHERE seq = ?", other.body.decode(), other.record.hash, last.seq)
    assert proof(bench).database.fault == (LAST, "it has another number in its text")
