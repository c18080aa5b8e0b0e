"""The settings of protection plans: how far, how long, how often. Each has a default that was chosen, not measured."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from trading_bot.config.sections import Section
from trading_bot.config.values import Duration, ExactDecimal


class ProtectionConfig(Section):
    """When a watched price counts, and how a stop rests. Durations are in seconds."""

    stop_limit_offset_pct: Annotated[ExactDecimal, Field(ge=0, le=20)] = Decimal(1)
    """How far the limit of a resting stop lies below its stop price."""
    confirm_s: Annotated[Duration, Field(ge=1, le=60)] = 1
    """How far two reads are apart at the least that both show a price through."""
    max_spread_pct: Annotated[ExactDecimal, Field(gt=0, le=50)] = Decimal(5)
    """The widest spread, in per cent of the middle, at which a price counts."""
    split_pct: Annotated[ExactDecimal, Field(gt=0, le=50)] = Decimal(3)
    """How far the previous close and the one adjusted for splits may lie apart."""
    unwatched_after_s: Annotated[Duration, Field(ge=5, le=600)] = 30
    """How long prices may go unread in session before a plan is suspended."""
    read_every_s: Annotated[Duration, Field(ge=1, le=15)] = 2
    trail_step_pct: Annotated[ExactDecimal, Field(gt=0, le=5)] = Decimal("0.1")
    """How far a new high lies above the one on record before it is recorded."""
    again_after_s: Annotated[Duration, Field(ge=5, le=3600)] = 60
    """How long a stop that could not rest, or an exit that sold nothing, waits before it is tried again."""
