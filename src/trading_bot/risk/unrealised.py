"""What the held shares gained or lost, today and since they were bought, by their marks. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from trading_bot.order_management.book.tracked_order import NOTHING
from trading_bot.order_management.models import EXACT
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.marks import Mark, Marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrealised:
    """What is not realised, in dollars, and the symbols of which it is not known."""

    dollars: Decimal
    """The change of one day."""
    since_bought: Decimal
    """What the shares are worth beyond what they cost."""
    marked: tuple[str, ...]
    unmarked: tuple[str, ...]
    without_close: tuple[str, ...]
    """Marked symbols with shares from before today whose last close the broker does not say."""


def unrealised(holdings: Mapping[str, Holding], marks: Marks, *, leaving_out: Collection[str]) -> Unrealised:
    """Add up the change of the shares of known cost.

    Shares bought today count from what they cost, older ones from the last close, or from their cost where the broker
    says no close. Symbols ``leaving_out`` are treated as having no mark: their number of shares is in doubt.
    """
    dollars, since_bought, marked, unmarked, without_close = NOTHING, NOTHING, list[str](), list[str](), list[str]()
    with localcontext(EXACT):
        for symbol, held in sorted(holdings.items()):
            if not held.quantity:
                continue
            mark = None if symbol in leaving_out else marks.of(symbol)
            if mark is None:
                unmarked.append(symbol)
            else:
                dollars += _change(held, mark)
                since_bought += held.quantity * mark.price - held.cost
                marked.append(symbol)
                if mark.previous_close is None and held.quantity != held.todays_quantity:
                    without_close.append(symbol)
    return Unrealised(
        dollars=dollars,
        since_bought=since_bought,
        marked=tuple(marked),
        unmarked=tuple(unmarked),
        without_close=tuple(without_close),
    )


def _change(held: Holding, mark: Mark) -> Decimal:
    with localcontext(EXACT):
        older = held.quantity - held.todays_quantity
        began_at = held.cost - held.todays_cost if mark.previous_close is None else older * mark.previous_close
        return held.quantity * mark.price - began_at - held.todays_cost
