"""What a strategy may ask for a position that is held: leave it, protect it, or end its protection."""

from contextlib import suppress
from decimal import Decimal

from trading_bot.bot_exits import Leaving
from trading_bot.order_management.book.exit_facts import ExitOrigin
from trading_bot.order_management.book.protections import Plan
from trading_bot.order_management.correlation import usable_correlation_id
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import Side
from trading_bot.order_management.submit.exit_run import ExitResult, Leave
from trading_bot.protection.asked import Given, protect_of, symbol_of
from trading_bot.protection.service import Protection
from trading_bot.protection.shown import SetPlan, ShownPlan


class BotPositions:
    """The part of the bot that leaves and protects positions."""

    leaving: Leaving
    protection: Protection
    _manager: OrderManager

    def exit_position(
        self,
        symbol: str,
        quantity: int | None = None,
        *,
        reason: str = "asked for by a strategy",
        strategy_name: str = "manual",
        is_stop: bool = False,
        limit: Decimal | None = None,
        extended_hours: bool = False,
        held: Decimal | None = None,
        correlation_id: str | None = None,
    ) -> ExitResult:
        """Leave a position, or join the exit of it that is under way; all of it without a ``quantity``.

        Entries in the symbol then wait for ``trading-bot resume``. With ``is_stop`` it is a protective rule's, which is
        never too many; ``limit``, in dollars, is one order at that price; ``held`` is the number of shares that a
        person sees at the broker, for where it cannot be read. Numbers may come as for `execute_trade`. Never raises
        an `OrderError`.
        """
        origin = ExitOrigin.STOP if is_stop else ExitOrigin.STRATEGY
        return self.leaving.leave(
            Leave(
                symbol=symbol,
                quantity=quantity,
                origin=origin,
                by=strategy_name,
                reason=reason,
                limit=limit,
                extended_hours=extended_hours,
                held=held,
                correlation_id=correlation_id,
            )
        )

    def protect(
        self,
        symbol: str,
        quantity: int | None = None,
        *,
        stop: Given = None,
        target: Given = None,
        trail: Given = None,
        reason: str = "asked for by a strategy",
        strategy_name: str = "manual",
        correlation_id: str | None = None,
    ) -> SetPlan:
        """Sell ``quantity`` shares, or all that are held now, once their price reaches one of these.

        ``stop`` and ``target`` are dollars a share; ``trail`` is a per cent, 2 or "2%", below the highest price from
        now on. The stop rests at the broker where it takes one; the rest is watched while the bot runs. It replaces the
        plan that the symbol has. A gap or a halt sells far below a stop, or not at all.

        Raises:
            OrderValidationError: a value cannot be used, or so many shares are not held.
            TradeRefusedError: a price has been reached already, or the positions are not known.
        """
        asked = protect_of(
            symbol, stop=stop, target=target, trail=trail, quantity=quantity, by=strategy_name, reason=reason
        )
        with self._manager.request(usable_correlation_id(correlation_id)):
            self._book_what_was_bought(asked.symbol)
            return self.protection.protect(asked)

    def _book_what_was_bought(self, symbol: str) -> None:
        # A buy may have filled since the last look, and who sees the shares at the broker wants those protected.
        if any(order.symbol == symbol and order.side is Side.BUY for order in self._manager.open_orders()):
            with suppress(OrderError):
                self._manager.synchronize_open_orders()

    def unprotect(
        self,
        symbol: str,
        *,
        reason: str = "asked for by a strategy",
        strategy_name: str = "manual",
        correlation_id: str | None = None,
    ) -> tuple[Plan, ...]:
        """End the plans of a symbol, and cancel their stop orders.

        Raises:
            OrderValidationError: the symbol has no plan.
            OrderCancellationError: a stop order may still be live; its plan ends once it is proven to have ended.
        """
        with self._manager.request(usable_correlation_id(correlation_id)):
            return self.protection.end(symbol_of(symbol), by=strategy_name, reason=reason)

    def protections(self) -> tuple[ShownPlan, ...]:
        """Return every plan as it stands."""
        return self.protection.shown()
