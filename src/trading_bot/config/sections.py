"""The sections of the configuration: every field with its default and its range."""

import enum
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    WrapSerializer,
    model_validator,
)

from trading_bot.config.problems import ConfigError, problems_in
from trading_bot.config.values import (
    ClockTime,
    Duration,
    ExactDecimal,
    PlainPath,
    StrategyName,
    Switch,
    WholeNumber,
    Zone,
    exchange_zone,
)
from trading_bot.market_hours import NYSE_CLOSE, NYSE_OPEN, Calendar, MarketHours
from trading_bot.order_management.models import ExecutionMode, Pricing
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig
from trading_bot.order_management.submit.collar import CollarRules
from trading_bot.order_management.unfilled_rules import UnfilledAction, UnfilledRule

_MOST_DOLLARS = 1_000_000_000
_MOST_OFFSET = 1000
_MOST_SLIPPAGE_PCT = 10
_MOST_COLLAR_PCT = 10


class OnStop(enum.StrEnum):
    """What becomes of open orders when the bot stops."""

    LEAVE = "leave"
    CANCEL = "cancel"


class Section(BaseModel):
    """A group of settings: fixed once read, and without room for misspelt names."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class HoursConfig(Section):
    """The regular session, in wall-clock time of ``timezone``."""

    start_time: ClockTime = NYSE_OPEN
    end_time: ClockTime = NYSE_CLOSE
    timezone: Zone = Field(default_factory=exchange_zone)

    @model_validator(mode="after")
    def _end_follows_start(self) -> Self:
        if self.end_time <= self.start_time:
            raise ValueError("must have its end_time after its start_time, on the same day")
        return self


class TradingConfig(Section):
    """Where orders go, and when."""

    mode: ExecutionMode = ExecutionMode.PAPER
    calendar: Calendar | None = None
    hours: HoursConfig = Field(default_factory=HoursConfig)
    queue_for_open: Switch = False

    @property
    def effective_calendar(self) -> Calendar:
        """The calendar in force: the configured one, else always open on paper and the exchange's own live."""
        if self.calendar is not None:
            return self.calendar
        return Calendar.NYSE if self.mode is ExecutionMode.LIVE else Calendar.ALWAYS_OPEN

    @property
    def market_hours(self) -> MarketHours:
        """The sessions that calendar and hours describe."""
        return MarketHours(
            calendar=self.effective_calendar,
            start_time=self.hours.start_time,
            end_time=self.hours.end_time,
            timezone=self.hours.timezone,
        )

    @model_validator(mode="after")
    def _hours_meet_the_calendar(self) -> Self:
        _ = self.market_hours  # refuses hours that leave no session
        return self


class QuotesFrom(enum.StrEnum):
    """Where the paper exchange takes its prices from, unless a file of recorded quotes is named."""

    GENERATED = "generated"
    LIVE = "live"


class PaperWire(enum.StrEnum):
    """Which of the broker's interfaces the paper exchange speaks."""

    PRIVATE = "private"
    AGENT = "agent"


class PaperConfig(Section):
    """The exchange in a box. ``quotes_file`` replays recorded quotes instead of generated or live ones."""

    starting_cash: Annotated[ExactDecimal, Field(gt=0, le=_MOST_DOLLARS)] = Decimal(100_000)
    seed: Annotated[WholeNumber, Field(ge=0, lt=2**32)] = 7
    quotes: QuotesFrom = QuotesFrom.GENERATED
    quotes_file: PlainPath | None = None
    wire: PaperWire = PaperWire.PRIVATE

    @property
    def has_live_quotes(self) -> bool:
        """Whether the exchange trades on the real market."""
        return self.quotes is QuotesFrom.LIVE and self.quotes_file is None

    @model_validator(mode="after")
    def _one_market(self) -> Self:
        if self.quotes is QuotesFrom.LIVE and self.quotes_file is not None:
            raise ValueError("must have either quotes live or a quotes_file, not both")
        return self


UnfilledTimeout = Annotated[Duration, Field(ge=0, le=86_400)]
"""Seconds; zero is no time-out."""


class StrategyOverride(Section):
    """What one strategy does differently; null keeps the global value."""

    offset_mode: OffsetMode | None = None
    buy_offset: Annotated[ExactDecimal, Field(ge=0, le=_MOST_OFFSET)] | None = None
    sell_offset: Annotated[ExactDecimal, Field(ge=0, le=_MOST_OFFSET)] | None = None
    pricing: Pricing | None = None
    max_slippage_pct: Annotated[ExactDecimal, Field(gt=0, le=_MOST_SLIPPAGE_PCT)] | None = None
    unfilled_timeout_s: UnfilledTimeout | None = None
    unfilled_action: UnfilledAction | None = None

    @property
    def has_both_offsets(self) -> bool:
        """Whether buys and sells are both given an offset here."""
        return self.buy_offset is not None and self.sell_offset is not None


def _as_plain_dict(value: Mapping[str, StrategyOverride], handler: SerializerFunctionWrapHandler) -> object:
    return handler(dict(value))


StrategyOverrides = Annotated[
    Mapping[StrategyName, StrategyOverride], AfterValidator(MappingProxyType), WrapSerializer(_as_plain_dict)
]


class CollarConfig(Section):
    """How far a live entry may reach through the market, and what quote is good enough to tell.

    Widths are in per cent of the ask for a buy, of the bid for a sell; ``low_price_below`` is in dollars.
    """

    regular_pct: Annotated[ExactDecimal, Field(gt=0, le=_MOST_COLLAR_PCT)] = Decimal(1)
    extended_pct: Annotated[ExactDecimal, Field(gt=0, le=_MOST_COLLAR_PCT)] = Decimal(2)
    low_price_pct: Annotated[ExactDecimal, Field(gt=0, le=_MOST_COLLAR_PCT)] = Decimal(3)
    low_price_below: Annotated[ExactDecimal, Field(ge=0, le=1000)] = Decimal(3)
    max_quote_age_s: Annotated[Duration, Field(ge=1, le=60)] = 5
    max_mid_from_last_pct: Annotated[ExactDecimal, Field(gt=0, le=50)] = Decimal(5)

    @property
    def rules(self) -> CollarRules:
        """The same as the order layer takes it."""
        return CollarRules(
            regular_pct=self.regular_pct,
            extended_pct=self.extended_pct,
            low_price_pct=self.low_price_pct,
            low_price_below=self.low_price_below,
            max_quote_age_s=self.max_quote_age_s,
            max_mid_from_last_pct=self.max_mid_from_last_pct,
        )


_NO_OVERRIDE = StrategyOverride()


class OrderManagementConfig(Section):
    """Prices, attempts and waits of orders.

    Offsets are in basis points of the reference price, or in dollars when ``offset_mode`` is ``absolute``; durations
    are in seconds; ``max_attempts`` counts calls in total.
    """

    offset_mode: OffsetMode = OffsetMode.BPS
    buy_offset: Annotated[ExactDecimal, Field(ge=0, le=_MOST_OFFSET)] = Decimal(15)
    sell_offset: Annotated[ExactDecimal, Field(ge=0, le=_MOST_OFFSET)] = Decimal(10)
    pricing: Pricing = Pricing.PASSIVE
    max_slippage_pct: Annotated[ExactDecimal, Field(gt=0, le=_MOST_SLIPPAGE_PCT)] = Decimal("0.5")
    poll_interval_seconds: Annotated[Duration, Field(ge=1, le=3600)] = 15
    max_attempts: Annotated[WholeNumber, Field(ge=1, le=5)] = 3
    intent_ttl_s: Annotated[Duration, Field(ge=1, le=60)] = 10
    submit_deadline_s: Annotated[Duration, Field(ge=1, le=120)] = 20
    retry_initial_delay_s: Annotated[Duration, Field(gt=0, le=60)] = 0.5
    retry_max_delay_s: Annotated[Duration, Field(gt=0, le=60)] = 5
    duplicate_window_s: Annotated[Duration, Field(ge=0, le=3600)] = 10
    max_pending_per_side: Annotated[WholeNumber, Field(ge=1, le=100)] = 1
    cancel_deadline_s: Annotated[Duration, Field(ge=1, le=300)] = 30
    request_timeout_s: Annotated[Duration, Field(ge=1, le=60)] = 10
    """How long one read of the broker may take, its repetitions, waits and pages included, and one attempt to submit or
    to cancel. A synchronisation has two minutes for all its reads together."""
    broker_dedupes_ref_id: Switch = False
    """Without effect over the agent interface: there no order in doubt is sent again."""
    order_form_version: Annotated[WholeNumber, Field(ge=1, le=99)] = 4
    on_stop: OnStop = OnStop.LEAVE
    journal_max_bytes: Annotated[WholeNumber, Field(ge=65_536, le=1_073_741_824)] = 16_777_216
    """Without effect since 0.2: the journal is a database."""
    trades_max_bytes: Annotated[WholeNumber, Field(ge=65_536, le=1_073_741_824)] = 16_777_216
    collar: CollarConfig = Field(default_factory=CollarConfig)
    unfilled_timeout_s: UnfilledTimeout | None = None
    """How long an entry may work without a fill; None or zero for ever. Exits and stops have no time-out."""
    unfilled_action: UnfilledAction = UnfilledAction.CANCEL
    unfilled_max_reprices: Annotated[WholeNumber, Field(ge=1, le=100)] = 3
    """How often an entry is placed anew at the middle of the market, before it is cancelled."""
    strategy_overrides: StrategyOverrides = Field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def default(cls) -> Self:
        """Return the documented defaults."""
        return cls()

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Read the section from a mapping as it would stand in the file.

        Raises:
            ConfigError: a key or a value that is not allowed, one sentence each.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(problems_in(error, model=cls)) from error

    def pricing_rules(self, strategy_name: str | None, pricing: Pricing | None = None) -> PriceOffsetConfig:
        """Return the rules for one order: the global ones, then the strategy's own, then the request's ``pricing``."""
        override = self.strategy_overrides.get(strategy_name or "", _NO_OVERRIDE)
        return PriceOffsetConfig(
            offset_mode=override.offset_mode or self.offset_mode,
            buy_offset=self.buy_offset if override.buy_offset is None else override.buy_offset,
            sell_offset=self.sell_offset if override.sell_offset is None else override.sell_offset,
            pricing=pricing or override.pricing or self.pricing,
            max_slippage_pct=override.max_slippage_pct or self.max_slippage_pct,
        )

    def unfilled_rule(self, strategy_name: str | None) -> UnfilledRule | None:
        """Return the time-out of an entry: the strategy's own, else the global one; None where it has none."""
        override = self.strategy_overrides.get(strategy_name or "", _NO_OVERRIDE)
        own = override.unfilled_timeout_s
        timeout_s = self.unfilled_timeout_s if own is None else own
        if not timeout_s:
            return None
        action = override.unfilled_action or self.unfilled_action
        return UnfilledRule(timeout_s=timeout_s, action=action, max_reprices=self.unfilled_max_reprices)

    @property
    def has_time_outs(self) -> bool:
        """Whether any entry has a time-out."""
        names = (None, *self.strategy_overrides)
        return any(self.unfilled_rule(name) is not None for name in names)

    @model_validator(mode="after")
    def _offsets_follow_their_unit(self) -> Self:
        if self.offset_mode is not OffsetMode.BPS and not {"buy_offset", "sell_offset"} <= self.model_fields_set:
            raise ValueError(f"must give both buy_offset and sell_offset, because offset_mode is {self.offset_mode}")
        for name, override in self.strategy_overrides.items():
            changed = override.offset_mode not in (None, self.offset_mode)
            if changed and not override.has_both_offsets:
                raise ValueError(
                    f"must give both buy_offset and sell_offset in strategy_overrides.{name},"
                    f" which changes offset_mode to {override.offset_mode}"
                )
        return self

    @model_validator(mode="after")
    def _waits_fit_into_each_other(self) -> Self:
        if self.intent_ttl_s > self.submit_deadline_s:
            raise ValueError("must have intent_ttl_s no longer than submit_deadline_s")
        if self.retry_initial_delay_s > self.retry_max_delay_s:
            raise ValueError("must have retry_initial_delay_s no longer than retry_max_delay_s")
        return self
