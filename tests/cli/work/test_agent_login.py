"""Logging in to the agent interface at the command line, and arming the one account that it may trade."""

import dataclasses
import errno
import json
import logging
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.support.agent_account import AgentAccount
from tests.support.agent_server import Fault
from tests.support.command_line_bench import CommandLineBench
from tests.support.faulty_files import FaultyFiles
from trading_bot.agent.endpoint import SERVER_METADATA_PATH
from trading_bot.agent.rate import CALL_EVERY_S
from trading_bot.auth.secret_file import TokenFileError
from trading_bot.checkup import Check, CheckResult
from trading_bot.cli.error_codes import exit_code_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.agent_login import log_in, log_out, refuse_other_account, system_browser
from trading_bot.cli.work.doctor_agent import agent_access
from trading_bot.config import ConfigError, GatewayKind
from trading_bot.config.environment import shows_windows
from trading_bot.latch import LatchState
from trading_bot.order_management.exceptions import AuthenticationError
from trading_bot.startup.account_latch import account_latch


@pytest.fixture
def account(tmp_path):
    return AgentAccount(tmp_path)


def logged_in(account: AgentAccount, *, as_json: bool = False) -> None:
    log_in(Invocation(json=as_json), account.config, account.door, open_browser=account.browser())


def checks(account: AgentAccount) -> dict[str, Check]:
    return {check.name: check for check in agent_access(account.door)}


# Logging in


def test_a_login_says_which_account_can_be_read_and_until_when(account, capsys):
    logged_in(account)
    said = capsys.readouterr()
    assert said.out.startswith("logged in: live account ...0008 can be read over the agent interface")
    assert "good until 2026-12-02 14:15 UTC and renewed before that while used" in said.out
    assert "'trading-bot arm'" in said.out
    assert "https://robinhood.com/oauth?" in said.err
    assert account.server.complaints == []


def test_under_json_the_answer_is_one_object(account, capsys):
    logged_in(account, as_json=True)
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert (answer["logged_in"], answer["account"]) == (True, "...0008")
    assert answer["expires_at"].startswith("2026-12-02T14:15")
    assert all(json.loads(line)["error"]["code"] == "notice" for line in said.err.splitlines())


def test_a_login_is_taken_up_by_every_later_command(account):
    logged_in(account)
    later = account.door()
    later.resume()
    assert later.read_account().account_suffix == "0008"


def test_the_account_that_agents_may_trade_has_to_be_the_configured_one(account):
    account.settings["account_number"] = "512340001"
    with pytest.raises(CommandError, match=r"may not|and not \.\.\.0001; set account_number") as refused:
        logged_in(account)
    assert refused.value.exit_code is ExitCode.CONFIGURATION
    assert "logged in and the login is saved" in str(refused.value)


def test_an_account_that_cannot_be_read_is_said_to_be_logged_in_all_the_same(account):
    account.server.standing["get_accounts"] = Fault.RATE_LIMITED_BEFORE
    with pytest.raises(CommandError, match="logged in and the login is saved, but the account cannot be read") as error:
        logged_in(account)
    assert error.value.exit_code is ExitCode.NOT_SENT


def test_a_disk_that_takes_no_login_is_told_before_anybody_is_sent_to_a_browser(account):
    files = FaultyFiles()
    files.fail("replace", errno.ENOSPC)
    account.around = replace(account.around, files=files)
    with pytest.raises(TokenFileError, match="cannot save the session") as refused:
        log_in(Invocation(), account.config, account.door, open_browser=lambda _address: pytest.fail("a browser"))
    assert exit_code_of(refused.value) is ExitCode.JOURNAL


def test_without_a_person_nobody_is_logged_in(account):
    with pytest.raises(CommandError, match="takes a person and a browser") as refused:
        log_in(Invocation(no_input=True), account.config, account.door, open_browser=None)
    assert refused.value.exit_code is ExitCode.LOGIN_NEEDED


def test_ctrl_c_ends_the_login_in_one_line(account):
    def interrupted(_address: str) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(CommandError, match="interrupted: nobody was logged in") as ended:
        log_in(Invocation(), account.config, account.door, open_browser=interrupted)
    assert ended.value.exit_code is ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 22"}, False),
        ("linux", {"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.1 22"}, False),
    ],
)
def test_a_browser_is_opened_only_where_the_person_would_see_it(platform, environment, expected):
    assert shows_windows(platform, environment) is expected


def test_no_browser_is_opened_where_nobody_can_be_asked():
    assert system_browser(Invocation(no_input=True), wanted=True) is None


def test_no_secret_is_shown_by_any_of_it(account, capfd, caplog):
    caplog.set_level(logging.DEBUG)
    logged_in(account)
    account.server.grants.expire_access()
    door = account.door()
    door.resume()
    door.read_account()
    log_out(Invocation(), account.config, account.door)
    said = capfd.readouterr()
    everything = said.out + said.err + caplog.text + repr(door)
    assert "access-" not in everything
    assert "example-refresh" not in everything
    assert "code-" not in everything


# Logging out


def test_a_logout_forgets_and_says_that_the_broker_keeps_the_access(account, capsys):
    logged_in(account)
    capsys.readouterr()
    log_out(Invocation(), account.config, account.door)
    said = capsys.readouterr().out
    assert "a bot that runs goes on with it until you stop it" in said
    assert "offers no way to end it there" in said
    with pytest.raises(AuthenticationError):
        account.door().resume()


def test_a_logout_of_nobody_is_no_error_and_claims_nothing(account, capsys):
    """An earlier logout may have left a login at the broker."""
    log_out(Invocation(json=True), account.config, account.door)
    assert json.loads(capsys.readouterr().out) == {"v": 1, "logged_in": False, "revoked": False}
    log_out(Invocation(), account.config, account.door)
    assert "no login was kept here. An earlier one may still count" in capsys.readouterr().out


def test_a_logout_that_nobody_confirms_is_reported(account):
    logged_in(account)
    account.server.standing[SERVER_METADATA_PATH] = Fault.E503_BEFORE
    with pytest.raises(CommandError, match="did not confirm") as refused:
        log_out(Invocation(), account.config, account.door)
    assert refused.value.exit_code is ExitCode.OUTCOME_UNKNOWN


# Arming


def test_only_the_account_that_agents_may_trade_can_be_armed(account):
    logged_in(account)
    refuse_other_account(account.door)
    account.server.book.account_number = "512340009"
    with pytest.raises(CommandError, match=r"nothing was changed: .*the account \.\.\.0009 and not \.\.\.0008") as no:
        refuse_other_account(account.door)
    assert no.value.exit_code is ExitCode.CONFIGURATION


def test_an_account_that_cannot_be_asked_for_is_not_armed(account):
    with pytest.raises(AuthenticationError, match="nobody is logged in"):
        refuse_other_account(account.door)
    logged_in(account)
    account.server.standing["get_accounts"] = Fault.RATE_LIMITED_BEFORE
    with pytest.raises(CommandError, match="cannot be told which account") as refused:
        refuse_other_account(account.door)
    assert refused.value.exit_code is ExitCode.NOT_SENT


def test_the_command_that_arms_asks_first_and_pins_the_account(account, tmp_path):
    """Nobody is logged in here, so it ends before anything is sent."""
    cli = CommandLineBench(
        tmp_path, {name: account.settings[name] for name in ("trading", "gateway", "account_number")}
    )
    done = cli("arm", "--confirm", "LIVE 0008")
    assert done.returncode == ExitCode.LOGIN_NEEDED
    assert "nobody is logged in to the agent interface" in done.stderr
    assert cli("arm", "--confirm", "LIVE 0008", "--exits-only").returncode == ExitCode.DONE


def test_a_running_account_needs_an_arming_that_asked_for_it(account):
    private = account.config.model_copy(update={"gateway": GatewayKind.PRIVATE})
    account_latch(private, account.around, account.state).arm(by="ann")
    latch = account_latch(account.config, account.around, account.state)
    assert latch.state() is LatchState.EXITS_ONLY
    latch.arm(by="ann")
    assert latch.state() is LatchState.ARMED


# Which of the two logins


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("--no-input", "login"), ExitCode.LOGIN_NEEDED, "takes a person and a browser"),
        (("login", "--from-robin-stocks"), ExitCode.USAGE, "one to the private wire alone"),
    ],
)
def test_the_gateway_decides_which_login_is_meant(account, tmp_path, command, code, said):
    cli = CommandLineBench(
        tmp_path, {name: account.settings[name] for name in ("trading", "gateway", "account_number")}
    )
    done = cli(*command)
    assert (done.returncode, said in done.stderr) == (code, True)


def test_on_paper_or_over_the_private_wire_no_door_to_the_agent_interface_opens(account):
    private = account.config.model_copy(update={"gateway": GatewayKind.PRIVATE})
    with pytest.raises(ConfigError, match='gateway is not "agent"'):
        account.door(private)


# The doctor


def test_the_doctor_says_until_when_the_login_is_good(account):
    logged_in(account)
    found = checks(account)
    assert "good until 2026-12-02 14:15 UTC" in found["session"].detail
    assert {check.result for name, check in found.items() if name != "broker clock"} == {CheckResult.OK}
    assert list(found) == [
        "session",
        "agent account",
        "account",
        "broker clock",
        "broker's data",
        "tools",
        "orders in pairs",
    ]


def test_the_doctor_keeps_to_the_rate_beside_a_bot(account):
    logged_in(account)
    times: list[float] = []
    account.server.after_acting = lambda point: times.append(account.clock.monotonic()) if "get_" in point else None
    checks(account)
    assert len(times) >= 4
    assert all(later - earlier >= CALL_EVERY_S - 0.001 for earlier, later in pairwise(times))


def test_the_doctor_warns_days_ahead(account):
    logged_in(account)
    account.clock.sleep(7 * 86_400)
    assert checks(account)["session"].result is CheckResult.WARNING


def test_the_doctor_says_who_has_to_log_in(account):
    found = checks(account)
    assert found["session"].result is CheckResult.FAILED
    assert "trading-bot login" in found["session"].detail
    assert found["account"].result is CheckResult.SKIPPED


def test_the_doctor_names_the_account_that_agents_may_trade(account):
    logged_in(account)
    account.server.book.account_number = "512340009"
    found = checks(account)["agent account"]
    assert found.result is CheckResult.FAILED
    assert "...0009 and not ...0008" in found.detail


def test_the_doctor_tells_a_refused_login_from_a_broker_in_trouble(account):
    logged_in(account)
    account.server.standing["get_accounts"] = Fault.RATE_LIMITED_BEFORE
    assert checks(account)["account"].trouble == "broker"
    account.server.calm_down()
    account.server.grants.revoke_all()
    assert checks(account)["account"].trouble == "login"


def test_the_doctor_says_whether_orders_in_pairs_are_offered(account):
    logged_in(account)
    assert "offers no orders in pairs" in checks(account)["orders in pairs"].detail
    tools = account.server.desk.tools
    tools["place_advanced_order"] = dataclasses.replace(tools["place_equity_order"], name="place_advanced_order")
    found = checks(account)["orders in pairs"]
    assert (found.result, "which this program does not use" in found.detail) == (CheckResult.OK, True)


def test_nothing_is_said_of_them_where_the_tools_cannot_be_read(account):
    logged_in(account)
    account.server.standing["tools/list"] = Fault.E503_BEFORE
    found = checks(account)
    assert (found["tools"].result, "orders in pairs" in found) == (CheckResult.WARNING, False)


def test_the_doctor_says_what_is_not_understood_and_which_tools_have_gone(account):
    logged_in(account)
    del account.server.desk.tools["get_equity_tax_lots"]
    account.server.acts["get_equity_orders"].append(Fault.RATE_LIMITED_BEFORE)
    assert checks(account)["tools"].result is CheckResult.WARNING
    del account.server.desk.tools["place_equity_order"]
    account.server.standing["get_equity_orders"] = Fault.API_400
    found = checks(account)
    assert (found["tools"].result, found["tools"].trouble) == (CheckResult.FAILED, "halt")
    assert "place_equity_order" in found["tools"].detail
    assert found["broker's data"].result is CheckResult.FAILED
