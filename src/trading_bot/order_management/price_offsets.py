"""How far from the reference price an order is placed, after every override."""

import enum
from decimal import Decimal

from trading_bot import caller_values
from trading_bot.order_management.models import Pricing, Side
from trading_bot.values import Value, settle


class OffsetMode(enum.StrEnum):
    """The unit of a price offset: basis points of the reference price, or dollars."""

    BPS = "bps"
    ABSOLUTE = "absolute"


class PriceOffsetConfig(Value, frozen=True, kw_only=True):
    """The pricing of one order: offsets in ``offset_mode``'s unit, zero or more, and the slippage guard in per cent.

    Values of another type are converted where that is exact, as `OrderRequest` does it.

    Raises:
        ValueError: a word or a number that cannot be meant.
    """

    offset_mode: OffsetMode
    buy_offset: Decimal
    sell_offset: Decimal
    max_slippage_pct: Decimal
    pricing: Pricing = Pricing.PASSIVE

    def __post_init__(self) -> None:
        """Convert the words and numbers of a caller, and refuse those by which no order can be priced."""
        for name, words in (("offset_mode", OffsetMode), ("pricing", Pricing)):
            word = caller_values.member(words, getattr(self, name))
            if not isinstance(word, words):
                names = " or ".join(map(repr, map(str, words)))
                raise ValueError(f"{name} is {names}, not {ascii(word)[:40]}")  # noqa: TRY004 - as every wrong setting
            settle(self, name, word)
        for name in ("buy_offset", "sell_offset", "max_slippage_pct"):
            number = caller_values.exact_price(getattr(self, name))
            if not isinstance(number, Decimal) or not number.is_finite() or number < 0:
                raise ValueError(f"{name} is a number, zero or more, such as 15 or 0.5, not {ascii(number)[:40]}")
            settle(self, name, number)

    def offset_for(self, side: Side) -> Decimal:
        """The configured offset of that side."""
        return self.buy_offset if side is Side.BUY else self.sell_offset
