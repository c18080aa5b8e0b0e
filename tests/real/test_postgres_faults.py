"""A PostgreSQL that is cut off, stalls, restarts, forgets or refuses: what a commit then means, and that it ends."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.contract.test_journals import commit_of, place
from tests.support.journal_engines import OURS
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_proxy import AtCommit, proxy_to
from tests.support.postgres_server import PostgresServer
from trading_bot.clock import SystemClock
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.port import CommitUnknownError, JournalMissingError
from trading_bot.order_management.journal.postgres import PostgresJournal, PostgresReader
from trading_bot.order_management.journal.postgres_connection import Database, DatabaseTimes
from trading_bot.order_management.journal.postgres_rows import DatabaseRows
from trading_bot.shared_lease import PostgresLease

pytestmark = pytest.mark.subprocess

PATIENCE_S = 30.0
SHORT = DatabaseTimes(connect_s=2.0, call_s=1.0, lock_s=0.3, idle_in_transaction_s=20.0)
BOUND_S = SHORT.connect_s + SHORT.call_s
"""What a call may take; a slow machine is given as much again."""


@pytest.fixture
def bench(postgres: PostgresServer) -> Iterator[PostgresBench]:
    with proxy_to(postgres.socket) as proxy:
        made = PostgresBench(postgres, proxy=proxy)
        yield made
        made.close()


@pytest.fixture
def lease(bench: PostgresBench) -> PostgresLease:
    """Held by a way that nothing disturbs."""
    made = bench.lease(database=bench.database(url=bench.server.url_of(bench.name)))
    made.acquire()
    return made


@pytest.fixture
def journal(bench: PostgresBench, lease: PostgresLease) -> PostgresJournal:
    made = bench.journal_under(lease)
    made.open()
    return made


@pytest.fixture
def hasty(bench: PostgresBench, lease: PostgresLease) -> PostgresJournal:
    made = bench.journal_under(lease, database=bench.database(times=SHORT))
    made.open()
    return made


# Cut off


@pytest.mark.parametrize(("cut", "is_stored"), [(AtCommit.LOSE_ANSWER, True), (AtCommit.LOSE_COMMIT, False)])
def test_what_became_of_a_commit_whose_answer_was_lost_is_found_out_on_another_connection(
    bench, journal, cut, is_stored
):
    commit = commit_of(journal.head, "first")
    bench.proxy.at_next_commit(cut)
    with pytest.raises(CommitUnknownError, match="until the bot is started again"):
        journal.commit(commit)
    journal.close()
    assert (journal.open().head.seq == 2) is is_stored


def test_a_lost_commit_that_is_still_on_its_way_is_waited_for_and_never_called_absent(bench, lease, hasty):
    """The old connection is gone for us, but what we wrote to it may reach the server at any time."""
    commit = commit_of(hasty.head, "first")
    held = bench.proxy.at_next_commit(AtCommit.HOLD)
    with pytest.raises(CommitUnknownError, match="did not answer in time"):
        hasty.commit(commit)
    assert bench.reader().read_head().seq == 1
    hasty.close()
    with pytest.raises(OrderLogError, match="cannot be opened"):
        hasty.open()
    held.release()
    assert bench.journal_under(lease).open().head.seq == 2


def test_a_connection_that_was_cut_between_commits_costs_no_commit(bench, journal):
    place(journal, "first")
    bench.proxy.cut_all()
    place(journal, "second")
    assert bench.reader().read_head().seq == 3


def test_a_session_that_the_server_ended_costs_no_commit(bench, journal):
    place(journal, "first")
    bench.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trading-bot'")
    place(journal, "second")
    assert bench.reader().read_head().seq == 3


# Stalled


@pytest.mark.parametrize("begun", [True, False], ids=["after COMMIT was sent", "before anything was sent"])
def test_a_server_that_stalls_keeps_nobody_longer_than_was_said(bench, hasty, begun):
    clock = SystemClock()
    if begun:
        bench.proxy.at_next_commit(AtCommit.STOP)
    else:
        bench.proxy.stop_forwarding()
    began = clock.monotonic()
    with pytest.raises(CommitUnknownError if begun else OrderLogError, match="did not answer in time") as caught:
        hasty.commit(commit_of(hasty.head, "first"))
    assert clock.monotonic() - began < 2 * BOUND_S
    assert isinstance(caught.value, CommitUnknownError) is begun
    assert (hasty.refusal is not None) is begun


def test_a_server_that_takes_connections_and_stays_silent_bounds_a_read_and_a_lease(bench):
    bench.proxy.stop_forwarding()
    clock = SystemClock()
    silent = bench.database(times=SHORT)
    for ask in (
        PostgresReader(silent, account_key=OURS.account_key).read_head,
        bench.lease(database=silent).acquire,
    ):
        began = clock.monotonic()
        with pytest.raises(OrderLogError, match="see that the server runs"):
            ask()
        assert clock.monotonic() - began < 2 * BOUND_S


def test_a_cancel_that_wants_the_head_does_not_wait_for_a_commit(bench, journal):
    held = bench.proxy.at_next_commit(AtCommit.HOLD)
    committing = threading.Thread(target=place, args=(journal, "first"))
    committing.start()
    assert held.reached.wait(PATIENCE_S)
    assert (journal.head.seq, journal.refusal, journal.read_head().seq) == (1, None, 1)
    held.release()
    committing.join(PATIENCE_S)


# Restarted, restored


def test_a_server_that_restarts_loses_no_commit_and_stops_no_journal(bench, postgres, lease, hasty):
    place(hasty, "first")
    postgres.crash()
    with pytest.raises(OrderLogError, match="see that the server runs") as caught:
        hasty.commit(commit_of(hasty.head, "second"))
    assert (type(caught.value), hasty.refusal) == (OrderLogError, None)
    with pytest.raises(OrderLogError):
        lease.renew()
    postgres.start()
    place(hasty, "third")
    lease.renew()
    assert [one.record.fact.client_order_id for one in bench.reader().page(after=1, limit=9)] == ["first", "third"]


def test_a_server_that_forgot_a_commit_is_not_written_to(bench, journal):
    place(journal, "first", "second")
    bench.run("DELETE FROM record WHERE seq = 3")
    with pytest.raises(OrderLogDamagedError, match="restored, or a replica that lags"):
        place(journal, "third")
    assert isinstance(journal.refusal, OrderLogDamagedError)
    assert bench.reader().read_head().seq == 2


def test_a_lease_that_is_gone_takes_no_commit(bench, journal):
    bench.run("DELETE FROM lease")
    with pytest.raises(OrderLogError, match="taken this account over"):
        place(journal, "first")


# Refused by the server


def disturb(bench: PostgresBench, *, code: str, times: int, on: str = "INSERT ON record") -> None:
    """Let so many transactions fail with an SQLSTATE; a sequence counts them, because it is not rolled back."""
    bench.run("CREATE SEQUENCE disturbed")
    bench.run(
        "CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('disturbed') <= {times} THEN RAISE EXCEPTION 'disturbed' USING ERRCODE = '{code}'; END IF;"
        " RETURN NEW; END $$"
    )
    kind = "CONSTRAINT TRIGGER" if on.startswith("COMMIT") else "TRIGGER"
    when = "AFTER INSERT ON record DEFERRABLE INITIALLY DEFERRED" if kind.startswith("CONSTRAINT") else f"BEFORE {on}"
    bench.run(f"CREATE {kind} disturb {when} FOR EACH ROW EXECUTE FUNCTION disturb()")


@pytest.mark.parametrize("on", ["INSERT ON record", "COMMIT"])
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_that_the_server_rolled_back_for_another_is_tried_again(bench, journal, code, on):
    disturb(bench, code=code, times=3, on=on)
    place(journal, "first")
    assert bench.run("SELECT last_value FROM disturbed") == [(4,)]
    assert bench.reader().read_head().seq == 2


def test_one_that_is_rolled_back_again_and_again_ends_in_time_and_is_not_stored(bench, hasty):
    disturb(bench, code="40001", times=1_000_000)
    with pytest.raises(OrderLogError, match="SQLSTATE 40001") as caught:
        place(hasty, "first")
    assert not isinstance(caught.value, CommitUnknownError)
    assert hasty.refusal is None
    bench.run("DROP TRIGGER disturb ON record")
    place(hasty, "second")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("53100", "free some space"),
        ("42501", "grant the rights"),
        ("25006", "name the primary"),
        ("XX001", "restore it from a backup"),
        ("57014", "see what else uses the tables"),
    ],
)
def test_a_statement_that_fails_is_not_stored_and_says_what_to_do(bench, journal, code, remedy):
    disturb(bench, code=code, times=1)
    with pytest.raises(OrderLogError, match=remedy) as caught:
        place(journal, "first")
    assert isinstance(caught.value, OrderLogDamagedError) is (code == "XX001")
    assert not isinstance(caught.value, CommitUnknownError)
    place(journal, "second")
    assert bench.reader().read_head().seq == 2


def test_what_the_server_says_at_commit_is_unknown_unless_it_names_a_rollback(bench, journal):
    disturb(bench, code="53100", times=1, on="COMMIT")
    commit = commit_of(journal.head, "first")
    with pytest.raises(CommitUnknownError):
        journal.commit(commit)
    journal.close()
    assert journal.open().head.seq == 1


@pytest.fixture
def without_its_standby(bench) -> Iterator[None]:
    """Commits wait for a synchronous standby that is not there."""
    bench.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    bench.run("SELECT pg_reload_conf()")
    yield
    with psycopg.connect(bench.server.url_of(bench.name), autocommit=True) as owner:
        owner.execute("SET synchronous_commit = local")
        owner.execute("ALTER SYSTEM RESET synchronous_standby_names")
        owner.execute("SELECT pg_reload_conf()")


def test_a_commit_that_waits_for_a_standby_ends_in_time_and_is_unknown(bench, hasty, without_its_standby):
    commit = commit_of(hasty.head, "first")
    with pytest.raises(CommitUnknownError, match="did not answer in time"):
        hasty.commit(commit)


def test_a_commit_that_was_told_to_wait_no_longer_for_its_standby_is_unknown(bench, journal, without_its_standby):
    """PostgreSQL answers COMMIT then, with a warning: the standby may lack it."""
    caught: list[CommitUnknownError] = []

    def commit() -> None:
        with pytest.raises(CommitUnknownError, match="synchronous replication") as error:
            place(journal, "first")
        caught.append(error.value)

    committing = threading.Thread(target=commit)
    committing.start()
    waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    _await(lambda: bench.run(f"SELECT pg_cancel_backend(pid) {waiting}") != [])
    committing.join(PATIENCE_S)
    assert len(caught) == 1


def test_an_interrupted_commit_is_in_doubt(bench, journal, monkeypatch):
    held = bench.proxy.at_next_commit(AtCommit.HOLD)
    monkeypatch.setattr(journal._connection, "_ready", _interrupted(held, journal._connection._ready))
    with pytest.raises(KeyboardInterrupt):
        place(journal, "first")
    assert isinstance(journal.refusal, CommitUnknownError)
    held.release()


def _interrupted(held, ready):
    def interrupted(selector):
        if held.reached.wait(0.05):
            raise KeyboardInterrupt
        return ready(selector)

    return interrupted


# Settings and rights


def test_a_password_in_the_url_is_refused_and_not_shown():
    for url in ("postgresql://bot:hunter2@db/x", "postgresql://db/x?password=hunter2"):
        with pytest.raises(OrderLogError, match=r"take it out and use a service file") as caught:
            Database(url, clock=SystemClock())
        assert "hunter2" not in str(caught.value)


def test_a_url_that_is_none_is_refused():
    with pytest.raises(OrderLogError, match="write postgresql://"):
        Database("postgresql://[", clock=SystemClock())


def test_the_users_name_is_not_shown(bench):
    assert "owner" not in str(bench.database())


def test_a_weak_setting_of_the_server_is_made_strong(bench):
    bench.run("ALTER ROLE owner SET synchronous_commit = off")
    try:
        with bench.database().connect() as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        bench.run("ALTER ROLE owner RESET synchronous_commit")


def test_a_stronger_setting_of_the_server_stays(bench):
    bench.run("ALTER ROLE owner SET synchronous_commit = remote_apply")
    try:
        with bench.database().connect() as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_apply",)
    finally:
        bench.run("ALTER ROLE owner RESET synchronous_commit")


@pytest.fixture
def forgetful(bench) -> Iterator[None]:
    bench.run("ALTER SYSTEM SET fsync = off")
    bench.run("SELECT pg_reload_conf()")
    _await(lambda: bench.run("SHOW fsync") == [("off",)])
    yield
    bench.run("ALTER SYSTEM RESET fsync")
    bench.run("SELECT pg_reload_conf()")
    _await(lambda: bench.run("SHOW fsync") == [("on",)])


def test_a_server_that_may_forget_is_refused(bench, journal, forgetful):
    with pytest.raises(OrderLogError, match="fsync off and may forget orders; turn it on"):
        bench.database().connect()


def test_a_commit_for_which_no_usable_connection_is_made_is_known_as_not_stored(bench, journal, forgetful):
    bench.proxy.cut_all()
    with pytest.raises(OrderLogError, match="fsync off"):
        place(journal, "first")
    assert not isinstance(journal.refusal, CommitUnknownError)
    assert bench.run("SELECT max(seq) FROM record") == [(1,)]


def _await(is_so: Callable[[], bool]) -> None:
    clock = SystemClock()
    give_up_at = clock.monotonic() + PATIENCE_S
    while not is_so():
        assert clock.monotonic() < give_up_at


def test_a_question_that_hangs_keeps_the_next_one_no_longer_than_was_said(bench):
    times = DatabaseTimes(connect_s=0.05, call_s=0.05, lock_s=0.05, idle_in_transaction_s=1.0)
    rows = DatabaseRows(bench.database(times=times))
    with rows._lock, pytest.raises(OrderLogError, match="keeps another question waiting"):
        rows.ask(lambda cursor: None, failed="asked")


def test_a_database_that_cannot_hold_every_letter_is_refused(bench):
    bench.run("CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0")
    url = bench.server.url_of(bench.name).replace("/postgres?", "/narrow?")
    with pytest.raises(OrderLogError, match="ENCODING 'UTF8'"):
        bench.database(url=url).connect()


def test_a_server_that_only_reads_is_refused(bench):
    bench.run("ALTER ROLE owner SET default_transaction_read_only = on")
    try:
        with pytest.raises(OrderLogError, match="cannot be asked for the lease"):
            bench.lease().acquire()
        with pytest.raises(JournalMissingError, match="start the bot once"):
            PostgresReader(
                Database(bench.url, clock=bench.clock, reads_only=True), account_key=OURS.account_key
            ).read_head()
    finally:
        with psycopg.connect(bench.server.url_of(bench.name), autocommit=True) as owner:
            owner.execute("SET default_transaction_read_only = off")
            owner.execute("ALTER ROLE owner RESET default_transaction_read_only")


def test_the_rights_that_the_documents_list_are_enough(bench, journal):
    journal.close()
    for statement in (
        "CREATE ROLE bot LOGIN",
        f"GRANT USAGE ON SCHEMA {bench.name} TO bot",
        "GRANT SELECT, INSERT ON record, order_key TO bot",
        "GRANT SELECT, INSERT, DELETE ON standing TO bot",
        "GRANT SELECT, INSERT, UPDATE ON lease, arming TO bot",
        "GRANT SELECT ON schema_version TO bot",
    ):
        bench.run(statement)
    url = bench.url.replace("//owner@", "//bot@")
    bench.let_time_pass(61)
    lease = bench.lease(database=bench.database(url=url))
    lease.acquire()
    again = bench.journal_under(lease, database=bench.database(url=url))
    again.open()
    place(again, "first")
    bench.run("REVOKE INSERT ON record FROM bot")
    with pytest.raises(OrderLogError, match=r"grant the rights that docs/two-machines\.md lists"):
        place(again, "second")
    again.close()
    lease.release()
    bench.run("DROP OWNED BY bot; DROP ROLE bot")


@pytest.mark.parametrize("name", ["connect_s", "call_s", "lock_s", "idle_in_transaction_s"])
def test_a_time_that_bounds_nothing_is_refused(name):
    with pytest.raises(ValueError, match="above 0"):
        DatabaseTimes(**{name: 0})


@pytest.mark.parametrize("deadline_s", [1, 10, 60])
def test_a_commit_that_has_to_connect_fits_into_its_deadline(deadline_s):
    times = DatabaseTimes.within(deadline_s)
    assert times.call_s + times.connect_s <= max(deadline_s, 2.5)
    assert times.lock_s <= times.call_s
