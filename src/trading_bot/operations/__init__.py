"""What an operator may tell a bot to do: one small frozen model a command, and what performs it.

What it guarantees: a command is complete and valid before anything is done; it has the same answer in whichever process
it is performed; the answer is one JSON object, or one of the order errors. `Command.may_change_orders` says which lost
answers leave an order in doubt: such a command is never repeated by itself.

How: each command is a class in the file of its family (orders, account, exits, decisions, watch) with its word in
``command`` and its work in ``perform``. That is all that a new one needs: `COMMANDS` collects the classes, and
`read_command` reads them from the wire by that word. `Operations` performs a command with the bot of this process;
`trading_bot.control` carries it to the process that holds the account. If the broker is down, `on_record` answers what
the journal knows.

What it does not: it decides nothing about an order. It calls the bot and its order manager, and turns what they return
into JSON.
"""

from trading_bot.operations.account_commands import ListPositions, Ping, Synchronize
from trading_bot.operations.command import COMMANDS, Command, CommandContext, Progress, no_progress
from trading_bot.operations.decision_commands import AcceptPosition, AdoptOrder, ReleaseSymbol, ResolveOrder
from trading_bot.operations.exit_commands import ExitPosition, Flatten, ListFreezes, ListHeld, Resume
from trading_bot.operations.order_commands import (
    CancelAll,
    CancelOrder,
    ListOrders,
    PlaceOrder,
    PreviewOrder,
    ShowStatus,
)
from trading_bot.operations.reading import new_command, read_command
from trading_bot.operations.runner import CommandRunner, Operations
from trading_bot.operations.watch_command import WatchEvents

__all__ = [
    "COMMANDS",
    "AcceptPosition",
    "AdoptOrder",
    "CancelAll",
    "CancelOrder",
    "Command",
    "CommandContext",
    "CommandRunner",
    "ExitPosition",
    "Flatten",
    "ListFreezes",
    "ListHeld",
    "ListOrders",
    "ListPositions",
    "Operations",
    "Ping",
    "PlaceOrder",
    "PreviewOrder",
    "Progress",
    "ReleaseSymbol",
    "ResolveOrder",
    "Resume",
    "ShowStatus",
    "Synchronize",
    "WatchEvents",
    "new_command",
    "no_progress",
    "read_command",
]
