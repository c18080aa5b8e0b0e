"""Sends a message on trial."""

from dataclasses import dataclass

from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.log_output import send_logs_to_stderr
from trading_bot.cli.render.output import print_json
from trading_bot.cli.render.table import print_table
from trading_bot.config import Config
from trading_bot.notify.lane import Delivery, Sending
from trading_bot.startup.tell_somebody import account_label, notify_services

_SAID = {
    Delivery.DELIVERED: "delivered",
    Delivery.FAILED: "not delivered",
    Delivery.TIMED_OUT: "no answer in time; it may have arrived",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    name: str
    sending: Sending


def test(invocation: Invocation) -> None:
    """Send one message to every service and show what became of it.

    Raises:
        ConfigError: an address cannot be used, or what sends messages is not installed.
        CommandError: no service is set up, or one did not take the message.
    """
    config = Config.from_env_and_json(invocation.config, account=invocation.account)
    send_logs_to_stderr(invocation, config)
    services = notify_services(config)
    if not services:
        raise CommandError(
            "no service is set up; set TRADING_BOT_NOTIFY_URLS in the environment or in .env, such as ntfy://my-topic",
            exit_code=ExitCode.CONFIGURATION,
            code="no_service",
        )
    title, body = f"{account_label(config)}: test", "a message of 'trading-bot notify test': it has arrived"
    tried = [_Tried(name=service.name, sending=service.send(title, body)) for service in services]
    _show(invocation, tried)
    if lost := [each.name for each in tried if each.sending.delivery is not Delivery.DELIVERED]:
        raise CommandError(
            f"{len(lost)} of {len(tried)} services did not take the message ({', '.join(lost)}); check address and "
            "network, then try again",
            exit_code=ExitCode.NOT_SENT,
            code="not_delivered",
        )


def _show(invocation: Invocation, tried: list[_Tried]) -> None:
    if invocation.json:
        listed = [
            {"service": each.name, "result": each.sending.delivery.value, "problem": each.sending.problem}
            for each in tried
        ]
        print_json({"v": 1, "services": listed})
        return
    rows = [(each.name, _SAID[each.sending.delivery], each.sending.problem or "-") for each in tried]
    print_table(("service", "result", "what it said"), rows, invocation=invocation)
