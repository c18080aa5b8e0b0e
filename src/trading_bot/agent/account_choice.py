"""Which account the agent interface may trade: the one that the broker allows it, and no other. Pure."""

from collections.abc import Sequence

from trading_bot.robinhood.fields import word

_SHOWN = 4


def account_problem(for_agents: Sequence[str], account_number: str) -> str | None:
    """Return why ``account_number`` may not be traded where the broker allows ``for_agents``, with what to do."""
    ours = _shown(account_number)
    if not for_agents:
        return (
            "the broker allows the agent interface no account of this login; open the account for agents in the "
            "broker's app and log in again, allowing the access to it"
        )
    if len(for_agents) > 1:
        named = ", ".join(map(_shown, for_agents))
        return (
            f"the broker allows the agent interface several accounts ({named}), so it cannot be told which one is "
            "meant; leave one in the broker's app"
        )
    if word(for_agents[0]) != word(account_number):
        return (
            f"the broker allows the agent interface the account {_shown(for_agents[0])} and not {ours}; set "
            "account_number to that account, or gateway to private"
        )
    return None


def _shown(account_number: str) -> str:
    return f"...{account_number[-_SHOWN:]}"
