"""The gateway to the agent interface: the ports of the order layer, spoken in calls of tools."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Self

from trading_bot.agent.account import AgentAccount
from trading_bot.agent.calls import ToolReads
from trading_bot.agent.open_orders import OpenOrders
from trading_bot.agent.orders import CANCELS_AT_ONCE, AgentOrders
from trading_bot.agent.rate import CALL_EVERY_S
from trading_bot.agent.tool_call import AgentWire
from trading_bot.agent.tradable import TradableToday
from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import READ_POLICY, RetryPolicy
from trading_bot.error_handling.retry import Jitter, no_jitter
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    CancelReply,
    DurableIntent,
    Listing,
    PreparedOrder,
    SubmitOutcome,
    check_side,
)
from trading_bot.order_management.ports import BrokerCapabilities, SendPermit
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.reads import Renew
from trading_bot.robinhood.remarks import Remarks
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.threads import OWN_THREADS, Threads

CAPABILITIES = BrokerCapabilities(
    lists_by_change=False,
    dates_changes=False,
    names_instruments_held=False,
    can_sell_short=False,
    may_dedupe_ref_ids=False,
    cancels_at_once=CANCELS_AT_ONCE,
    cancel_every_s=CALL_EVERY_S * 4 / 3,
)
"""What the agent interface can do. An agent's account is long only; one call in four may be for something else."""


class AgentGateway(AgentAccount):
    """Orders, listings, balances, positions and quotes of the one account that an agent may trade.

    ``renew`` asks for a fresh token after a 401 and says whether there is one now. ``symbols`` keeps the names of
    instruments, which are learned from rows of orders. ``broker_clock`` is that of the session behind ``wire``: without
    it nothing can be concluded from what time it is at the broker. A call that reads is over within ``read_timeout_s``,
    all its requests, repetitions and waits included; what `by` returned has until then.
    Fulfils `BrokerGateway`, `AccountGateway` and `MarketDataGateway`.
    """

    def __init__(
        self,
        *,
        wire: AgentWire,
        clock: Clock,
        account_number: str,
        renew: Renew,
        read_policy: RetryPolicy = READ_POLICY,
        read_timeout_s: Seconds = 10.0,
        jitter: Jitter = no_jitter,
        symbols: SymbolTable | None = None,
        broker_clock: BrokerClock | None = None,
        threads: Threads = OWN_THREADS,
    ) -> None:
        reads = ToolReads(
            wire=wire, clock=clock, renew=renew, timeout_s=read_timeout_s, policy=read_policy, jitter=jitter
        )
        names, remarks = symbols or SymbolTable(), Remarks()
        super().__init__(reads=reads, clock=clock, account_number=account_number, names=names, remarks=remarks)
        self._renew = renew
        self._tradable = TradableToday(clock)
        self._broker_clock = broker_clock or BrokerClock(clock)
        self._orders = AgentOrders(
            wire=wire,
            reads=reads,
            clock=clock,
            account_number=account_number,
            names=names,
            broker_clock=self._broker_clock,
            remarks=remarks,
            open_orders=OpenOrders(),
            threads=threads,
        )

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the agent interface can do."""
        return CAPABILITIES

    def by(self, deadline: Seconds) -> Self:
        """Return the same gateway, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        bounded = super().by(deadline)
        vars(bounded).update(_orders=self._orders.by(deadline))
        return bounded

    def broker_time(self) -> datetime | None:
        """Return the broker's time by the dates of its replies, at the earliest; None before the first date."""
        return self._broker_clock.now()

    def renew_session(self, *, within_s: Seconds) -> bool:
        """Ask once for a fresh token; whether there is one now."""
        return self._renew(within_s)

    def tick_of(self, symbol: str, side: Side) -> Decimal | None:
        """Return None: the interface tells no price steps, so SEC Rule 612's hold and the broker judges.

        Raises:
            OrderValidationError: the broker says that it takes no buys of this symbol; it is asked once a day.
        """
        self._tradable.refuse_untradable(symbol, side, self._tradability_by)
        return None

    def prepare_order(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Build the bytes of an order; nothing is looked up, because the broker resolves the symbol.

        Raises:
            OrderValidationError: the price is not on its tick.
        """
        return self._orders.prepare(terms, ref_id)

    def submit_limit_buy(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one buy, once.

        Raises:
            OrderValidationError: the intent is a sell; nothing was sent.
        """
        check_side(intent, Side.BUY)
        return self._orders.submit(intent, permit=permit, timeout_s=timeout_s)

    def submit_limit_sell(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one sell, once.

        Raises:
            OrderValidationError: the intent is a buy; nothing was sent.
        """
        check_side(intent, Side.SELL)
        return self._orders.submit(intent, permit=permit, timeout_s=timeout_s)

    def cancel_order(self, order_id: OrderId) -> CancelReply:
        """Ask for one cancel, again where that is safe."""
        return self._orders.cancel(order_id)

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Ask for each cancel, beginning in the order given, whatever happens to the others."""
        return self._orders.cancel_all(order_ids)

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order by the broker's id.

        Raises:
            OrderNotFoundError: the broker lists none under this id, which is not yet an outcome.
            OrderStatusError: the read failed, or its reply makes no sense or is about another order.
        """
        return self._orders.status(order_id)

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account, whoever placed them."""
        return self._orders.list_open()

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order, open or ended, that was created since: the interface lists by nothing else."""
        return self._orders.list_since(changed_after)

    def find_by_client_order_id(
        self,
        client_order_id: ClientOrderId,
        *,
        ref_id: RefId,
        created_after: datetime,
        created_before: datetime | None = None,
    ) -> Listing:
        """Look for ``ref_id`` among the orders created since ``created_after``, by our clock.

        Reading ends with the page that shows the order. Rows that do not say whose they are come along as unread.
        """
        del created_before  # a list by creation is short as it is
        return self._orders.find(client_order_id, ref_id=ref_id, created_after=created_after)
