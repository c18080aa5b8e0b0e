"""The tools that place, cancel, review and list orders."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from tests.support.agent_server.book import AgentBook, CancelPolicy, HeldOrder, RefIdPolicy
from tests.support.agent_server.paging import CursorForm, page_of
from tests.support.agent_server.refusals import (
    HTML_404,
    ToolRefusalError,
    api_error,
    cannot_be_cancelled,
    detailed,
    foreign_account,
    not_found,
    used_ref_id,
)
from tests.support.agent_server.rows import order_row, quote_row
from trading_bot.clock import Clock

Arguments = Mapping[str, object]

KINDS = ("market", "limit", "stop_market", "stop_limit")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class OrderTools:
    """Orders of the book, as the tools take and tell them."""

    def __init__(self, book: AgentBook, clock: Clock) -> None:
        self._book, self._clock = book, clock
        self.ref_ids = RefIdPolicy.CONFLICT
        self.cancels = CancelPolicy.AT_ONCE
        self.refusal_uses_ref_id = False
        """Whether an id of a refused order is used up, so that a 409 follows where no order is; not established."""
        self.page_size = 100
        self.cursors = CursorForm.OPAQUE
        self.lists_rows_of_ref_id = True
        """Whether rows say their ``ref_id``; every row that was seen did, and no schema promises it."""
        self.lists_rows_of_symbol = True
        """Whether they say their symbol; the reply to a place had an empty one in August."""
        self._used: set[str] = set()

    def check_account(self, arguments: Arguments, *, may_read: bool = False) -> None:
        number = arguments["account_number"]
        if number == self._book.account_number:
            return
        if number not in self._book.other_accounts:
            raise not_found()
        if not may_read:
            raise foreign_account()

    def place(self, arguments: Arguments) -> dict[str, object]:
        self.check_account(arguments)
        ref_id = str(arguments.get("ref_id") or uuid.uuid4())
        known = self._book.named(ref_id)
        if (known and self.ref_ids is RefIdPolicy.CONFLICT) or ref_id in self._used:
            raise used_ref_id()
        if known and self.ref_ids is RefIdPolicy.BAD_REQUEST:
            raise api_error(400, {"ref_id": ["Order with this ref_id already exists."]})
        if known and self.ref_ids is RefIdPolicy.FIRST_ORDER:
            return {"order": self._row(known[0])}
        order = self._asked_for(arguments, ref_id)
        try:
            self._check_means(order)
        except ToolRefusalError:
            if self.refusal_uses_ref_id:
                self._used.add(ref_id)
            raise
        self._book.take(order)
        return {"order": self._row(order)}

    def review(self, arguments: Arguments) -> dict[str, object]:
        self.check_account(arguments)
        order = self._asked_for(arguments, "none")
        price = self._book.prices[order.symbol]
        echo = ("symbol", "side", "type", "quantity", "limit_price", "stop_price")
        return {
            **{name: arguments[name] for name in echo if name in arguments},
            "order_checks": self._checks(order),
            "quote_data": quote_row(order.symbol, price, self._clock.now()),
            "market_data_disclosure": f"Bid ${price.bid:.2f} · Ask ${price.ask:.2f}. Updated 1:54 PM ET.",
        }

    def cancel(self, arguments: Arguments) -> dict[str, object]:
        self.check_account(arguments)
        order_id, now = str(arguments["order_id"]), self._clock.now()
        if _UUID.fullmatch(order_id) is None:
            raise ToolRefusalError(HTML_404)
        order = self._book.by_id(order_id)
        if order is None:
            raise not_found()
        is_new = order.state == "unconfirmed" and not order.awaits_approval
        if not order.is_open or is_new or self.cancels is CancelPolicy.REFUSED:
            raise cannot_be_cancelled()
        self._cancel(order, now)
        return {"accepted": True}

    def listed(self, arguments: Arguments) -> dict[str, object]:
        self.check_account(arguments, may_read=True)
        rows = [row for row in self.rows() if self._matches(row, arguments)]
        if arguments["account_number"] != self._book.account_number:
            rows = []
        shown, following = page_of(rows, arguments, size=self.page_size, form=self.cursors, by="created_at")
        return {"orders": shown} | ({} if following is None else {"next": following})

    def rows(self) -> list[dict[str, object]]:
        """Every row that can be listed by now, newest first."""
        now = self._clock.now()
        seen = [order for order in self._book.orders if order.hidden_until is None or now >= order.hidden_until]
        rows = [*self._book.foreign_rows, *(self._row(order) for order in seen)]
        if not self.lists_rows_of_ref_id:
            rows = [{name: value for name, value in row.items() if name != "ref_id"} for row in rows]
        if not self.lists_rows_of_symbol:
            rows = [{**row, "symbol": ""} for row in rows]
        return sorted(rows, key=lambda row: _moment(str(row["created_at"])), reverse=True)

    def _row(self, order: HeldOrder) -> dict[str, object]:
        return order_row(order, approval=self._book.approval_form)

    def _matches(self, row: Mapping[str, object], arguments: Arguments) -> bool:
        same = {"order_id": "id", "state": "state", "symbol": "symbol", "placed_agent": "placed_agent"}
        if any(arguments.get(asked, row.get(name)) != row.get(name) for asked, name in same.items()):
            return False
        since = arguments.get("created_at_gte")
        return since is None or _moment(str(row["created_at"])) >= _moment(str(since))

    def _asked_for(self, arguments: Arguments, ref_id: str) -> HeldOrder:
        symbol, now = str(arguments["symbol"]), self._clock.now()
        if symbol not in self._book.prices:
            raise ToolRefusalError(f"instrument not found for symbol {symbol}")
        kind, side = str(arguments["type"]), str(arguments["side"])
        if kind not in KINDS or side not in {"buy", "sell"}:
            raise ToolRefusalError(f'invalid type "{kind}"')
        limit, stop = (_decimal(arguments, name) for name in ("limit_price", "stop_price"))
        if (limit is not None) is not kind.endswith("limit") or (stop is not None) is not kind.startswith("stop"):
            raise ToolRefusalError(f"limit_price and stop_price do not fit type {kind}")
        order = HeldOrder(
            order_id="",
            ref_id=ref_id,
            symbol=symbol,
            side=side,
            kind=kind,
            quantity=_decimal(arguments, "quantity") or Decimal(0),
            limit_price=limit,
            stop_price=stop,
            time_in_force=str(arguments.get("time_in_force", "gfd")),
            market_hours=str(arguments.get("market_hours", "regular_hours")),
            created_at=now,
            changed_at=now,
        )
        _check_shape(order)
        order.price_at_first = self._book.prices[symbol].last
        return order

    def _check_means(self, order: HeldOrder) -> None:
        if order.side == "sell" and order.quantity > self._for_sale(order.symbol):
            raise detailed(400, "Not enough shares to sell.")
        if order.side == "buy" and order.worth > self._book.buying_power:
            raise detailed(400, "Not enough buying power.")
        if not self._book.prices[order.symbol].is_tradable:
            raise detailed(400, f"{order.symbol} is not tradable.")

    def _for_sale(self, symbol: str) -> Decimal:
        return self._book.shares.get(symbol, Decimal(0)) - self._book.reserved(symbol)

    def _checks(self, order: HeldOrder) -> dict[str, object]:
        if order.side == "sell" and order.quantity > self._for_sale(order.symbol):
            return {"alertType": "EQUITY_MAX_SELL_SHARES_EXCEEDED"}
        if order.side == "buy" and order.worth > self._book.buying_power:
            short = {"amount": f"{order.worth - self._book.buying_power:.4f}", "currency": "USD"}
            details = {"depositAmount": short, "brokerageAccountType": "INDIVIDUAL"}
            return {"alertType": "EQUITY_NOT_ENOUGH_BP", "equityNotEnoughBpAlertDetails": details}
        return {}

    def _cancel(self, order: HeldOrder, now: datetime) -> None:
        match self.cancels:
            case CancelPolicy.AT_ONCE:
                self._book.end(order, now)
            case CancelPolicy.PENDING:
                self._book.begin_cancel(order, now)
            case CancelPolicy.FILL_WINS:
                self._book.fill(order, now=now)
            case CancelPolicy.PART_FILLS:
                self._book.fill(order, max(Decimal(1), order.remaining // 2), now=now)
                self._book.end(order, now)


def _check_shape(order: HeldOrder) -> None:
    if order.quantity <= 0:
        raise ToolRefusalError("exactly one of quantity and dollar_amount must be greater than 0")
    if order.quantity % 1 and order.kind == "limit":
        raise api_error(400, {"non_field_errors": ["Limit order quantity cannot include fractional shares."]})
    if order.quantity % 1 and order.kind != "market":
        raise api_error(400, {"non_field_errors": ["Invalid trigger for fractional order."]})
    for price in (order.limit_price, order.stop_price):
        if price is not None and (price <= 0 or (price >= 1 and price % Decimal("0.01"))):
            raise api_error(400, {"price": ["Prices above $1.00 can't have subpenny increments."]})
    if order.time_in_force not in {"gfd", "gtc"}:
        raise ToolRefusalError(f'invalid time_in_force "{order.time_in_force}"')
    if order.market_hours != "regular_hours" and order.kind != "limit":
        raise ToolRefusalError("only limit orders are allowed outside regular_hours")


def _decimal(arguments: Arguments, name: str) -> Decimal | None:
    return Decimal(str(arguments[name])) if name in arguments else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
