"""What a strategy is tested with: a broker that a test directs, a clock that it moves, and pytest fixtures of both.

What it guarantees: the bot under test is the one that trades, from `execute_trade` to its journal on disk. Only the
broker is scripted, and it stands where Robinhood's gateway stands, behind the same port. It keeps an account, so that
orders, cash and shares always agree. Nothing sleeps, nothing connects, and a test does the same every time.

How: a test says what comes in terms of outcomes (`reject`, `lose_reply`, `fill`), and the broker turns each into what
the order layer would have read off the wire. `calls` has what the bot asks, `broker` what the test says, `book` what is
true at the broker. `plugin` has the fixtures, which pytest finds by itself.

What it does not: it knows nothing of Robinhood's wire, so it proves nothing of the code that speaks it; and nothing
fills by itself, as the paper exchange's orders do.

The public names load on first use: pytest loads this package in every run, also in one that does not use it.
"""

from typing import TYPE_CHECKING

from trading_bot.late_names import late_names

if TYPE_CHECKING:
    from trading_bot.clock import VirtualClock
    from trading_bot.testing.broker import ScriptedBroker
    from trading_bot.testing.calls import CALLS
    from trading_bot.testing.errors import ScriptError
    from trading_bot.testing.mocks import mocked
    from trading_bot.testing.orders import BrokerOrder, SubmittedOrder
    from trading_bot.testing.outcomes import (
        Outcome,
        accept,
        accept_and_fill,
        accept_late,
        await_approval,
        lose_reply,
        lose_request,
        refuse_connection,
        reject,
        throttle,
    )
    from trading_bot.testing.starter import MONDAY_MORNING, BotStarter

__all__ = [
    "CALLS",
    "MONDAY_MORNING",
    "BotStarter",
    "BrokerOrder",
    "Outcome",
    "ScriptError",
    "ScriptedBroker",
    "SubmittedOrder",
    "VirtualClock",
    "accept",
    "accept_and_fill",
    "accept_late",
    "await_approval",
    "lose_reply",
    "lose_request",
    "mocked",
    "refuse_connection",
    "reject",
    "throttle",
]

_HOMES = {
    "trading_bot.clock": ("VirtualClock",),
    "trading_bot.testing.broker": ("ScriptedBroker",),
    "trading_bot.testing.calls": ("CALLS",),
    "trading_bot.testing.errors": ("ScriptError",),
    "trading_bot.testing.mocks": ("mocked",),
    "trading_bot.testing.orders": ("BrokerOrder", "SubmittedOrder"),
    "trading_bot.testing.outcomes": (
        "Outcome",
        "accept",
        "accept_and_fill",
        "accept_late",
        "await_approval",
        "lose_reply",
        "lose_request",
        "refuse_connection",
        "reject",
        "throttle",
    ),
    "trading_bot.testing.starter": ("MONDAY_MORNING", "BotStarter"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__getattr__, __dir__ = late_names(__name__, _HOME_OF, __all__)
