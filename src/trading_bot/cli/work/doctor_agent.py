"""What the doctor says of a login to the broker's agent interface, and of the account behind it."""

from collections.abc import Callable, Iterator

from trading_bot import checkup
from trading_bot.checkup import Check, CheckResult, Trouble
from trading_bot.config import ConfigError
from trading_bot.order_management.exceptions import AuthenticationError, OrderError, TradingHaltedError
from trading_bot.startup.agent_login import AgentDoor

_CLOCK = "broker clock"


def agent_access(open_door: Callable[[], AgentDoor]) -> Iterator[Check]:
    """Say until when somebody is logged in, which account agents may trade, whether it can be read, and the time."""
    try:
        door = open_door()
        door.resume()
    except (OrderError, ConfigError) as error:
        yield checkup.failed("session", error, Trouble.LOGIN)
        for name in ("agent account", "account", _CLOCK):
            yield checkup.skipped(name, because="it takes a session")
        return
    yield _session(door)
    yield _agent_account(door)
    account = _account(door)
    yield account
    yield checkup.broker_clock_check(door.clock_is_off_by())
    if account.result is not CheckResult.FAILED:
        yield _understood(door)
        yield from _tools(door)


def _session(door: AgentDoor) -> Check:
    standing = door.standing()
    if standing is not None and standing.warning is not None:
        return checkup.warned("session", standing.warning)
    return checkup.passed("session", "a login is saved" if standing is None else standing.summary)


def _agent_account(door: AgentDoor) -> Check:
    try:
        problem = door.account_problem()
    except OrderError as error:
        return checkup.failed("agent account", error, _trouble_of(error))
    if problem is not None:
        return checkup.failed("agent account", ConfigError([f"{problem}."]), Trouble.CONFIGURATION)
    return checkup.passed("agent account", "the configured account is the one that the agent interface may trade")


def _account(door: AgentDoor) -> Check:
    try:
        return checkup.account_check(door.read_account())
    except OrderError as error:
        return checkup.failed("account", error, _trouble_of(error))


def _understood(door: AgentDoor) -> Check:
    try:
        return checkup.understood_check(door.not_understood())
    except OrderError as error:
        return checkup.failed("broker's data", error, Trouble.BROKER)


def _tools(door: AgentDoor) -> Iterator[Check]:
    drift = door.tools()
    if (problem := drift.problem()) is not None:
        yield checkup.failed("tools", TradingHaltedError(problem), Trouble.HALT)
    elif drift.found.remarks:
        yield checkup.warned("tools", "; ".join(drift.found.remarks))
    else:
        yield checkup.passed("tools", "the agent interface has every tool that is called")
    offered = "the broker offers orders in pairs (OCO) on this account, which this program does not use"
    not_offered = "the broker offers no orders in pairs (OCO) on this account"
    if drift.found.was_read:
        yield checkup.passed("orders in pairs", offered if drift.found.offers_pairs else not_offered)


def _trouble_of(error: OrderError) -> Trouble:
    return Trouble.LOGIN if error.code == AuthenticationError.code else Trouble.BROKER
