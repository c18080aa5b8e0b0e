"""Stop-limit sells: what a caller asks for.

Such an order rests at the broker until its stop price is reached, and is a limit order from then on. So it works while
this program, the network and the login do not. It is no guarantee: a price that falls through stop and limit at once
sells nothing until it comes back, and stops rest outside the regular session.
"""

from decimal import Decimal

from trading_bot.order_management.models import STOP_LIMIT, OrderRequest, Side, TimeInForce
from trading_bot.values import Value


class StopRequest(Value, frozen=True, kw_only=True):
    """A sell of held shares once their price has fallen to ``stop_price``, at ``limit_price`` or better.

    Both are dollars a share, the limit at or below the stop; each is rounded up to its price step, so that nothing is
    sold below the limit asked for. ``quantity`` is in whole shares, held and free. The order is good till cancelled and
    works in the regular session. Values of another type are converted as those of an `OrderRequest` are.
    """

    symbol: str
    quantity: int
    stop_price: Decimal
    limit_price: Decimal
    reason: str | None = None
    """Why it is placed, for the record."""
    strategy_name: str | None = None
    client_order_id: str | None = None
    correlation_id: str | None = None

    def as_order(self) -> OrderRequest:
        """Return the same as a request for an order, for the calls that take one."""
        return OrderRequest(
            symbol=self.symbol,
            side=Side.SELL,
            quantity=self.quantity,
            reference_price=self.limit_price,
            order_type=STOP_LIMIT,
            stop_price=self.stop_price,
            time_in_force=TimeInForce.GTC,
            client_order_id=self.client_order_id,
            strategy_name=self.strategy_name,
            correlation_id=self.correlation_id,
            reason=self.reason,
        )
