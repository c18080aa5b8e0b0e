import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from tests.support.live_account import TOKEN, LiveAccount, live_account
from tests.support.loopback_broker.acts import reply
from tests.support.loopback_broker.book import INSTRUMENTS
from tests.support.paper_market import BASE, MONDAY, PaperBench, recorded
from tests.support.scripted_broker import ScriptedBroker, unreachable
from tests.support.scripted_broker import reply as scripted
from tests.support.taken_lock import TakenLock
from trading_bot.auth.robinhood_auth import RobinhoodAuth
from trading_bot.bot import StartError, TradeStatus, TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config, ConfigError, OrderManagementConfig, PaperConfig, TradingConfig
from trading_bot.kill.report import KillReport
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ExecutionMode, OrderId, OrderState
from trading_bot.order_management.outcomes import CancelNotSent, CancelReply, CancelTaken, Listing
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.paper.exchange import PaperExchange
from trading_bot.paper.sqlite_store import SqliteStore
from trading_bot.paper.state import ExchangeState, instrument_id_of
from trading_bot.paper.transport import PaperTransport
from trading_bot.robinhood.session import BrokerSession
from trading_bot.startup import create_bot
from trading_bot.startup.first_request import FirstLogin
from trading_bot.startup.kill import open_kill
from trading_bot.startup.kill_connection import KillConnection, NoConnection
from trading_bot.state_folder import account_key

ACCOUNT = "PAPER0001"
UNKNOWN = "7a2f7d2c-1f0e-4a57-9f0b-000000000000"
RESTING = {"price": "90.00", "account": f"{BASE}/accounts/{ACCOUNT}/"}
OURS = f"{OUR_MARK}-0000-4000-8000-000000000001"


def opening_state() -> ExchangeState:
    return ExchangeState.opening(account_number=ACCOUNT, cash=Decimal(100_000), now=MONDAY)


class DeadNetwork(requests.adapters.BaseAdapter):
    """Refuses every connection and counts them by path."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def send(self, request: requests.PreparedRequest, *_options, **_named) -> requests.Response:
        self.asked.append(request.path_url)
        raise requests.exceptions.ConnectionError("connection refused")

    def close(self) -> None:
        pass


@pytest.fixture
def bench() -> PaperBench:
    return PaperBench(state=opening_state())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(account_number=SecretStr(ACCOUNT), logs_dir=tmp_path / "logs", state_dir=tmp_path / "state")


def armed_file(config: Config, number: str = ACCOUNT) -> Path:
    mode = config.trading.mode
    return config.resolve_state_dir() / f"{mode}-{account_key(mode, number)}" / "armed"


def kill(config: Config, bench: PaperBench) -> KillReport:
    return open_kill(config, transport=bench.transport, clock=bench.clock).run("ann", "a test")


def bot_at(bench: PaperBench, config: Config) -> TradingBot:
    return create_bot(config, transport=bench.transport, clock=bench.clock, background_sync=False)


def buy(bot: TradingBot, price: str = "90.00"):
    return bot.execute_trade("AAPL", "buy", 10, Decimal(price), "a test")


def test_our_orders_are_cancelled_over_a_connection_of_its_own_and_others_left_alone(bench: PaperBench, config: Config):
    ours, theirs = bench.place(1, ref_id=OURS, **RESTING), bench.place(2, **RESTING)
    report = kill(config, bench)
    assert [order.order_id for order in report.unjournaled] == [ours]
    assert len(report.problems) == 1
    assert "another state folder or on another machine" in report.problems[0]
    assert [(order.order_id, order.state) for order in report.orders] == [(ours, OrderState.CANCELLED)]
    assert [order.order_id for order in report.external] == [theirs]
    assert bench.order(ours)["state"] == "cancelled"
    assert bench.order(theirs)["state"] == "confirmed"


def test_a_running_bot_is_killed_from_outside_and_stays_killed_after_its_restart(bench: PaperBench, config: Config):
    bot = bot_at(bench, config)
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    report = kill(config, bench)
    assert report.is_confirmed
    assert [order.client_order_id for order in report.orders] == [bot.orders()[0].client_order_id]
    assert buy(bot, "80.00").status is TradeStatus.BLOCKED
    bot.synchronize_open_orders()
    assert bot.orders()[0].state is OrderState.CANCELLED
    bot.stop()
    again = bot_at(bench, config)
    again.start()
    assert buy(again, "80.00").status is TradeStatus.BLOCKED
    again.stop()


def test_a_dead_bots_orders_are_cancelled_all_the_same(bench: PaperBench, config: Config):
    bot = bot_at(bench, config)
    bot.start()
    buy(bot)
    bot._lifecycle.closing[-1]()  # its process is gone, and the lease with it
    report = kill(config, bench)
    assert report.is_confirmed
    assert report.orders[0].state is OrderState.CANCELLED


@pytest.mark.parametrize("spelling", ["dots", "link", "relative"])
def test_the_bots_journal_is_found_by_any_name_of_its_folder(
    bench: PaperBench, config: Config, tmp_path: Path, monkeypatch, spelling: str
):
    """Taken for somebody else's journal, it would tell the kill no order and leave no durable cancel."""
    bot = bot_at(bench, config)
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    (tmp_path / "x").mkdir()
    (tmp_path / "y").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = {"dots": tmp_path / "x" / ".." / "logs", "link": tmp_path / "y" / "logs", "relative": Path("logs")}
    renamed = config.model_copy(update={"logs_dir": names[spelling]})
    report = kill(renamed, bench)
    assert report.is_confirmed
    assert report.orders[0].client_order_id == bot.orders()[0].client_order_id
    bot.stop()
    again = bot_at(bench, renamed)
    again.start()
    again.stop()


class HungLookUps(requests.adapters.BaseAdapter):
    """Never answers what is asked of instruments, and passes everything else on."""

    def __init__(self, bench: PaperBench) -> None:
        super().__init__()
        self._bench = bench

    def send(self, request: requests.PreparedRequest, *options, **named) -> requests.Response:
        if request.path_url.startswith("/instruments/"):
            self._bench.clock.sleep(5)
            raise requests.exceptions.ReadTimeout("no answer")
        return self._bench.transport.send(request, *options, **named)

    def close(self) -> None:
        pass


def test_a_kill_waits_for_no_look_up_of_an_instrument(bench: PaperBench, config: Config):
    """Ids suffice for a kill: one time-out for each listed order would outlast its deadline before the first cancel."""
    ids = [bench.place(number, ref_id=f"{OURS[:-2]}{number:02}", quantity="1", **RESTING) for number in range(1, 13)]
    report = open_kill(config, transport=HungLookUps(bench), clock=bench.clock).run("ann", "a test")
    assert len(report.unjournaled) == len(ids)
    assert {bench.order(order_id)["state"] for order_id in ids} == {"cancelled"}
    assert {order.symbol for order in report.orders} == {instrument_id_of("AAPL")}


def test_a_kill_that_looks_at_another_state_folder_than_the_bots_does_not_say_that_trading_is_off(
    bench: PaperBench, config: Config, tmp_path: Path
):
    """Without state_dir the folder follows the environment, and that of cron or sudo is not the bot's."""
    bot = bot_at(bench, config)
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    astray = config.model_copy(update={"state_dir": tmp_path / "elsewhere"})
    for _ in range(2):
        report = kill(astray, bench)
        assert not report.latch_engaged
        assert "TRADING MAY STILL BE ON" in report.headline
        assert str(tmp_path / "elsewhere") in report.problems[0]
        assert "set state_dir" in report.problems[0]
        assert [order.state for order in report.orders] == [OrderState.CANCELLED]
        bench.clock.sleep(1)
    bot.synchronize_open_orders()
    assert buy(bot, "80.00").status is TradeStatus.SUBMITTED
    assert kill(config, bench).is_confirmed
    assert buy(bot, "70.00").status is TradeStatus.BLOCKED
    bot.stop()


def test_without_a_journal_our_mark_tells_our_orders(bench: PaperBench, config: Config):
    bot = bot_at(bench, config)
    bot.start()
    buy(bot)
    bot.stop()
    bot.audit_log.unlink()
    armed_file(config).with_name("journal.sqlite3").unlink()
    report = kill(config, bench)
    assert [order.state for order in report.orders] == [OrderState.CANCELLED]
    assert "could not be read (it is gone)" in report.problems[0]


def test_nothing_happens_before_the_kill_is_run(bench: PaperBench, config: Config):
    open_kill(config, clock=bench.clock)
    assert not config.resolve_state_dir().exists()


def test_without_a_network_trading_is_off_and_nothing_confirmed(bench: PaperBench, config: Config):
    armed_file(config).parent.mkdir(parents=True)
    armed_file(config).touch()
    network = DeadNetwork()
    report = open_kill(config, transport=network, clock=bench.clock).run("ann", "a test")
    assert not armed_file(config).exists()
    assert report.latch_engaged
    assert "connection" in report.problems[0]
    assert not report.is_confirmed


def test_the_paper_account_of_this_machine_is_reached_without_any_bot(config: Config):
    bench = PaperBench(state=opening_state())
    path = armed_file(config).with_name("paper.sqlite3")
    bench.transport = PaperTransport(
        exchange=PaperExchange(quotes=recorded(), calendar=config.trading.market_hours, seed=config.paper.seed),
        store=SqliteStore(path, account_number=ACCOUNT, opening=opening_state),
        clock=bench.clock,
        reference_for=lambda _: None,
    )
    bench.login()
    ours = bench.place(1, ref_id=OURS, **RESTING)
    report = open_kill(config, clock=bench.clock, quotes=recorded()).run("ann", "a test")
    assert [order.order_id for order in report.unjournaled] == [ours]
    assert bench.order(ours)["state"] == "cancelled"


def test_a_paper_exchange_that_cannot_be_built_leaves_trading_off(config: Config, tmp_path: Path, bench: PaperBench):
    armed_file(config).parent.mkdir(parents=True)
    armed_file(config).touch()
    broken = config.model_copy(update={"paper": PaperConfig(quotes_file=tmp_path / "missing.jsonl")})
    report = open_kill(broken, clock=bench.clock).run("ann", "a test")
    assert not armed_file(config).exists()
    assert "the paper exchange cannot be used" in report.problems[0]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveAccount]:
    with live_account(tmp_path) as account:
        account.arm()
        yield account


def kill_live(live: LiveAccount) -> KillReport:
    return open_kill(live.config, transport=live.transport, surroundings=live.around).run("ann", "a test")


def bought_live(live: LiveAccount) -> TradingBot:
    bot = live.bot()
    bot.start()
    assert buy(bot).status is TradeStatus.SUBMITTED
    return bot


class TestLive:
    def test_a_saved_session_is_enough_to_cancel_and_prove_it(self, live: LiveAccount):
        """No password, no bot and no user name: the file of the last login is all there is."""
        live.log_in(username="ann@example.com")
        bought_live(live).stop()
        report = kill_live(live)
        assert report.is_confirmed
        assert [order.state for order in report.orders] == [OrderState.CANCELLED]
        assert not live.state().latch.exists()
        assert "POST /oauth2/token/" not in live.server.paths()

    def test_a_running_bot_is_killed(self, live: LiveAccount):
        live.log_in()
        bot = bought_live(live)
        assert kill_live(live).is_confirmed
        assert buy(bot, "80.00").status is TradeStatus.BLOCKED
        bot.stop()

    def test_the_shares_that_are_held_are_named_by_their_symbol(self, live: LiveAccount):
        live.log_in()
        holdings = kill_live(live).holdings
        assert [(held.symbol, held.quantity, held.unprotected) for held in holdings.shares] == [
            ("AAPL", Decimal(50), Decimal(50))
        ]

    def test_held_shares_whose_symbol_cannot_be_looked_up_are_named_by_their_instrument(self, live: LiveAccount):
        live.log_in()
        live.server.on_every("GET", "/instruments/", lambda heard: reply(500, {"detail": "no"}))
        live.server.on_every("GET", f"/instruments/{INSTRUMENTS['AAPL']}/", lambda heard: reply(500, {"detail": "no"}))
        report = kill_live(live)
        assert report.is_confirmed
        assert INSTRUMENTS["AAPL"] in (report.holdings.problem or "")

    @pytest.mark.parametrize("opened", ["file", "folder"])
    def test_a_session_that_others_may_open_is_used_by_the_kill_which_says_so_and_refused_for_trading(
        self, live: LiveAccount, opened: str
    ):
        live.log_in()
        bought_live(live).stop()
        session = live.state().session
        (session if opened == "file" else session.parent).chmod(0o755)
        with pytest.raises(StartError, match="is refused"):
            live.bot().start()
        report = kill_live(live)
        assert report.is_confirmed
        assert [order.state for order in report.orders] == [OrderState.CANCELLED]
        assert len(report.notes) == 1
        assert "is open to other users: run chmod" in report.notes[0]

    def test_a_renewed_session_is_saved_in_a_folder_that_others_may_open_too(self, live: LiveAccount):
        live.log_in("expired")
        live.state().session.parent.chmod(0o755)
        assert kill_live(live).is_confirmed
        assert '"expired"' not in live.state().session.read_text()

    def test_an_expired_session_is_renewed(self, live: LiveAccount):
        live.log_in()
        bought_live(live).stop()
        live.log_in("expired")
        assert kill_live(live).is_confirmed
        assert live.server.paths().count("POST /oauth2/token/") == 1

    @pytest.mark.parametrize("session", [None, "of another account", "expired for good"])
    def test_without_a_session_trading_is_off_and_the_rest_left_to_a_person(self, live: LiveAccount, session):
        if session is not None:
            live.log_in("expired")
            live.book.revoke_all()
            live.server.on(*TOKEN, *[reply(401, {"detail": "no"})] * 9)
        if session == "of another account":
            path = live.state().session
            path.write_text(path.read_text().replace('"account":"', '"account":"0'))
        report = kill_live(live)
        assert not live.state().latch.exists()
        assert report.latch_engaged
        assert not report.is_confirmed
        assert report.manual_procedure != ()
        assert "log" in report.problems[0]
        if session is None:
            assert "nobody is logged in" in report.problems[0]
            assert live.server.heard == []

    def test_without_certificate_authorities_trading_is_off_all_the_same(self, live: LiveAccount, monkeypatch):
        monkeypatch.setattr("certifi.where", lambda: str(live.folder / "missing.pem"))
        report = open_kill(live.config, surroundings=live.around).run("ann", "a test")
        assert not live.state().latch.exists()
        assert "certificate authorities" in report.problems[0]
        assert not report.is_confirmed


def test_which_live_account_is_meant_must_be_said(config: Config):
    live = config.model_copy(update={"trading": TradingConfig(mode=ExecutionMode.LIVE), "account_number": None})
    with pytest.raises(ConfigError, match="account_number is not set"):
        open_kill(live)


def test_an_unnamed_paper_account_is_the_one_the_bot_uses(config: Config, bench: PaperBench):
    unnamed = config.model_copy(update={"account_number": None})
    armed = armed_file(config, "PAPER0001")
    armed.parent.mkdir(parents=True)
    armed.touch()
    open_kill(unnamed, clock=bench.clock, quotes=recorded()).run("ann", "a test")
    assert not armed.exists()


class MeetingGateway:
    """Answers a cancel only once ``number`` of them are under way."""

    capabilities = BrokerCapabilities()

    def __init__(self, number: int) -> None:
        self._meeting = threading.Barrier(number, timeout=5)

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        self._meeting.wait()
        return CancelNotSent(cause=order_id)


def test_cancels_are_under_way_together_and_each_answer_belongs_to_its_order():
    connection = KillConnection(gateway=MeetingGateway(3))  # type: ignore[arg-type]  # a gateway's one method
    ids = [OrderId("a"), OrderId("b"), OrderId("c")]
    replies = connection.cancel_all_equity_orders(ids)
    assert replies == {order_id: CancelNotSent(cause=order_id) for order_id in ids}


def test_no_request_waits_beyond_the_deadline(bench: PaperBench):
    gateway = RobinhoodGateway(
        session=BrokerSession(adapter=bench.transport, clock=bench.clock),
        clock=bench.clock,
        account_number=ACCOUNT,
        renew=lambda _within_s: False,
    )
    connection = KillConnection(gateway=gateway)
    connection.set_deadline(bench.clock.monotonic())
    assert "no time was left to send" in (connection.list_open_orders().problem or "")
    (answer,) = connection.cancel_all_equity_orders([OrderId(UNKNOWN)]).values()
    assert isinstance(answer, CancelNotSent)
    assert answer.cause == "no time was left to send"


def login_at(adapter: requests.adapters.BaseAdapter, clock: VirtualClock) -> FirstLogin:
    auth = RobinhoodAuth(
        session=BrokerSession(adapter=adapter, clock=clock),
        username=SecretStr("paper"),
        password=SecretStr("paper"),
        clock=clock,
        device_token="device",
    )
    return FirstLogin(auth, clock)


def test_the_first_renewal_logs_in_and_later_ones_do_not_again(bench: PaperBench):
    login = login_at(bench.transport, bench.clock)
    tokens = len(bench.store._state.tokens)
    assert login.renew(20)
    assert login.renew(20)
    assert len(bench.store._state.tokens) == tokens + 1


def test_there_is_no_storm_of_logins(bench: PaperBench):
    network = DeadNetwork()
    login = login_at(network, bench.clock)
    assert [login.renew(20) for _ in range(9)] == [False] * 9
    assert len(network.asked) <= 3 * 3


def test_waiting_for_the_login_of_another_thread_ends_in_time(bench: PaperBench, monkeypatch):
    login, lock = login_at(bench.transport, bench.clock), TakenLock()
    monkeypatch.setattr(login, "_lock", lock)
    assert not login.renew(7)
    assert lock.waited_for == [7]


def test_a_login_without_time_is_not_tried(bench: PaperBench):
    network = DeadNetwork()
    assert not login_at(network, bench.clock).renew(0)
    assert network.asked == []


def test_a_login_is_not_repeated_once_its_time_is_over(bench: PaperBench):
    network = DeadNetwork()
    assert not login_at(network, bench.clock).renew(0.5)
    assert len(network.asked) == 1


def test_a_kill_that_is_nearly_over_repeats_no_login(config: Config, bench: PaperBench):
    """Renewing the session would hold its report up, and nothing could be done with it any more."""
    short = {"intent_ttl_s": 1, "request_timeout_s": 1, "submit_deadline_s": 3, "cancel_deadline_s": 1}
    hasty = config.model_copy(update={"order_management": OrderManagementConfig.model_validate(short)})
    broker = ScriptedBroker()
    broker.always("GET", "/orders/", replace(scripted(401), then=lambda: bench.clock.sleep(2.5)))
    broker.always(*TOKEN, unreachable())
    report = open_kill(hasty, transport=broker, clock=bench.clock).run("ann", "a test")
    assert not report.is_confirmed
    assert broker.paths() == ["GET /orders/", "POST /oauth2/token/"]


def test_an_account_that_cannot_be_reached_says_so_of_everything():
    broker = NoConnection("no way there; take another")
    broker.set_deadline(0)
    assert not broker.list_open_orders().complete
    assert broker.list_open_orders().problem == "no way there; take another"
    assert broker.cancel_all_equity_orders([OrderId("a")]) == {"a": CancelNotSent(cause="no way there; take another")}
    assert broker.cancel_all_equity_orders([OrderId("a")]) != {"a": CancelTaken()}
    assert not broker.is_reachable
    assert not broker.list_orders_since(MONDAY).complete
    broker.set_answer_listener(pytest.fail)
    for read in (lambda: broker.fetch_order_status(OrderId("a")), broker.confirm_account, broker.fetch_positions):
        with pytest.raises(OrderStatusError, match="no way there"):
            read()


class SenselessGateway:
    """Its readers did not foresee what the broker says."""

    capabilities = BrokerCapabilities()

    def _fails(self, *_arguments: object) -> Listing:
        raise ValueError("Invalid IPv6 URL")

    list_open_orders = list_orders_since = fetch_order_status = fetch_account = fetch_positions = _fails


def test_a_reply_that_nobody_foresaw_ends_its_read_alone():
    connection = KillConnection(gateway=SenselessGateway())  # type: ignore[arg-type]  # a gateway's reads
    for listing in (connection.list_open_orders(), connection.list_orders_since(MONDAY)):
        assert not listing.complete
        assert "makes no sense (Invalid IPv6 URL)" in (listing.problem or "")
    for read in (
        lambda: connection.fetch_order_status(OrderId("a")),
        connection.confirm_account,
        connection.fetch_positions,
    ):
        with pytest.raises(OrderStatusError, match="makes no sense"):
            read()


def test_each_answer_to_a_cancel_is_told_as_it_comes():
    connection = KillConnection(gateway=MeetingGateway(2))  # type: ignore[arg-type]  # a gateway's one method
    told: list[OrderId] = []
    connection.set_answer_listener(told.append)
    connection.cancel_all_equity_orders([OrderId("a"), OrderId("b")])
    assert sorted(told) == ["a", "b"]
