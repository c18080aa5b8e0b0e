"""How much of each limit is used now. Pure."""

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from trading_bot.config.risk_settings import RiskManagementConfig
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.models import EXACT
from trading_bot.risk.breaker import BreakerTrips
from trading_bot.risk.exposure import Exposure
from trading_bot.risk.in_force import LimitsInForce
from trading_bot.risk.watch import RiskState, RiskWatch

_HUNDRED = Decimal(100)
_ONE = Decimal(1)
NOTHING = Decimal(0)


class Unit(enum.StrEnum):
    """What a limit is counted in."""

    DOLLARS = "dollars"
    COUNT = "count"
    SYMBOLS = "symbols"


class EndsWith(enum.StrEnum):
    """What lets entries go on where a limit stops them."""

    SETTING = "setting"  # the list is changed
    DAY = "day"  # the next exchange day
    ARM = "arm"  # `trading-bot arm`
    MINUTE = "minute"  # by itself
    ORDER_END = "order_end"  # an open order ends
    SMALLER = "smaller"  # a smaller order, or a sale


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """One limit, by the name of its setting in ``risk_management``."""

    name: str
    code: str
    """Of the refusal."""
    unit: Unit
    ends_with: EndsWith
    used: Decimal | int | None = None
    """Dollars or a number, as ``limit``; None for what each order is held against by itself."""
    limit: Decimal | int | None = None
    """None where there is no limit, or for a list of symbols."""
    symbol: str | None = None
    """The symbol that ``used`` is about, where it is about one."""
    stops_all: bool = False
    """Whether no entry at all is taken once it is reached."""

    @property
    def per_cent(self) -> int | None:
        """Whole per cent of the limit that are used, rounded down; None without a limit or a use."""
        if self.used is None or self.limit is None:
            return None
        part = EXACT.divide(EXACT.multiply(Decimal(self.used), _HUNDRED), Decimal(self.limit))
        return int(part.quantize(_ONE, ROUND_FLOOR, EXACT))

    @property
    def is_reached(self) -> bool:
        """Whether it stops every entry now."""
        return self.stops_all and self.used is not None and self.limit is not None and self.used >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsNow:
    """The limits of one moment, and what their use rests on."""

    in_force: LimitsInForce
    uses: tuple[LimitUse, ...]
    state: RiskState
    exposure: Exposure
    trips: BreakerTrips


def limits_now(in_force: LimitsInForce, watch: RiskWatch, active: Collection[TrackedOrder]) -> LimitsNow:
    """Return how much is used of each limit; ``active`` are the orders that have not provably ended."""
    exposure, state = watch.exposure(active), watch.state()
    uses = limit_uses(in_force.limits, state, open_orders=len(active), exposure=exposure)
    return LimitsNow(in_force=in_force, uses=uses, state=state, exposure=exposure, trips=watch.trips())


def limit_uses(
    limits: RiskManagementConfig, state: RiskState, *, open_orders: int, exposure: Exposure
) -> tuple[LimitUse, ...]:
    """Return every limit of ``risk_management`` in the order in which an entry is held against them."""
    return (*_lists(), *_counts(limits, state, open_orders), *_dollars(limits, exposure))


def _lists() -> Iterator[LimitUse]:
    for name, code in (("deny_symbols", "symbol_denied"), ("allow_symbols", "symbol_not_allowed")):
        yield LimitUse(name=name, code=code, unit=Unit.SYMBOLS, ends_with=EndsWith.SETTING)


def _counts(limits: RiskManagementConfig, state: RiskState, open_orders: int) -> Iterator[LimitUse]:
    yield LimitUse(
        name="max_daily_loss",
        code="risk_halt",
        unit=Unit.DOLLARS,
        ends_with=EndsWith.DAY,
        limit=limits.max_daily_loss,
        used=_loss(state),
        stops_all=True,
    )
    counts = (
        ("max_consecutive_losses", "risk_halt", EndsWith.ARM, state.consecutive_losses),
        ("max_trades_per_day", "max_trades_per_day", EndsWith.DAY, state.trades_today),
        ("max_entries_per_minute", "max_entries_per_minute", EndsWith.MINUTE, state.entries_last_minute),
        ("max_open_orders", "max_open_orders", EndsWith.ORDER_END, open_orders),
    )
    for name, code, ends, used in counts:
        limit = getattr(limits, name)
        yield LimitUse(name=name, code=code, unit=Unit.COUNT, ends_with=ends, limit=limit, used=used, stops_all=True)


def _loss(state: RiskState) -> Decimal:
    """Return the loss as `RiskWatch` holds it against its limit: a gain that is not realised excuses none."""
    both = EXACT.add(state.realised_today, state.unrealised_today)
    return max(NOTHING, EXACT.minus(state.realised_today), EXACT.minus(both))


def _dollars(limits: RiskManagementConfig, exposure: Exposure) -> Iterator[LimitUse]:
    symbol, largest = exposure.largest or (None, NOTHING)
    uses = (
        ("max_order_notional", None, None),
        ("max_position_notional", largest, symbol),
        ("max_gross_exposure", exposure.total, None),
    )
    for name, used, about in uses:
        yield LimitUse(
            name=name,
            code=name,
            unit=Unit.DOLLARS,
            ends_with=EndsWith.SMALLER,
            limit=getattr(limits, name),
            used=used,
            symbol=about,
        )
