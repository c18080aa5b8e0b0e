"""The short forms of placing an order: what to trade as plain arguments, in place of an `OrderRequest`."""

from decimal import Decimal

from trading_bot.order_management.calculator import parse_time_in_force
from trading_bot.order_management.models import OrderEnvelope, OrderRequest, Side, TimeInForce


class LimitOrders:
    """Buys and sells by `place_limit_order`, which whoever inherits has."""

    def place_limit_order(self, request: OrderRequest) -> OrderEnvelope:
        """Submit one order."""
        raise NotImplementedError  # pragma: no cover (the manager has it)

    def place_limit_buy(
        self,
        symbol: str,
        quantity: int,
        reference_price: Decimal,
        *,
        strategy_name: str | None = None,
        time_in_force: TimeInForce | str = TimeInForce.GFD,
        extended_hours: bool = False,
        client_order_id: str | None = None,
        correlation_id: str | None = None,
    ) -> OrderEnvelope:
        """Buy whole shares at a limit computed from ``reference_price`` in dollars, as `place_limit_order` does."""
        request = OrderRequest(
            symbol=symbol,
            side=Side.BUY,
            quantity=quantity,
            reference_price=reference_price,
            time_in_force=parse_time_in_force(time_in_force, symbol=symbol),
            extended_hours=extended_hours,
            client_order_id=client_order_id,
            strategy_name=strategy_name,
            correlation_id=correlation_id,
        )
        return self.place_limit_order(request)

    def place_limit_sell(
        self,
        symbol: str,
        quantity: int,
        reference_price: Decimal,
        *,
        strategy_name: str | None = None,
        time_in_force: TimeInForce | str = TimeInForce.GFD,
        extended_hours: bool = False,
        client_order_id: str | None = None,
        correlation_id: str | None = None,
    ) -> OrderEnvelope:
        """Sell whole shares at a limit computed from ``reference_price`` in dollars, as `place_limit_order` does."""
        request = OrderRequest(
            symbol=symbol,
            side=Side.SELL,
            quantity=quantity,
            reference_price=reference_price,
            time_in_force=parse_time_in_force(time_in_force, symbol=symbol),
            extended_hours=extended_hours,
            client_order_id=client_order_id,
            strategy_name=strategy_name,
            correlation_id=correlation_id,
        )
        return self.place_limit_order(request)
