"""How the scripted broker treats one request of the bot: whether it acts, when, and what the bot hears of it."""

import enum
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.testing.values import Number, dollars, seconds, whole


class Reply(enum.Enum):
    """What the bot hears."""

    YES = enum.auto()
    NO = enum.auto()
    NOTHING = enum.auto()  # the request left, and no answer came
    LATER = enum.auto()  # too many requests; the broker looked at none of it
    NO_CONNECTION = enum.auto()  # the request never left


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How much of an order fills as soon as it is there; None for all of it, and for its own limit."""

    quantity: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one request ends. Make one with `accept`, `reject`, `lose_reply` and so on."""

    reply: Reply
    acts_after_s: Seconds | None = None
    """Seconds until the broker does what was asked of it; None for never."""
    reason: str = ""
    retry_after_s: Seconds | None = None
    fill: Fill | None = None
    awaits_approval: bool = False
    """Whether the order does not work before the account's owner approves it."""


def accept() -> Outcome:
    """Do what is asked and say so: the order rests, or the cancel ends it."""
    return Outcome(reply=Reply.YES, acts_after_s=0)


def accept_and_fill(quantity: Number | None = None, *, at: Number | None = None) -> Outcome:
    """Take an order and fill it at once, whole or in part; ``at`` is the price in dollars a share, else its limit.

    The reply only says that the order was taken: the bot sees the fill when it reads the order next, as an exit does
    within its call.
    """
    return Outcome(
        reply=Reply.YES,
        acts_after_s=0,
        fill=Fill(
            quantity=None if quantity is None else whole(quantity, name="quantity"),
            price=None if at is None else dollars(at, name="at"),
        ),
    )


def await_approval() -> Outcome:
    """Take an order that the account's owner has to approve first: it is open and trades with nobody until then.

    See `ScriptedBroker.approve` and `ScriptedBroker.decline`.
    """
    return Outcome(reply=Reply.YES, acts_after_s=0, awaits_approval=True)


def reject(reason: str) -> Outcome:
    """Refuse with the broker's reason; nothing changes at the broker."""
    return Outcome(reply=Reply.NO, reason=reason)


def lose_reply() -> Outcome:
    """Do what is asked, and let the answer be lost. The bot finds the order when it looks for it."""
    return Outcome(reply=Reply.NOTHING, acts_after_s=0, reason="the reply was lost")


def lose_request() -> Outcome:
    """Let the request be lost on its way: the bot hears nothing, and the broker never knows of it."""
    return Outcome(reply=Reply.NOTHING, reason="no answer came")


def accept_late(after_s: Seconds) -> Outcome:
    """Let the answer be lost, and do what is asked ``after_s`` seconds later: nothing shows it before."""
    return Outcome(reply=Reply.NOTHING, acts_after_s=seconds(after_s, name="after_s"), reason="no answer came")


def throttle(retry_after_s: Seconds | None = None) -> Outcome:
    """Turn the request away because there are too many; the bot may ask again after ``retry_after_s`` seconds."""
    wait_s = None if retry_after_s is None else seconds(retry_after_s, name="retry_after_s")
    return Outcome(reply=Reply.LATER, reason="too many requests", retry_after_s=wait_s)


def refuse_connection() -> Outcome:
    """Let no connection come about for this one request; see `ScriptedBroker.go_down` for all of them."""
    return Outcome(reply=Reply.NO_CONNECTION, reason="no connection to the broker")
