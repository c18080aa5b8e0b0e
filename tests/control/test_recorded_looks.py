"""A look needs no lease, no bot and no record: a bot at work is asked, else the database answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_clients import GREETS, ScriptedRunner, says, strange_holder
from tests.support.order_story import intended
from tests.support.paper_market import recorded
from tests.support.stored_journal import StoredJournal
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.control.server import ControlServer
from trading_bot.lease import Lease
from trading_bot.operations import ListFreezes, ListOrders, ListPositions, ShowStatus
from trading_bot.operations.command import Command
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderNotFoundError, OrderNotSentError
from trading_bot.startup import open_command_client

LOOKS = (ListOrders(), ShowStatus(id="first"), ListPositions(), ListFreezes())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config().model_copy(update={"logs_dir": tmp_path / "logs", "state_dir": tmp_path / "state"})


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[StoredJournal]:
    journal = StoredJournal.of_paper_account(tmp_path).tell(intended("first"))
    yield journal
    journal.close()


@pytest.fixture
def socket(journal: StoredJournal) -> Path:
    return journal.database.with_name("control.sock")


def look(config: Config, command: Command = LOOKS[0]) -> dict[str, object]:
    with open_command_client(config, quotes=recorded()) as client:
        return client.perform(command)


@pytest.mark.parametrize("command", LOOKS, ids=lambda each: each.command)
def test_without_a_bot_the_database_answers_and_nothing_is_begun(config, journal, command):
    before = journal.reader.read_head()
    files = sorted(path.name for path in journal.database.parent.iterdir())
    assert look(config, command)["recorded_until"] == "2026-11-23T15:00:00.000000Z"
    assert journal.reader.read_head() == before
    assert sorted(path.name for path in journal.database.parent.iterdir()) == files


@pytest.mark.parametrize("command", LOOKS, ids=lambda each: each.command)
def test_a_look_does_not_wait_for_another_command_that_holds_the_account(config, journal, command):
    lease = Lease(path=journal.database.with_name("lease.lock"))
    lease.acquire()
    assert "recorded_until" in look(config, command)
    lease.release()


def test_a_bot_at_work_is_asked_because_it_knows_more(config, journal, socket):
    holder, scripted = ControlServer(path=socket, clock=SystemClock()), ScriptedRunner()
    holder.start(scripted)
    assert look(config) == scripted.reply
    holder.stop()


def test_a_bot_that_does_not_answer_is_told_as_the_problem_of_the_list(config, journal, socket):
    with strange_holder(socket, says(b"?\n")):
        answer = look(config)
    assert [order["client_order_id"] for order in answer["orders"]] == ["first"]  # type: ignore[attr-defined]
    assert answer["complete"] is False
    assert "does not answer" in str(answer["problem"])


def test_a_bot_that_has_no_time_is_told_as_the_problem_of_the_list(config, journal, socket):
    busy = b'{"error":{"type":"OrderNotSentError","code":"busy","message":"later"}}\n'
    with strange_holder(socket, says(busy)):
        answer = look(config)
    assert (answer["complete"], answer["problem"]) == (False, "later")


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (b'{"type":"OrderNotFoundError","code":"not_found","message":"none"}', OrderNotFoundError),
        (b'{"type":"OrderNotSentError","code":"not_sent","message":"no network"}', OrderNotSentError),
    ],
)
def test_what_a_bot_at_work_answers_is_the_answer_an_error_too(config, journal, socket, error, raised):
    with strange_holder(socket, GREETS, says(b'{"error":' + error + b"}\n")), pytest.raises(raised):
        look(config)


def test_a_damaged_database_is_an_error_with_its_remedy(config, journal):
    journal.close()
    journal.sql("UPDATE record SET body = replace(body, '100.00', '100.01') WHERE seq = 2")
    with pytest.raises(OrderLogDamagedError, match="audit verify"):
        look(config)


def test_an_account_that_was_never_traded_on_has_no_orders_and_gets_no_folder(config):
    assert look(config, ListOrders(all=True))["orders"] == []
    assert not config.logs_dir.exists()
    assert not config.resolve_state_dir().exists()
