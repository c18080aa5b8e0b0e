"""Figures and foreign sentences inside our own: exact, and in the hand of whoever reads them."""

import shlex
from decimal import Context, Decimal

_EXACT = Context(prec=60)
_CENTS = 2
_DECISIONS = frozenset({"resolve", "adopt", "release", "accept-position", "tie-out"})
"""The commands that do nothing without a name and a reason."""
_WHO_AND_WHY = ' --by NAME --reason "..."'


def typed(*words: str) -> str:
    """Return a command as it is typed, in quotes, with who and why where only a named person may decide it.

    ``typed("exit", "TSLA")`` is ``'trading-bot exit TSLA'``.
    """
    line = shlex.join(("trading-bot", *words)) + (_WHO_AND_WHY if words[0] in _DECISIONS else "")
    quote = "`" if "'" in line else "'"
    return f"{quote}{line}{quote}"


def shares_in_words(quantity: Decimal) -> str:
    """Return a number of shares without the zeros that only say how finely the broker counts: 0E-8 is 0."""
    return f"{_EXACT.normalize(quantity):f}"


def dollars_in_words(amount: Decimal) -> str:
    """Return an amount with its cents and every further digit that counts, never in scientific notation."""
    plain = _EXACT.normalize(amount)
    exponent = plain.as_tuple().exponent
    places = max(_CENTS, -exponent) if isinstance(exponent, int) else _CENTS
    return f"{plain:.{places}f}"


def clause(text: str) -> str:
    """Return somebody else's sentence without its full stop, so that ours can go on after it."""
    return text.rstrip(" .;,") or text
