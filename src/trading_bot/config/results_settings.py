"""The settings of results: how often the worth of the account is recorded, and when cash counts as missing."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from trading_bot.config.sections import Section
from trading_bot.config.values import Duration, ExactDecimal


class ResultsConfig(Section):
    """Durations are in seconds.

    Cash may be less than the fills explain by ``cash_tolerance`` dollars and ``cash_tolerance_bps`` basis points of
    what was traded since the last tie-out: fees that no record tells, and small charges of the broker.
    """

    valuation_interval_s: Annotated[Duration, Field(ge=60, le=86_400)] = 3600
    cash_tolerance: Annotated[ExactDecimal, Field(ge=0, le=1_000_000)] = Decimal(10)
    cash_tolerance_bps: Annotated[ExactDecimal, Field(ge=0, le=100)] = Decimal(5)
    tie_out_after_close_s: Annotated[Duration, Field(ge=0, le=14_400)] = 900
