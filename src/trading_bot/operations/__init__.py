"""What an operator may tell a bot to do: one small frozen model a command, and what performs it.

What it guarantees: a command is complete and valid before anything is done; it has the same answer in whichever process
it is performed; the answer is one JSON object, or one of the order errors. `Command.may_change_orders` says which lost
answers leave an order in doubt: such a command is never repeated by itself.

How: each command is a class in the file of its family (looks, view, orders, account, exits, decisions, prices, watch)
with its word in ``command`` and its work in ``perform``. That is all that a new one needs: `COMMANDS` collects the
classes, and `read_command` reads them from the wire by that word. `Operations` performs a command with the bot of this
process;
`trading_bot.control` carries it to the process that holds the account. If the broker is down, `on_record` answers what
the journal knows.

What it does not: it decides nothing about an order. It calls the bot and its order manager, and turns what they return
into JSON.

The public names load on first use, as those of `trading_bot` do: a look at what is on record needs no bot.
"""

from typing import TYPE_CHECKING

from trading_bot.late_names import late_names

if TYPE_CHECKING:
    from trading_bot.operations.account_commands import Ping, Synchronize
    from trading_bot.operations.broker_command import ShowBroker
    from trading_bot.operations.command import Command, CommandContext, Progress, no_progress
    from trading_bot.operations.decision_commands import AcceptPosition, AdoptOrder, ReleaseSymbol, ResolveOrder
    from trading_bot.operations.exit_commands import ExitPosition, Flatten, ListHeld, Resume
    from trading_bot.operations.look_ups import (
        ListFreezes,
        ListOrders,
        ListPositions,
        ListProtections,
        ShowStatus,
    )
    from trading_bot.operations.making import new_command
    from trading_bot.operations.order_commands import CancelAll, CancelOrder, PlaceOrder, PreviewOrder, ReplaceOrder
    from trading_bot.operations.price_commands import ShowHistory, ShowQuotes
    from trading_bot.operations.protection_commands import ProtectPosition, UnprotectPosition
    from trading_bot.operations.reading import COMMANDS, read_command
    from trading_bot.operations.results_commands import AcceptTieOut, CheckTieOut, ShowAccount
    from trading_bot.operations.risk_commands import ShowRisk
    from trading_bot.operations.runner import CommandRunner, Operations
    from trading_bot.operations.stop_command import AskToStop
    from trading_bot.operations.view_command import ShowView
    from trading_bot.operations.watch_command import WatchEvents

__all__ = [
    "COMMANDS",
    "AcceptPosition",
    "AcceptTieOut",
    "AdoptOrder",
    "AskToStop",
    "CancelAll",
    "CancelOrder",
    "CheckTieOut",
    "Command",
    "CommandContext",
    "CommandRunner",
    "ExitPosition",
    "Flatten",
    "ListFreezes",
    "ListHeld",
    "ListOrders",
    "ListPositions",
    "ListProtections",
    "Operations",
    "Ping",
    "PlaceOrder",
    "PreviewOrder",
    "Progress",
    "ProtectPosition",
    "ReleaseSymbol",
    "ReplaceOrder",
    "ResolveOrder",
    "Resume",
    "ShowAccount",
    "ShowBroker",
    "ShowHistory",
    "ShowQuotes",
    "ShowRisk",
    "ShowStatus",
    "ShowView",
    "Synchronize",
    "UnprotectPosition",
    "WatchEvents",
    "new_command",
    "no_progress",
    "read_command",
]

_HOMES = {
    "trading_bot.operations.account_commands": ("Ping", "Synchronize"),
    "trading_bot.operations.broker_command": ("ShowBroker",),
    "trading_bot.operations.command": ("Command", "CommandContext", "Progress", "no_progress"),
    "trading_bot.operations.decision_commands": ("AcceptPosition", "AdoptOrder", "ReleaseSymbol", "ResolveOrder"),
    "trading_bot.operations.exit_commands": ("ExitPosition", "Flatten", "ListHeld", "Resume"),
    "trading_bot.operations.look_ups": (
        "ListFreezes",
        "ListOrders",
        "ListPositions",
        "ListProtections",
        "ShowStatus",
    ),
    "trading_bot.operations.making": ("new_command",),
    "trading_bot.operations.order_commands": (
        "CancelAll",
        "CancelOrder",
        "PlaceOrder",
        "PreviewOrder",
        "ReplaceOrder",
    ),
    "trading_bot.operations.protection_commands": ("ProtectPosition", "UnprotectPosition"),
    "trading_bot.operations.price_commands": ("ShowHistory", "ShowQuotes"),
    "trading_bot.operations.reading": ("COMMANDS", "read_command"),
    "trading_bot.operations.results_commands": ("AcceptTieOut", "CheckTieOut", "ShowAccount"),
    "trading_bot.operations.risk_commands": ("ShowRisk",),
    "trading_bot.operations.runner": ("CommandRunner", "Operations"),
    "trading_bot.operations.stop_command": ("AskToStop",),
    "trading_bot.operations.view_command": ("ShowView",),
    "trading_bot.operations.watch_command": ("WatchEvents",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__getattr__, __dir__ = late_names(__name__, _HOME_OF, __all__)
