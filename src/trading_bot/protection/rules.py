"""When a watched price counts, and when it has been reached. Pure: quotes and times in, a leg that fires or none out.

A price counts only from a quote that is fit: two-sided, not crossed, not too wide, not halted, in the regular session
and after its first trade. It is through only if bid and last regular trade both are, because either alone can be a
single odd print. And it fires only in the second of two such reads in a row.
"""

import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.order_management.portfolio import Quote

_HUNDRED = Decimal(100)


class Leg(enum.StrEnum):
    """What fired."""

    STOP = "stop"
    TRAIL = "trail"
    TARGET = "target"


class Unfit(enum.StrEnum):
    """Why a quote proves nothing."""

    CLOSED = "closed"  # outside the regular session
    HALTED = "halted"
    NO_BID = "no_bid"  # the bid is zero
    CROSSED = "crossed"  # the bid is above the ask
    WIDE = "wide"  # the spread is wider than allowed
    NO_LAST = "no_last"  # no last regular trade
    NOT_TRADED = "not_traded"  # no regular trade today yet, as far as the broker says


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings that the rules need; see `ProtectionConfig`."""

    confirm_s: Seconds
    max_spread_pct: Decimal
    split_pct: Decimal
    unwatched_after_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The prices of one plan that are watched, in dollars a share; None for those that are not."""

    stop: Decimal | None = None
    trail: Decimal | None = None
    target: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The first of two reads: which leg it showed through, and when; ``latest`` is when the price was read last."""

    leg: Leg
    since: Seconds
    latest: Seconds


def unfit_because(quote: Quote, *, opened_at: datetime | None, limits: Limits) -> Unfit | None:
    """Return why a quote proves nothing, or None; ``opened_at`` is when today's session began, None while closed."""
    bid, ask = quote.bid_price, quote.ask_price
    checks = (
        (Unfit.CLOSED, opened_at is None),
        (Unfit.HALTED, quote.trading_halted),
        (Unfit.NO_BID, bid <= 0),
        (Unfit.CROSSED, bid > ask),
        (Unfit.WIDE, (ask - bid) * 2 * _HUNDRED > limits.max_spread_pct * (ask + bid)),
        (Unfit.NO_LAST, quote.last_price is None or quote.last_price <= 0),
        (Unfit.NOT_TRADED, opened_at is not None and not _has_traded_since(quote, opened_at)),
    )
    return next((why for why, is_so in checks if is_so), None)


def _has_traded_since(quote: Quote, opened_at: datetime) -> bool:
    if quote.last_trade_at is not None:
        return quote.last_trade_at >= opened_at
    # Without a time, the broker's flag counts if the price is not simply that of the day before.
    return quote.has_traded is True and quote.last_price != quote.previous_close


def split_shown(quote: Quote, limits: Limits) -> str | None:
    """Return the previous close and the one adjusted for splits, where they lie too far apart to mean the same."""
    close, adjusted = quote.previous_close, quote.adjusted_previous_close
    if close is None or adjusted is None or close <= 0 or adjusted <= 0:
        return None
    is_split = abs(close - adjusted) * _HUNDRED > limits.split_pct * min(close, adjusted)
    return f"{close.normalize():f}/{adjusted.normalize():f}" if is_split else None


def leg_through(levels: Levels, quote: Quote) -> Leg | None:
    """Return the leg that bid and last trade are both through, the stop before the others."""
    if quote.last_price is None:
        return None
    low, high = min(quote.bid_price, quote.last_price), max(quote.bid_price, quote.last_price)
    if levels.stop is not None and high <= levels.stop:
        return Leg.STOP
    if levels.trail is not None and high <= levels.trail:
        return Leg.TRAIL
    if levels.target is not None and low >= levels.target:
        return Leg.TARGET
    return None


def confirmed(
    before: Confirmation | None, leg: Leg | None, *, now: Seconds, limits: Limits
) -> tuple[Confirmation | None, bool]:
    """Return what to remember of a read, and whether its leg fires; ``leg`` is None where nothing is through.

    Two reads that lie further apart than ``unwatched_after_s`` are not in a row.
    """
    if leg is None:
        return None, False
    is_next = before is not None and before.leg is leg and now - before.latest <= limits.unwatched_after_s
    if before is None or not is_next:
        return Confirmation(leg=leg, since=now, latest=now), False
    return Confirmation(leg=leg, since=before.since, latest=now), now - before.since >= limits.confirm_s


def new_high(high: Decimal | None, quote: Quote) -> Decimal | None:
    """Return the highest price with that of a fit quote: the lower one of bid and last trade, so no print alone."""
    if quote.last_price is None:
        return high
    price = min(quote.bid_price, quote.last_price)
    return price if high is None or price > high else high


def is_worth_a_record(high: Decimal, *, recorded: Decimal | None, step_pct: Decimal) -> bool:
    """Whether a new high lies so far above the one on record that it is recorded."""
    return recorded is None or (high - recorded) * _HUNDRED >= step_pct * recorded
