"""The limits of an order, a position, the account and a day. Entries are held against them, exits never."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from trading_bot.caller_values import ticker
from trading_bot.config.sections import Section
from trading_bot.config.values import Duration, ExactDecimal, Switch, WholeNumber
from trading_bot.order_management.calculator import is_ticker

_MOST_DOLLARS = 1_000_000_000
_MOST_SYMBOLS = 10_000
_MOST_WARNINGS = 5

LIVE_LIMITS: Mapping[str, Decimal] = MappingProxyType(
    {"max_order_notional": Decimal(500), "max_position_notional": Decimal(2000)}
)
"""Dollars of an order and of a position in live mode where the user has set no limit, or no canary has passed yet."""


def _parts(value: object) -> object:
    # The environment has text alone: words with commas between them.
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _symbols(value: object) -> tuple[str, ...]:
    parts = _parts(value)
    names = [ticker(part) for part in parts] if isinstance(parts, list | tuple) else [None]
    if not all(isinstance(name, str) and is_ticker(name) for name in names) or len(names) > _MOST_SYMBOLS:
        raise ValueError('must be a list of symbols such as ["AAPL", "BRK.B"]')
    return tuple(dict.fromkeys(str(name) for name in names))


def _warnings(value: object) -> object:
    parts = _parts(value)
    return tuple(parts) if isinstance(parts, list) else parts


def _ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    if list(value) != sorted(set(value)):
        raise ValueError("must be in ascending order, each once")
    return value


Symbols: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_symbols)]
_Dollars: TypeAlias = Annotated[ExactDecimal, Field(gt=0, le=_MOST_DOLLARS)]
_PerCent: TypeAlias = Annotated[WholeNumber, Field(ge=1, le=99)]


class RiskManagementConfig(Section):
    """Limits of an order, a position and a day, null for none; ``account_cache_ttl_s`` is how old account data may be.

    Notionals, the exposure and ``max_daily_loss`` are in dollars; a day is an exchange day. Live, a notional that
    nobody has set is the smaller one of `LIVE_LIMITS`.
    """

    max_order_notional: _Dollars | None = Decimal(25_000)
    max_position_notional: _Dollars | None = Decimal(50_000)
    max_gross_exposure: _Dollars | None = None
    max_daily_loss: _Dollars | None = Decimal(1000)
    max_consecutive_losses: Annotated[WholeNumber, Field(ge=1, le=1000)] | None = 5
    max_trades_per_day: Annotated[WholeNumber, Field(ge=1, le=100_000)] | None = 100
    max_entries_per_minute: Annotated[WholeNumber, Field(ge=1, le=10_000)] | None = 60
    max_open_orders: Annotated[WholeNumber, Field(ge=1, le=1000)] | None = 50
    allow_symbols: Symbols | None = None
    deny_symbols: Symbols = ()
    warn_at_pct: Annotated[
        tuple[_PerCent, ...], Field(max_length=_MOST_WARNINGS), BeforeValidator(_warnings), AfterValidator(_ascending)
    ] = (70, 90)
    allow_margin: Switch = False
    account_cache_ttl_s: Annotated[Duration, Field(ge=0, le=300)] = 60


def with_live_limits(values: object) -> object:
    """Return the ``risk_management`` of a live configuration, read or not, with the limits that nobody has set."""
    if isinstance(values, Mapping):
        return {**LIVE_LIMITS, **values}
    if isinstance(values, RiskManagementConfig):
        unset = {name: limit for name, limit in LIVE_LIMITS.items() if name not in values.model_fields_set}
        return values.model_copy(update=unset)
    return values
