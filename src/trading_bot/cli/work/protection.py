"""Sets and ends protection plans."""

import click

from trading_bot.cli.errors import notice
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import answers as words
from trading_bot.cli.session import AccountSession, show_live_banner
from trading_bot.cli.work.protections import protections
from trading_bot.operations import ProtectPosition, UnprotectPosition
from trading_bot.protection.asked import protect_of


def protect(
    invocation: Invocation,
    *,
    symbol: str | None,
    quantity: str | None,
    off: bool,
    listing: bool,
    **terms: str | None,
) -> None:
    """Set a plan, end those of a symbol, or list them all.

    Raises:
        OrderValidationError: a value can never be part of a plan.
    """
    prices = {name: terms.pop(name) for name in ("stop", "target", "trail")}
    has_terms = quantity is not None or any(price is not None for price in prices.values())
    if listing:
        if symbol is not None or off or has_terms:
            raise click.UsageError("--list stands alone; leave the rest out")
        protections(invocation)
        return
    if symbol is None:
        raise click.UsageError("name a SYMBOL, or list what is protected with --list")
    if off:
        if has_terms:
            raise click.UsageError("--off ends the protection; leave prices and quantity out")
        _end(AccountSession(invocation), symbol, terms)
        return
    by, reason = str(terms["by"]), str(terms["reason"])
    asked = protect_of(symbol, **prices, quantity=_whole(quantity), by=by, reason=reason)
    session = AccountSession(invocation)
    show_live_banner(invocation, session.config)
    answer = session.perform(ProtectPosition, {**terms, **prices, "symbol": asked.symbol, "quantity": asked.quantity})
    session.show(answer, lambda plan: (str(plan["message"]),))
    if not invocation.json and not invocation.quiet:
        for note in words.listed(answer, "notes"):
            notice(str(note), invocation)


def _end(session: AccountSession, symbol: str, terms: dict[str, str | None]) -> None:
    answer = session.perform(UnprotectPosition, {**terms, "symbol": symbol.upper()})
    session.show(answer, lambda ended: (f"{ended['symbol']} is not protected any more",))


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise click.UsageError(f"a quantity is a whole number of shares, not {text[:40]!a}")
    return int(text)
