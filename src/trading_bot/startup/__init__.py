"""The composition root: the only place that builds concrete parts and joins them.

What it guarantees: each part is built once and gets what it needs through its constructor; building opens, locks and
sends nothing. The steps of a start and of a stop are put together here, in the order that keeps the promises: lease
before journal, journal before broker, the comparison with the broker before any command or poller.

How: `account` joins an account's parts and `journal` its journal; `bot_building` makes a bot of them, `command_access`
a command's way to the account, and `look_up` that of a command that only looks; `paper` and `live` make the transport,
the one object in which the modes differ; `kill` and `login` build what needs no bot; `surroundings` has the effects of
this machine (clock, ids, files, jitter), each of which a test replaces.

What it does not: it decides nothing while the bot runs.

The public names load on first use, as those of `trading_bot` do.
"""

from typing import TYPE_CHECKING

from trading_bot.late_names import late_names

if TYPE_CHECKING:
    from trading_bot.startup.bot_building import create_bot
    from trading_bot.startup.command_access import open_command_client
    from trading_bot.startup.look_up import account_look_up, look_up_is_enough
    from trading_bot.startup.price_look_up import price_look_up
    from trading_bot.startup.repeatable import repeatable_surroundings
    from trading_bot.startup.surroundings import Surroundings, default_surroundings

__all__ = [
    "Surroundings",
    "account_look_up",
    "create_bot",
    "default_surroundings",
    "look_up_is_enough",
    "open_command_client",
    "price_look_up",
    "repeatable_surroundings",
]

_HOME_OF = {
    "Surroundings": "trading_bot.startup.surroundings",
    "account_look_up": "trading_bot.startup.look_up",
    "create_bot": "trading_bot.startup.bot_building",
    "default_surroundings": "trading_bot.startup.surroundings",
    "look_up_is_enough": "trading_bot.startup.look_up",
    "open_command_client": "trading_bot.startup.command_access",
    "price_look_up": "trading_bot.startup.price_look_up",
    "repeatable_surroundings": "trading_bot.startup.repeatable",
}

__getattr__, __dir__ = late_names(__name__, _HOME_OF, __all__)
