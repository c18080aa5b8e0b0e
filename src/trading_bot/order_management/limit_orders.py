"""The short forms of placing an order: what to trade as plain arguments, in place of an `OrderRequest`; and stops."""

from decimal import Decimal

from trading_bot.order_management.calculator import parse_time_in_force
from trading_bot.order_management.models import OrderEnvelope, OrderRequest, Side, TimeInForce
from trading_bot.order_management.stop_orders import StopRequest


class LimitOrders:
    """Buys, sells and stops by `place_limit_order`, which whoever inherits has."""

    def place_limit_order(self, request: OrderRequest) -> OrderEnvelope:
        """Submit one order."""
        raise NotImplementedError  # pragma: no cover (the manager has it)

    def place_stop_sell(self, request: StopRequest) -> OrderEnvelope:
        """Let a stop-limit sell of held shares rest at the broker, as `place_limit_order` submits any order.

        Nothing but a kill, a journal that cannot record it, the shares and the market stand against it: its shares have
        to be held and free, and the bid above its stop.

        Raises:
            OrderValidationError: as `place_limit_order`, or the limit is above the stop.
            TradeRefusedError: it would sell more than is held and free (``insufficient_shares``); the bid is not above
                its stop, so that it would sell at once (``stop_reached``); or no bid can be read (``no_usable_quote``).
            OrderError: another of `place_limit_order`'s.
        """
        return self.place_limit_order(request.as_order())

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
