"""Why an engine takes nothing, in the same words for each. ``journal`` is what the engine calls itself."""

from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.port import CommitUnknownError


def not_open(journal: object) -> OrderLogError:
    """Return what is said before `open`."""
    return OrderLogError(f"the journal {journal} is not open, because the bot does not run; call its start() first")


def forked(journal: object, *, owner: int) -> OrderLogError:
    """Return what is said to a child of the process ``owner``, which has opened it."""
    return OrderLogError(f"the journal {journal} belongs to the parent process {owner}; do not fork a running bot")


def in_doubt(journal: object, why: str) -> CommitUnknownError:
    """Return what is said after a commit of which nobody knows whether it was stored."""
    return CommitUnknownError(
        f"it is not known whether the journal {journal} has stored its last records ({why}); it takes nothing more "
        "until the bot is started again, which shows it"
    )


def damaged(journal: object, problem: object) -> OrderLogDamagedError:
    """Return what is said where the journal cannot be believed."""
    return OrderLogDamagedError(
        f"the journal {journal} is damaged ({problem}); only cancels are possible until a person has looked: run "
        "'trading-bot audit verify'"
    )


def again(refusal: OrderLogError) -> OrderLogError:
    """Return the same refusal as an error of its own: raising one object again would pile up tracebacks."""
    return type(refusal)(str(refusal))
