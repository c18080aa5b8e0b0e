"""All that is shown of an account's limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from trading_bot.config import Config
from trading_bot.logging.last_refusals import Refusal
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.risk.limit_uses import LimitsNow
from trading_bot.risk.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPicture:
    """One look at it."""

    config: Config
    limits: LimitsNow
    standing: Standing
    freezes: tuple[Freeze, ...]
    refusals: Mapping[str, Refusal]
    """The latest one of each code."""
