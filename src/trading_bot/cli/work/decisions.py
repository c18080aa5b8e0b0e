"""Records what a named person decides about an order, a symbol or the account."""

import click

from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.render.answers import Answer
from trading_bot.cli.session import AccountSession
from trading_bot.operations import AcceptPosition, AdoptOrder, ListFreezes, ReleaseSymbol, ResolveOrder, Resume


def resolve(invocation: Invocation, *, order_id: str, found_as: str | None, by: str, **decided: object) -> None:
    """End the doubt about an order."""
    session = AccountSession(invocation)
    answer = session.perform(ResolveOrder, {"id": order_id, "order_id": found_as, "by": by, **decided})
    session.show(answer, lambda order: (f"order {order['client_order_id']} is {order['state']}, decided by {by}",))


def adopt(invocation: Invocation, *, order_id: str, by: str, reason: str) -> None:
    """Track an order that has our mark."""
    session = AccountSession(invocation)
    answer = session.perform(AdoptOrder, {"order_id": order_id, "by": by, "reason": reason})
    session.show(answer, lambda order: (f"order {order['order_id']} is tracked as {order['client_order_id']}",))


def release(invocation: Invocation, *, symbol: str, by: str, reason: str) -> None:
    """Release a frozen symbol."""
    session = AccountSession(invocation)
    answer = session.perform(ReleaseSymbol, {"symbol": symbol, "by": by, "reason": reason})
    session.show(answer, lambda released: (f"{released['symbol']} is released",))


def accept_position(invocation: Invocation, *, symbol: str, ratio: str | None, by: str, reason: str) -> None:
    """Take the broker's position as right."""
    session = AccountSession(invocation)
    answer = session.perform(AcceptPosition, {"symbol": symbol, "ratio": ratio, "by": by, "reason": reason})
    split = "" if ratio is None else f" after a split of {ratio}"
    session.show(answer, lambda position: (f"{position['symbol']}: {position['quantity']} shares are accepted{split}",))


def resume(invocation: Invocation, *, symbol: str | None, everything: bool, by: str, reason: str) -> None:
    """Take entries again, and say what still stops them."""
    if (symbol is None) is not everything:
        raise click.UsageError("name a symbol, or give --all")
    session = AccountSession(invocation)
    answer = session.perform(Resume, {"symbol": symbol, "by": by, "reason": reason})
    freezes = words.parts(session.perform(ListFreezes, says_how_old=False), "freezes")
    waiting = [each for each in freezes if _concerns(each, answer)]
    session.show(answer, lambda done: (_resumed(done, waiting),))


def _concerns(freeze: Answer, resumed: Answer) -> bool:
    return freeze["symbol"] is None or freeze["symbol"] in words.listed(resumed, "resumed")


def _resumed(done: Answer, waiting: list[Answer]) -> str:
    names = ", ".join(map(str, words.listed(done, "resumed")))
    if not waiting:
        return f"entries are taken again: {names}"
    still = "; ".join(f"{each['symbol'] or 'the account'}: {each['reason']}; {each['remedy']}" for each in waiting)
    return f"resumed: {names}; entries still wait: {still}"
