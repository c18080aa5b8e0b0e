"""Who looks after the login of a running bot: it is renewed unasked, and a person is told once, days ahead."""

from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.agent_account import NUMBER, AgentAccount
from tests.support.agent_server import Fault
from tests.support.bot_bench import BotBench
from tests.support.paper_market import MONDAY
from trading_bot.bot_events import Alert, AlertCode, BotEvent
from trading_bot.clock import VirtualClock
from trading_bot.event_feeds import EventFeeds
from trading_bot.startup.access import BrokerAccess, Destination, Login
from trading_bot.startup.beside import Beside, companions_of
from trading_bot.startup.interfaces import interface_of
from trading_bot.startup.login_care import LoginCare

HALF_A_LIFE_S = 774_924 / 2


class Cared:
    def __init__(self) -> None:
        self.warning: str | None = None
        self.rounds = 0
        self.heard: list[BotEvent] = []
        self.feeds = EventFeeds()
        self.care = LoginCare(self._care, events=self.feeds, clock=VirtualClock(MONDAY))

    def _care(self) -> str | None:
        self.rounds += 1
        return self.warning

    def look(self, warning: str | None) -> list[str]:
        self.heard.clear()
        self.warning = warning
        self.care.look()
        assert self.feeds.settle()
        assert all(isinstance(event, Alert) and event.code is AlertCode.LOGIN_ENDS for event in self.heard)
        return [event.message for event in self.heard if isinstance(event, Alert)]


def test_each_warning_is_told_once_and_again_after_a_new_login():
    cared = Cared()
    cared.feeds.subscribe(cared.heard.append)
    said = [cared.look(warning) for warning in (None, "by Friday", "by Friday", None, "by Friday", "by Monday")]
    assert said == [[], ["by Friday"], [], [], ["by Friday"], ["by Monday"]]


def test_the_login_is_looked_after_without_a_listener_and_the_first_one_hears_what_stands():
    cared = Cared()
    assert cared.look("by Friday") == []
    assert cared.rounds == 1
    cared.feeds.subscribe(cared.heard.append)
    assert cared.look("by Friday") == ["by Friday"]


@pytest.fixture
def account(tmp_path):
    return AgentAccount(tmp_path)


def way(account: AgentAccount) -> BrokerAccess:
    to = Destination(
        config=account.config,
        around=account.around,
        number=NUMBER,
        state=account.state,
        transport=account.transport,
    )
    return interface_of(account.config).way(to)


def test_a_bot_over_the_agent_interface_renews_its_login_and_warns(account):
    account.log_in()
    login = way(account).login
    login.log_in()
    assert login.care is not None
    assert login.care() is None
    account.clock.sleep(HALF_A_LIFE_S)
    assert login.care() is None
    assert account.server.grants.refreshes == 1
    account.clock.sleep(HALF_A_LIFE_S)
    account.server.acts["token"].append(Fault.REPLY_LOST)
    assert "can no longer be renewed without you" in str(login.care())
    assert login.problem() is None
    assert account.server.grants.refreshes == 2


@pytest.mark.parametrize("care", [None, lambda: None], ids=["private wire", "agent interface"])
def test_the_companion_is_there_where_a_login_needs_care(tmp_path, care):
    bot = BotBench(tmp_path).bot
    around = SimpleNamespace(clock=bot.clock)
    beside = SimpleNamespace(bot=bot, around=around, login=Login(care=care), paper=None, store=None)
    assert ("login" in companions_of(cast("Beside", beside))) is (care is not None)
