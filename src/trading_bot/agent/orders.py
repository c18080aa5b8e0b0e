"""Orders over the agent interface: placed once, cancelled, read, listed by when they were created, and looked for.

The interface lists by creation and not by change, says of no order when it last changed, and finds no order by its
``ref_id``. So whoever asks what changed since a moment asks for all that was created since an earlier one.
"""

from collections.abc import Sequence
from datetime import datetime

from trading_bot.agent.calls import ToolReads
from trading_bot.agent.names import learn_names
from trading_bot.agent.open_orders import OpenOrders, Reach
from trading_bot.agent.order_call import ORDERS, cancel_call, order_call, place_call
from trading_bot.agent.order_rows import order_account_number, parse_order, read_order
from trading_bot.agent.outcomes import classify_cancel, classify_submit
from trading_bot.agent.tool_call import AgentWire, exchange_of
from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import CANCEL_POLICY
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelReply,
    DurableIntent,
    Listing,
    PreparedOrder,
    SubmitOutcome,
    last_of,
)
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.broker_clock import BrokerClock
from trading_bot.robinhood.exchange_facts import cancel_on_record, submit_on_record
from trading_bot.robinhood.fields import is_broker_id
from trading_bot.robinhood.listing import ANOTHER_ACCOUNT, Pages, is_elsewhere, order_remarks, read_orders
from trading_bot.robinhood.order_rows import order_names
from trading_bot.robinhood.order_search import OrderSearch
from trading_bot.robinhood.reads import NotAtBrokerError
from trading_bot.robinhood.remarks import Remarks
from trading_bot.robinhood.strict_json import UnreadableReplyError
from trading_bot.robinhood.symbols import SymbolTable
from trading_bot.robinhood.wire import wire_time
from trading_bot.threads import Threads
from trading_bot.values import Value, replace

CANCELS_AT_ONCE = 4
"""So many cancels are under way at a time. Each takes about a second, and four a second are known to be safe."""


class AgentOrders(Value, frozen=True, kw_only=True):
    """The orders of one account. What it learns of names and of open orders is shared by all that `by` returns."""

    wire: AgentWire
    reads: ToolReads
    clock: Clock
    account_number: str
    names: SymbolTable
    broker_clock: BrokerClock
    remarks: Remarks
    open_orders: OpenOrders
    threads: Threads

    def __repr__(self) -> str:
        return "AgentOrders()"

    def by(self, deadline: Seconds) -> "AgentOrders":
        """Return the same, whose reads and cancels are all over by ``deadline``, a point on the clock."""
        return replace(self, reads=self.reads.by(deadline))

    def prepare(self, terms: OrderTerms, ref_id: RefId) -> PreparedOrder:
        """Build the bytes of an order; nothing is looked up.

        Raises:
            OrderValidationError: a price is not on the tick.
        """
        call = place_call(terms, ref_id=ref_id, account_number=self.account_number)
        return PreparedOrder(ref_id=ref_id, terms=terms, body=call.params)

    def submit(self, intent: DurableIntent, *, permit: SendPermit, timeout_s: Seconds) -> SubmitOutcome:
        """Send one order, once."""
        result = self.wire.call(order_call(intent.body), timeout_s=timeout_s, permit=permit)
        outcome = submit_on_record(classify_submit(result, intent=intent, parse=self._parse), exchange_of(result))
        if isinstance(outcome, Accepted) and not outcome.report.state_is_known:
            self.remarks.note(f"an order was accepted in the state {outcome.report.broker_state}, which is not known")
        return outcome

    def cancel(self, order_id: OrderId) -> CancelReply:
        """Ask for one cancel, again where that is safe."""
        if not is_broker_id(order_id):
            return CancelNotSent(cause="that is not a broker's order id; look it up with the status of the order")
        call = cancel_call(order_id, account_number=self.account_number)
        results = self.reads.attempts(call, CANCEL_POLICY)
        return cancel_on_record(last_of([classify_cancel(result) for result in results]), exchange_of(results[-1]))

    def cancel_all(self, order_ids: Sequence[OrderId]) -> dict[OrderId, CancelReply]:
        """Ask for each cancel, beginning in the order given, whatever happens to the others."""
        if len(order_ids) <= 1:
            return {order_id: self.cancel(order_id) for order_id in order_ids}
        with self.threads.pool(min(CANCELS_AT_ONCE, len(order_ids)), "cancel") as pool:
            return dict(zip(order_ids, pool.map(self.cancel, order_ids), strict=True))

    def status(self, order_id: OrderId) -> OrderReport:
        """Read one order by the broker's id.

        Raises:
            OrderNotFoundError: the broker lists none under this id, which is not yet an outcome.
            OrderStatusError: the read failed, or its reply makes no sense or is about another order.
        """
        if not is_broker_id(order_id):
            raise OrderNotFoundError("that is not a broker's order id; check it", order_id=order_id)
        row = self._row(order_id, self.reads.in_time())
        if row is None:
            raise OrderNotFoundError(f"the broker has no order {order_id}; check the id", order_id=order_id)
        try:
            return self._parse(row)
        except UnreadableReplyError as error:
            raise OrderStatusError(f"{error}; nothing was concluded, read it again", order_id=order_id) from error

    def list_open(self) -> Listing:
        """Read all open orders, whoever placed them: no filter of the broker's is relied on for what is open."""
        ours, theirs = self.clock.now(), self.broker_clock.now()
        began = ours if theirs is None else min(ours, theirs)  # a clock that is ahead would leave old orders out
        reach = self.open_orders.reach(began)
        listing = self._listing(reach)
        self.open_orders.note(listing, began=began, reach=reach)
        unread = tuple(row for row in listing.unread if row.state is None or row.state.is_working)
        return replace(
            listing,
            reports=tuple(report for report in listing.reports if report.state.is_working),
            unread=unread,
            unreadable_ids=tuple(row.order_id for row in unread if row.order_id is not None),
            complete=listing.has_all_pages and not unread,
        )

    def list_since(self, created_after: datetime) -> Listing:
        """Read every order, open or ended, that was created since."""
        return self._listing(Reach(since=created_after))

    def find(self, client_order_id: ClientOrderId, *, ref_id: RefId, created_after: datetime) -> Listing:
        """Look for ``ref_id`` among the orders created since ``created_after``, by our clock.

        Rows that do not say whose they are come along as unread.
        """
        search = OrderSearch.at(self.broker_clock, ref_id, created_after=created_after, created_before=None)
        listing = search.looked_for(self._listing(Reach(since=search.created_after), search=search))
        problem = None if listing.problem is None else f"looking for {client_order_id}: {listing.problem}"
        return replace(listing, problem=problem)

    def _listing(self, reach: Reach, *, search: OrderSearch | None = None) -> Listing:
        broker_time = self.broker_clock.now()
        pages = self._pages(self.reads.in_time(), reach, search)
        learn_names(self.names, pages.rows, now=self.clock.now())
        if any(is_elsewhere(order_account_number(row), self.account_number) for row in pages.rows):
            return Listing(reports=(), complete=False, problem=ANOTHER_ACCOUNT)
        listing = read_orders(
            pages, account_number=self.account_number, read=lambda row: read_order(row, self.names.get)
        )
        self.remarks.note(*order_remarks(listing))
        return replace(listing, broker_time=broker_time)

    def _pages(self, reads: ToolReads, reach: Reach, search: OrderSearch | None) -> Pages:
        arguments = {"account_number": self.account_number, "created_at_gte": wire_time(reach.since)}
        pages = reads.pages(ORDERS, arguments, until=None if search is None else search.is_over)
        rows, problem = list(pages.rows), pages.problem
        shown = {order_names(row)[0] for row in rows}
        for order_id in reach.by_id:
            if problem is not None or order_id in shown:
                continue
            try:
                row = self._row(order_id, reads)
            except OrderStatusError as error:
                problem = error
            else:
                rows += () if row is None else (row,)
        return replace(pages, rows=tuple(rows), problem=problem)

    def _row(self, order_id: OrderId, reads: ToolReads) -> object | None:
        """Read the row of one order; None where the broker lists none.

        Raises:
            OrderStatusError: the read failed, or the broker lists another order or account.
        """
        pages = reads.pages(ORDERS, {"account_number": self.account_number, "order_id": order_id})
        row = next((row for row in pages.rows if order_names(row)[0] == order_id.lower()), None)
        if row is not None and is_elsewhere(order_account_number(row), self.account_number):
            raise OrderStatusError(f"order {order_id} belongs to another account", order_id=order_id)
        if row is not None or isinstance(pages.problem, NotAtBrokerError):
            return row
        if pages.problem is not None:
            raise pages.problem
        if pages.rows:
            raise OrderStatusError(
                f"asked for order {order_id}, the broker answered with another; nothing was concluded, read it again",
                order_id=order_id,
            )
        return None

    def _parse(self, row: object) -> OrderReport:
        learn_names(self.names, (row,), now=self.clock.now())
        return parse_order(row, self.names.get)
