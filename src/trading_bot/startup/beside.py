"""What goes beside a bot that runs in the background: the one list of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from trading_bot.bot import TradingBot
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import Gateway
from trading_bot.safety_checks import SafetyChecks
from trading_bot.startup.companions import Companion
from trading_bot.startup.results import daily_tie_out, valuations
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What companions are made from; settings, clock and events are the bot's own."""

    bot: TradingBot
    around: Surroundings
    state: StateFolder
    store: OrderStore
    safety: SafetyChecks
    gateway: Gateway


def companions_of(beside: Beside) -> Mapping[str, Companion]:
    """Return every companion that the settings ask for, by what the log calls it."""
    return {
        "valuations": valuations(beside.bot, beside.store, beside.around.clock),
        "tie-out": daily_tie_out(beside.bot, beside.store, beside.around),
    }
