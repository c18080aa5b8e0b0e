"""How many shares of a symbol may be sold: one rule, from the numbers that it rests on. Pure.

Free = min(what our fills explain, the last complete look at the position carried on by our fills since it began)
minus the larger of the broker's holds and the open sells that are known, minus unknown sells. Fills since the look
*began* are carried on because the look may or may not show them: a sell is then taken off once too often for a while,
and never once too seldom.
"""

from dataclasses import dataclass
from decimal import Decimal

from trading_bot.clock import Moment
from trading_bot.order_management.book.position_watch import NOTHING, in_words
from trading_bot.order_management.models import EXACT
from trading_bot.prose import typed
from trading_bot.values import Value

LATEST_LOOK_S = 60.0
"""How old positions and open orders may be for a sell, where the account could go short."""


class Shares(Value, frozen=True, kw_only=True):
    """What is known of the shares of one symbol."""

    symbol: str
    expected: Decimal
    """What our fills explain."""
    held: Decimal | None
    """What the broker showed at the last complete look, carried on by our fills since that look began; None where
    there was none in this session, or where the row could not be read."""
    held_back: Decimal
    """What the broker held back for sells, options and grants at that look."""
    promised: Decimal
    """What open sells may still take: ours, those in doubt, and those placed elsewhere."""
    unknown_sell: str | None = None
    """An open order placed elsewhere that may sell nobody knows how many."""
    looked: Moment | None = None
    """When the look began that ``held`` rests on; None where there is no such look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandCount:
    """The number of shares that a person saw at the broker, and what our fills explained at that moment."""

    held: Decimal
    expected: Decimal
    is_first: bool
    """Whether the journal knew nothing of the position then."""

    def carried_on(self, expected: Decimal) -> Decimal:
        """Return the count with our fills since, where they explain ``expected`` now."""
        return EXACT.add(self.held, EXACT.subtract(expected, self.expected))


class Free(Value, frozen=True, kw_only=True):
    """The shares that may be sold, and the numbers that explain it."""

    symbol: str
    quantity: Decimal
    """Never below zero."""
    held: Decimal | None
    expected: Decimal
    held_back: Decimal
    promised: Decimal
    unknown_sell: str | None = None
    looked: Moment | None = None
    """When the look began that ``held`` rests on; None where there is no such look."""
    not_sure_because: str | None = None
    """Why no sell may rest on these numbers as they are; None where one may."""

    def in_words(self) -> str:
        """Return the numbers in a sentence's end, with what to do where they do not agree."""
        if self.held is None:
            return f"the position in {self.symbol} is not known ({self.not_sure_because or 'it was not read'})"
        if self.held < 0:
            short = in_words(self.held.copy_negate())
            return (
                f"the account is {short} shares short; cover it at the broker, then run "
                f"{typed('accept-position', self.symbol)}"
            )
        if not self.held and not self.expected:
            return f"no {self.symbol} is held, and nothing is sold short; sell what is held"
        parts = [f"the broker shows {in_words(self.held)}", f"our fills explain {in_words(self.expected)}"]
        if self.held_back or self.promised:
            parts.append(
                f"{in_words(self.held_back)} are held back there and {in_words(self.promised)} promised to open sells"
            )
        if self.unknown_sell is not None:
            parts.append(f"the {self.unknown_sell} placed elsewhere may sell any number")
        text = ", ".join(parts)
        if self.held == self.expected:
            return f"{text}; sell less, or cancel a resting sell first"
        return f"{text}; if the broker is right, run {typed('accept-position', self.symbol)}"


def free_shares(shares: Shares, *, not_sure_because: str | None = None) -> Free:
    """Apply the rule."""
    quantity = NOTHING
    if shares.held is not None and shares.unknown_sell is None:
        least = min(shares.held, shares.expected)
        quantity = max(NOTHING, EXACT.subtract(least, max(shares.held_back, shares.promised)))
    return Free(
        symbol=shares.symbol,
        quantity=quantity,
        held=shares.held,
        expected=shares.expected,
        held_back=shares.held_back,
        promised=shares.promised,
        unknown_sell=shares.unknown_sell,
        looked=shares.looked,
        not_sure_because=not_sure_because,
    )
