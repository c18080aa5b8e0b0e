"""One command's way to the account: its own bot, or the one that runs already."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command_clients import GREETS, ScriptedRunner, says, strange_holder
from tests.support.damaged_database import bodies
from tests.support.paper_market import recorded
from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError, TradingBot
from trading_bot.clock import SystemClock
from trading_bot.config import Config, OnStop
from trading_bot.control.address import ControlPathError
from trading_bot.control.client import HolderAbsentError, HolderSilentError
from trading_bot.control.server import ControlServer
from trading_bot.lease import Lease
from trading_bot.operations import CancelAll, ListOrders, Ping, PlaceOrder
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderNotSentError
from trading_bot.order_management.models import Side
from trading_bot.startup import create_bot, open_command_client

BUY = PlaceOrder(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100), client_order_id="c-1")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config().model_copy(update={"logs_dir": tmp_path / "logs", "state_dir": tmp_path / "state"})


@pytest.fixture
def folder(config: Config) -> Path:
    """The account's state folder, made as a first command would."""
    with open_command_client(config, quotes=recorded()) as client:
        client.perform(Ping())
    (folder,) = config.resolve_state_dir().iterdir()
    return folder


@pytest.fixture
def running(config: Config) -> Iterator[TradingBot]:
    bot = create_bot(config, quotes=recorded())
    bot.start()
    yield bot
    bot.stop()


@pytest.fixture
def held(folder: Path) -> Iterator[Lease]:
    lease = Lease(path=folder / "lease.lock")
    lease.acquire()
    yield lease
    lease.release()


class Meanwhile(SystemClock):
    """Lets something happen while a command waits for the holder."""

    def __init__(self, *events: Callable[[], object]) -> None:
        self._events = list(events)

    def sleep(self, seconds: float) -> None:
        if self._events:
            self._events.pop(0)()
        super().sleep(min(seconds, 0.01))


def journal_events(config: Config) -> list[str]:
    (database,) = config.resolve_state_dir().glob("*/journal.sqlite3")
    return [body.split('"event":"')[1].split('"')[0] for body in bodies(database)]


def test_where_nobody_holds_the_account_the_command_brings_its_own_bot(config: Config):
    with open_command_client(config, quotes=recorded()) as client:
        placed = client.perform(BUY)
        assert client.perform(ListOrders())["orders"] == [placed["order"]]
    assert journal_events(config).count("session_stopped") == 1
    create_bot(config, quotes=recorded()).start()


def test_a_command_that_asks_nothing_leaves_no_trace(config: Config):
    with open_command_client(config, quotes=recorded()):
        pass
    assert not config.logs_dir.exists()
    assert not config.resolve_state_dir().exists()


def test_the_running_bot_does_what_another_command_asks(config: Config, running: TradingBot):
    parts: list[JsonObject] = []
    with open_command_client(config) as client:
        placed = client.perform(BUY)
        listed = client.perform(ListOrders())
        client.perform(CancelAll(), parts.append)
    (order,) = running.orders()
    assert placed["status"] == "submitted"
    assert listed["orders"] == [placed["order"]]
    assert [part["client_order_id"] for part in parts] == [order.client_order_id]
    assert order.state == "cancelled"
    assert running.is_running


def test_a_command_cancels_nothing_when_it_ends_whatever_a_run_does(config: Config):
    settings = config.order_management.model_copy(update={"on_stop": OnStop.CANCEL})
    config = config.model_copy(update={"order_management": settings})
    with open_command_client(config, quotes=recorded()) as client:
        client.perform(BUY)
    assert "cancel_requested" not in journal_events(config)


@pytest.mark.usefixtures("held")
def test_a_holder_that_takes_no_commands_is_given_up_on_with_its_pid(config: Config):
    with (
        open_command_client(config, clock=Meanwhile(), patience_s=0.05) as client,
        pytest.raises(HolderAbsentError) as raised,
    ):
        client.perform(Ping())
    assert raised.value.pid is not None


def test_a_holder_that_goes_away_is_replaced(config: Config, held: Lease):
    with open_command_client(config, quotes=recorded(), clock=Meanwhile(held.release)) as client:
        assert client.perform(BUY)["status"] == "submitted"


def test_a_holder_that_is_coming_up_is_waited_for(config: Config, folder: Path, held: Lease):
    holder, scripted = ControlServer(path=folder / "control.sock", clock=SystemClock()), ScriptedRunner()
    with open_command_client(config, clock=Meanwhile(lambda: None, lambda: holder.start(scripted))) as client:
        assert client.perform(Ping()) == scripted.reply
    holder.stop()
    assert held.held


@pytest.mark.parametrize("code", ["busy", "stopping"])
@pytest.mark.usefixtures("held")
def test_a_holder_without_time_is_asked_again(config: Config, folder: Path, code: str):
    later = f'{{"error":{{"type":"OrderNotSentError","code":"{code}","message":"later"}}}}\n'.encode()
    talks = (says(later), GREETS, says(b'{"reply":{"done":1}}\n'))
    with strange_holder(folder / "control.sock", *talks), open_command_client(config) as client:
        assert client.perform(BUY) == {"done": 1}


@pytest.mark.usefixtures("held")
def test_an_order_the_broker_never_got_is_not_asked_for_again(config: Config, folder: Path):
    answer = b'{"error":{"type":"OrderNotSentError","code":"not_sent","message":"no network"}}\n'
    with (
        strange_holder(folder / "control.sock", GREETS, says(answer)),
        open_command_client(config) as client,
        pytest.raises(OrderNotSentError, match="no network"),
    ):
        client.perform(BUY)


@pytest.mark.usefixtures("held")
def test_a_holder_that_talks_nonsense_is_silent(config: Config, folder: Path):
    with (
        strange_holder(folder / "control.sock", says(b"?\n")),
        open_command_client(config) as client,
        pytest.raises(HolderSilentError) as raised,
    ):
        client.perform(BUY)
    assert isinstance(raised.value, AccountInUseError)


def test_a_bot_that_cannot_start_says_so(config: Config, folder: Path):
    (folder / "journal.sqlite3").unlink()
    with open_command_client(config, quotes=recorded()) as client, pytest.raises(StartError, match="journal"):
        client.perform(Ping())


def test_a_run_listens_from_its_start_to_its_stop(config: Config, folder: Path):
    bot = create_bot(config, quotes=recorded())
    path = folder / "control.sock"
    assert not path.exists()
    bot.start()
    assert path.is_socket()
    bot.stop()
    assert not path.exists()


def test_a_replay_serves_nobody(config: Config, folder: Path):
    bot = create_bot(config, quotes=recorded(), background_sync=False)
    bot.start()
    assert not (folder / "control.sock").exists()
    bot.stop()


def test_a_run_that_cannot_listen_does_not_start(config: Config, folder: Path):
    (folder / "control.sock").mkdir()
    bot = create_bot(config, quotes=recorded())
    with pytest.raises(StartError, match="control socket") as raised:
        bot.start()
    assert isinstance(raised.value.cause, ControlPathError)
    lease = Lease(path=folder / "lease.lock")
    lease.acquire()
    lease.release()


def test_a_stopping_run_takes_no_order_after_it_has_begun_to_cancel(config: Config, folder: Path):
    settings = config.order_management.model_copy(update={"on_stop": OnStop.CANCEL})
    bot = create_bot(config.model_copy(update={"order_management": settings}), quotes=recorded())
    bot.start()
    bot.execute_trade("AAPL", "buy", 10, Decimal(100), "to be cancelled")
    listening: list[bool] = []
    bot.manager.subscribe(lambda change: listening.append((folder / "control.sock").exists()))
    bot.stop()
    assert listening
    assert not any(listening)


def test_two_commands_at_once_both_get_through(config: Config, folder: Path):
    answers: list[object] = []

    def ask() -> None:
        with open_command_client(config, quotes=recorded()) as client:
            answers.append(client.perform(ListOrders())["v"])

    commands = [threading.Thread(target=ask) for _ in range(3)]
    for command in commands:
        command.start()
    for command in commands:
        command.join(20)
    assert answers == [1, 1, 1]
    assert folder.exists()
