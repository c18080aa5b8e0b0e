"""The price of one order: the caller's reference, the rules of its strategy, and the steps in which its share trades.

An order is priced once, at the instrument's own tick, and no byte of it is built before. A preview takes the usual
steps where the broker cannot be read, and says so.
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from trading_bot.clock import Seconds
from trading_bot.order_management.calculator import price_terms, tick_size
from trading_bot.order_management.exceptions import OrderSubmissionError
from trading_bot.order_management.models import OrderRequest, OrderTerms
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.price_offsets import PriceOffsetConfig
from trading_bot.values import Value

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig


class PricePreview(Value, frozen=True, kw_only=True):
    """The terms that an order would have, and the price step they were rounded to, in dollars."""

    terms: OrderTerms
    tick: Decimal
    is_own_tick: bool
    """Whether the step is the instrument's own; otherwise it is SEC Rule 612's."""
    tick_problem: str | None = None
    """Why the instrument's own step is not known, if so: the order itself may then have another price."""


class OrderPricing:
    """Prices requests by the configured rules."""

    def __init__(self, *, gateway: BrokerGateway, settings: "OrderManagementConfig") -> None:
        self._gateway = gateway
        self._settings = settings
        self._rules: dict[str | None, PriceOffsetConfig] = {}

    def price(self, request: OrderRequest, asked: OrderTerms, gateway: BrokerGateway) -> OrderTerms:
        """Return the terms to send, at the instrument's own tick as ``gateway`` tells it.

        ``asked`` is what `asked_terms` says of the request.

        Raises:
            OrderValidationError: the guard allows no step.
            OrderNotSentError: the instrument cannot be looked up.
        """
        return self._priced(request, asked, gateway.tick_of(asked.symbol, asked.side))

    def preview(self, request: OrderRequest, asked: OrderTerms, *, by: Seconds) -> PricePreview:
        """Return the terms that `price` would give now; reading is over by ``by``, a point on the clock.

        Raises:
            OrderValidationError: the guard allows no step.
        """
        problem = None
        try:
            own = self._gateway.by(by).tick_of(asked.symbol, asked.side)
        except OrderSubmissionError as error:
            own, problem = None, str(error)
        terms = self._priced(request, asked, own)
        return PricePreview(
            terms=terms, tick=tick_size(terms.limit_price, own), is_own_tick=own is not None, tick_problem=problem
        )

    def _priced(self, request: OrderRequest, asked: OrderTerms, tick: Decimal | None) -> OrderTerms:
        return price_terms(asked, self._rules_for(request), instrument_tick=tick)

    def _rules_for(self, request: OrderRequest) -> PriceOffsetConfig:
        name = request.strategy_name if request.strategy_name in self._settings.strategy_overrides else None
        if request.pricing is not None:
            return self._settings.pricing_rules(name, request.pricing)
        rules = self._rules.get(name)
        if rules is None:
            rules = self._rules[name] = self._settings.pricing_rules(name, None)
        return rules
