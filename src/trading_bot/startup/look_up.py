"""Builds the way of a look at the account: no bot, and nothing of the broker's, is needed for it."""

from trading_bot.clock import Clock, Seconds
from trading_bot.config import Config
from trading_bot.control.look_up import LookUp
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import configured_account
from trading_bot.startup.journal_on_record import recorded_answers
from trading_bot.startup.surroundings import Surroundings, default_surroundings
from trading_bot.startup.without_effect import tell_without_effect
from trading_bot.state_folder import StateFolder, account_key

_HOLDER_SLACK_S: Seconds = 30.0
"""What a holder may need beyond its own deadlines before it is taken to be silent."""


def account_look_up(config: Config, *, clock: Clock | None = None, surroundings: Surroundings | None = None) -> LookUp:
    """Build what answers a look: the process that holds the account, else what is on record.

    Raises:
        ConfigError: live mode without an account number or with a login in the environment that cannot be used, or no
            folder to keep state in.
    """
    around = surroundings or default_surroundings(clock)
    tell_without_effect(config)
    mode = config.trading.mode
    if mode is ExecutionMode.LIVE:
        config.known_credentials()  # secrets that others can read are told of by every command
    folder = f"{mode}-{account_key(mode, configured_account(config))}"
    return LookUp(
        recorded=lambda: recorded_answers(config, around),
        control_socket=StateFolder(root=config.resolve_state_dir() / folder, files=around.files).control_socket,
        clock=around.clock,
        timeout_s=answer_timeout_s(config),
    )


def look_up_is_enough(config: Config) -> bool:
    """Whether a look can do without a bot: always, unless a paper account has a quotes file.

    Then the bot is built, because that says what is wrong with the file.
    """
    return config.trading.mode is ExecutionMode.LIVE or config.paper.quotes_file is None


def answer_timeout_s(config: Config) -> Seconds:
    """Return the longest silence of a holder that is waited for."""
    settings = config.order_management
    return settings.submit_deadline_s + settings.cancel_deadline_s + _HOLDER_SLACK_S
