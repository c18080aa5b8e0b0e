"""The collar: how far an order may reach through the market, decided from one quote. Pure.

A reference price with a digit too many is a limit far through the market, and the broker fills it. So an entry may
cross the visible market by a few per cent at most, and only where a quote shows what the market is. An exit has no
collar: its caller does not ask for one.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.models import EXACT, OrderTerms, Side

if TYPE_CHECKING:
    from trading_bot.order_management.portfolio import Quote

NO_QUOTE = "no_usable_quote"
SYMBOL_HALTED = "symbol_halted"
OUTSIDE_COLLAR = "outside_collar"

_PER_CENT = Decimal(100)
_TWO = Decimal(2)
_REMEDY = "an entry needs a current quote: try again in a moment; held shares can be sold without one"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollarRules:
    """Widths in per cent. ``low_price_pct`` holds below ``low_price_below`` dollars, in every session."""

    regular_pct: Decimal
    extended_pct: Decimal
    low_price_pct: Decimal
    low_price_below: Decimal
    max_quote_age_s: Seconds
    max_mid_from_last_pct: Decimal

    def width_pct(self, mid: Decimal, *, extended: bool) -> Decimal:
        """Return the width for a share worth about ``mid`` dollars."""
        width = self.extended_pct if extended else self.regular_pct
        return max(width, self.low_price_pct) if mid < self.low_price_below else width


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLook:
    """A quote, and when the read that brought it began: its age counts from there, not from the venue's time."""

    quote: "Quote"
    began: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why an entry is refused: a code for programs, a sentence for people."""

    code: str
    reason: str


def why_not_at_market(
    terms: OrderTerms, look: QuoteLook | None, *, rules: CollarRules, extended: bool, clock: Clock
) -> Objection | None:
    """Return why an entry of these terms is refused, or None.

    The quote must be two-sided, uncrossed, read within ``max_quote_age_s``, with a spread of twice the width at most
    and a middle near the last trade. Only the aggressive side is bounded: a buy above the ask, a sell below the bid.
    """
    if look is None:
        return Objection(code=NO_QUOTE, reason=f"{terms.symbol}: the broker shows no market on both sides; {_REMEDY}")
    if look.quote.trading_halted:
        return Objection(
            code=SYMBOL_HALTED,
            reason=f"{terms.symbol}: trading in it is halted; buy when it goes on. {_shown(look.quote)}",
        )
    width = rules.width_pct(_mid(look.quote), extended=extended)
    fault = _fault(look, rules=rules, width=width, extended=extended, clock=clock)
    if fault is not None:
        return Objection(code=NO_QUOTE, reason=f"{terms.symbol}: {fault}; {_REMEDY}. {_shown(look.quote)}")
    return _beyond(terms, look.quote, width)


def _fault(look: QuoteLook, *, rules: CollarRules, width: Decimal, extended: bool, clock: Clock) -> str | None:
    quote, mid = look.quote, _mid(look.quote)
    last = (quote.last_extended_price if extended else None) or quote.last_price
    if quote.bid_price > quote.ask_price:
        return "its bid is above its ask"
    if look.began.age_s(clock) > rules.max_quote_age_s:
        return f"its quote was asked for more than {rules.max_quote_age_s:g} s ago"
    if _pct(EXACT.subtract(quote.ask_price, quote.bid_price), mid) > EXACT.multiply(_TWO, width):
        return f"its spread is wider than {EXACT.multiply(_TWO, width)}%"
    if last is None:
        return "its quote names no last trade"
    if _pct(EXACT.abs(EXACT.subtract(mid, last)), last) > rules.max_mid_from_last_pct:
        return f"its quote is more than {rules.max_mid_from_last_pct}% away from the last trade at {last}"
    return None


def _beyond(terms: OrderTerms, quote: "Quote", width: Decimal) -> Objection | None:
    share = EXACT.divide(width, _PER_CENT)
    if terms.side is Side.BUY:
        most = EXACT.multiply(quote.ask_price, EXACT.add(Decimal(1), share))
        is_beyond, side, bound = terms.limit_price > most, "above the ask", most
    else:
        least = EXACT.multiply(quote.bid_price, EXACT.subtract(Decimal(1), share))
        is_beyond, side, bound = terms.limit_price < least, "below the bid", least
    if not is_beyond:
        return None
    return Objection(
        code=OUTSIDE_COLLAR,
        reason=(
            f"{terms.symbol}: a limit of {terms.limit_price} is more than {width}% {side} (bound {bound:.4f}); check "
            f"the reference price. {_shown(quote)}"
        ),
    )


def _mid(quote: "Quote") -> Decimal:
    return EXACT.divide(EXACT.add(quote.bid_price, quote.ask_price), _TWO)


def _pct(part: Decimal, whole: Decimal) -> Decimal:
    return EXACT.divide(EXACT.multiply(part, _PER_CENT), whole)


def _shown(quote: "Quote") -> str:
    at = quote.updated_at
    when = f"at the venue {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "without a time of the venue's"
    return f"Quote: {quote.bid_price} to {quote.ask_price}, {when}"
