"""Values as text for people: safe to show at a terminal, exact in their figures."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # an error is shown by this module too, and so every start of the program loads it
    from datetime import datetime
    from decimal import Decimal
    from zoneinfo import ZoneInfo

MAX_SHOWN = 400
"""Characters of a foreign text that are shown; the journal has it whole."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, *, longest: int = MAX_SHOWN) -> str:
    """Return ``text`` on one line without anything a terminal could take as a command.

    Control, format and unassigned characters (Unicode categories C, Zl, Zp) become spaces.
    """
    cleaned = "".join(" " if unicodedata.category(each) in _INVISIBLE else each for each in text)
    return " ".join(cleaned.split())[:longest]


def dollars(amount: "Decimal | None") -> str:
    """Return an amount with thousands separators and at least cents; an absent one as a dash."""
    if amount is None:
        return "-"
    exponent = amount.normalize().as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{amount:,.{min(places, 4)}f}"


def stop_words(amount: "Decimal | None") -> str:
    """Return the stop price of an order, to stand after its symbol; nothing where it has none."""
    return "" if amount is None else f" stop {dollars(amount)}"


def average(amount: "Decimal | None") -> str:
    """Return an average price with four places, so that a column of them lines up; an absent one as a dash."""
    return "-" if amount is None else f"{amount:,.4f}"


def cents(amount: "Decimal | None") -> str:
    """Return dollars to the cent, with separators; what is not known is said to be unknown."""
    return "unknown" if amount is None else f"{amount:z,.2f}"


def signed(amount: "Decimal | None") -> str:
    """Return a gain or a loss to the cent, with its sign."""
    return "unknown" if amount is None else f"{amount:+z,.2f}"


def shares(quantity: "Decimal") -> str:
    """Return a share count without trailing zeros."""
    return f"{quantity:f}".rstrip("0").rstrip(".") if "." in f"{quantity:f}" else f"{quantity:f}"


def exchange_time(moment: "datetime", zone: "ZoneInfo") -> str:
    """Return the time of day at the exchange, with its zone."""
    return moment.astimezone(zone).strftime("%H:%M:%S %Z")
