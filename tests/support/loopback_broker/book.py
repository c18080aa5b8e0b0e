"""A small broker behind the stand-in: one account, orders that rest or fill at once, written down from the wire alone.

It shares no line with the paper exchange, so that the two can disagree.
"""

import itertools
import json
import threading
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from tests.support.loopback_broker.acts import Act, reply
from tests.support.loopback_broker.server import Heard
from tests.support.stand_in_book import http_date
from trading_bot.clock import Clock

BASE = "https://api.robinhood.com"
INSTRUMENTS = {"AAPL": "450dfc6d-5510-4d40-abfb-f633b7d9be3e", "MSFT": "50810c35-d215-4866-9758-0ada4ac79ffa"}
NOW = "2026-11-23T15:00:00.000000Z"


def eight(number: Decimal) -> str:
    return f"{number:.8f}"


class LoopbackBook:
    """Answers what is not scripted. ``shares`` are held of AAPL; a buy at or above ``ask`` fills at ``ask``."""

    def __init__(self, *, account_number: str, shares: int = 0, page_size: int = 100) -> None:
        self.account_number = account_number
        self.ask = Decimal("100.00")
        self.cash = Decimal(100_000)
        self.shares = shares
        self.more_positions: list[object] = []
        """Rows of the list of positions beside the shares of AAPL, in whatever form."""
        self.more_orders: list[object] = []
        """Open orders placed elsewhere, in whatever form; they are listed whatever was asked for."""
        self.account_says: dict[str, object] = {}
        """What the account says besides, or instead."""
        self.speak: Callable[[object], object] = lambda body: body
        """How each reply is put into words before it is sent."""
        self.spell: Callable[[Heard, bytes], bytes] = lambda heard, text: text
        """How the text of each reply is spelled in the end."""
        self.rows: dict[str, dict[str, object]] = {}
        self.bearers = {"first"}
        self.instruments = dict(INSTRUMENTS)
        """The instruments by the symbols that they have now."""
        self.clock: Clock | None = None
        """What the ``Date`` of its replies is read from; None where they bear none."""
        self._refresh = "first-refresh"
        self.page_size = page_size
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __call__(self, heard: Heard) -> Act:
        with self._lock:
            self._heard = heard
            if heard.path == "/oauth2/token/":
                return self._token(heard)
            scheme, _, token = heard.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or token not in self.bearers:
                return self._reply(401, {"detail": "Incorrect authentication credentials."})
            return self._answer(heard, heard.path.strip("/").split("/"))

    def rename(self, symbol: str, new: str) -> None:
        """Call an instrument by another symbol from now on."""
        self.instruments[new] = self.instruments.pop(symbol)

    def revoke_all(self) -> None:
        self.bearers.clear()

    def _reply(self, status: int, body: object) -> Act:
        text = self.spell(self._heard, json.dumps(self.speak(body)).encode())
        if self.clock is None:
            return reply(status, text)
        return reply(status, text, Date=http_date(self.clock.now()))

    def _not_found(self) -> Act:
        return self._reply(404, {"detail": "Not found."})

    def _answer(self, heard: Heard, parts: list[str]) -> Act:
        act = self._not_found()
        match heard.method, *parts:
            case "GET", "accounts", number if number == self.account_number:
                act = self._reply(200, self._account())
            case "GET", "positions":
                act = self._page([*([self._position()] if self.shares else []), *self.more_positions], heard)
            case "GET", "instruments", *ids:
                act = self._instruments(heard, ids)
            case "GET", "quotes" | "marketdata", *rest:
                act = self._market(heard, rest)
            case "GET", "portfolios", number if number == self.account_number:
                act = self._reply(200, self._portfolio())
            case "POST", "orders":
                act = self._place(heard.form)
            case "GET", "orders":
                act = self._page(self._listed(heard), heard)
            case "GET", "orders", order_id:
                row = self.rows.get(order_id) or self._placed_elsewhere(order_id)
                act = self._not_found() if row is None else self._reply(200, row)
            case "POST", "orders", order_id, "cancel":
                act = self._cancel(order_id)
        return act

    def _market(self, heard: Heard, parts: list[str]) -> Act:
        match parts:
            case []:
                asked = heard.query.get("symbols", "").split(",")
                quotes = [self._quote(name) if name in self.instruments else None for name in asked]
                return self._reply(200, {"results": quotes})
            case "historicals", symbol if symbol in self.instruments:
                return self._reply(200, self._history(symbol, heard))
        return self._not_found()

    def _instruments(self, heard: Heard, ids: list[str]) -> Act:
        names = {known: name for name, known in self.instruments.items()}
        if ids:
            return self._reply(200, self._instrument(names[ids[0]])) if ids[0] in names else self._not_found()
        if "ids" in heard.query:
            asked = (names.get(each) for each in heard.query["ids"].split(","))
            return self._page([None if name is None else self._instrument(name) for name in asked], heard)
        symbol = heard.query.get("symbol", "")
        return self._page([self._instrument(symbol)] if symbol in self.instruments else [], heard)

    def _token(self, heard: Heard) -> Act:
        if heard.form.get("refresh_token") != self._refresh:
            return self._reply(401, {"detail": "Invalid refresh token."})
        number = next(self._numbers)
        self._refresh = f"refresh-{number}"
        self.bearers = {f"access-{number}"}
        tokens = {"access_token": f"access-{number}", "refresh_token": self._refresh, "token_type": "Bearer"}
        return self._reply(200, tokens | {"expires_in": 86400, "scope": "internal"})

    def _account(self) -> dict[str, object]:
        held = sum((self._worth(row) for row in self._open() if row["side"] == "buy"), Decimal(0))
        return {
            "url": f"{BASE}/accounts/{self.account_number}/",
            "account_number": self.account_number,
            "buying_power": f"{self.cash - held:.4f}",
            "cash": f"{self.cash:.4f}",
            "portfolio_cash": f"{self.cash:.4f}",
            "cash_held_for_orders": f"{held:.4f}",
            "deactivated": False,
            "locked": False,
            "only_position_closing_trades": False,
            **self.account_says,
        }

    def _position(self) -> dict[str, object]:
        return {
            "instrument_id": INSTRUMENTS["AAPL"],
            "account_number": self.account_number,
            "quantity": eight(Decimal(self.shares)),
            "average_buy_price": "90.0000",
            "shares_held_for_sells": eight(self._reserved()),
        }

    def _quote(self, symbol: str) -> dict[str, object]:
        return {
            "symbol": symbol,
            "bid_price": f"{self.ask - Decimal('0.02'):.6f}",
            "ask_price": f"{self.ask:.6f}",
            "bid_size": 100,
            "ask_size": 100,
            "last_trade_price": f"{self.ask:.6f}",
            "trading_halted": False,
            "updated_at": "2026-11-23T15:00:00Z",
        }

    def _history(self, symbol: str, heard: Heard) -> dict[str, object]:
        price = f"{self.ask:.6f}"
        names = ("open_price", "close_price", "high_price", "low_price")
        rows = [
            {"begins_at": at, **dict.fromkeys(names, price), "volume": 100, "session": "reg", "interpolated": False}
            for at in ("2026-11-23T14:50:00Z", "2026-11-23T14:55:00Z")
        ]
        asked = {name: heard.query[name] for name in ("interval", "span", "bounds")}
        return {"symbol": symbol, **asked, "InstrumentID": self.instruments[symbol], "historicals": rows}

    def _portfolio(self) -> dict[str, object]:
        worth = self.shares * (self.ask - Decimal("0.02"))
        account = f"{BASE}/accounts/{self.account_number}/"
        return {"account": account, "equity": f"{self.cash + worth:.4f}", "market_value": f"{worth:.4f}"}

    def _place(self, form: dict[str, str]) -> Act:
        if any(row["ref_id"] == form["ref_id"] for row in self.rows.values()):
            return self._reply(409, {"detail": "Reference ID must be unique."})
        quantity, price = Decimal(form["quantity"]), Decimal(form["price"])
        if form["side"] == "sell" and quantity > self.shares - self._reserved():
            return self._reply(400, {"detail": "Not enough shares to sell."})
        if form["side"] == "buy" and quantity * price > self.cash:
            return self._reply(400, {"detail": "You can only purchase 0 shares of AAPL."})
        row = self._row(form, quantity, price)
        self.rows[str(row["id"])] = row
        if form["side"] == "buy" and price >= self.ask:
            self._fill(row, quantity)
        return self._reply(201, row | {"state": "unconfirmed", "executions": [], "cumulative_quantity": "0.00000000"})

    def _row(self, form: dict[str, str], quantity: Decimal, price: Decimal) -> dict[str, object]:
        order_id = str(uuid.UUID(int=next(self._numbers) + (4 << 76)))
        return {
            "id": order_id,
            "ref_id": form["ref_id"],
            "url": f"{BASE}/orders/{order_id}/",
            "account": form["account"],
            "instrument": form["instrument"],
            "instrument_id": form["instrument"].rstrip("/").rpartition("/")[2],
            "cancel": f"{BASE}/orders/{order_id}/cancel/",
            "cumulative_quantity": "0.00000000",
            "average_price": None,
            "state": "confirmed",
            "type": "limit",
            "side": form["side"],
            "time_in_force": form["time_in_force"],
            "price": eight(price),
            "quantity": eight(quantity),
            "reject_reason": None,
            "created_at": NOW,
            "updated_at": NOW,
            "last_transaction_at": "2026-11-23T15:00:00Z",
            "executions": [],
        }

    def _fill(self, row: dict[str, object], quantity: Decimal) -> None:
        execution = {
            "id": str(uuid.UUID(int=next(self._numbers) + (8 << 76))),
            "quantity": eight(quantity),
            "price": eight(self.ask),
            "timestamp": NOW,
        }
        row |= {"state": "filled", "cumulative_quantity": eight(quantity), "average_price": eight(self.ask)}
        row |= {"executions": [execution], "cancel": None}
        self.cash -= quantity * self.ask
        self.shares += int(quantity)

    def _cancel(self, order_id: str) -> Act:
        row = self.rows.get(order_id)
        if row is None:
            return self._not_found()
        if row["cancel"] is None:
            return self._reply(403, {"detail": "Order cannot be cancelled at this time."})
        row |= {"state": "cancelled", "cancel": None}
        return self._reply(200, {})

    def _open(self) -> list[dict[str, object]]:
        return [row for row in self.rows.values() if row["cancel"] is not None]

    def _listed(self, heard: Heard) -> list[object]:
        rows = self._open() if heard.query.get("is_closed") == "false" else list(self.rows.values())
        return [*rows[::-1], *self.more_orders]

    def _placed_elsewhere(self, order_id: str) -> object:
        return next((row for row in self.more_orders if isinstance(row, dict) and row.get("id") == order_id), None)

    def _reserved(self) -> Decimal:
        return sum((Decimal(str(row["quantity"])) for row in self._open() if row["side"] == "sell"), Decimal(0))

    def _worth(self, row: dict[str, object]) -> Decimal:
        return Decimal(str(row["quantity"])) * Decimal(str(row["price"]))

    def _page(self, rows: Sequence[object], heard: Heard) -> Act:
        cursor = heard.query.get("cursor", "")
        start = int(cursor) if cursor.isdigit() else 0  # it knows no cursors but its own
        end = start + self.page_size
        query = urlencode(heard.query | {"cursor": str(end)})
        following = f"{BASE}{heard.path}?{query}" if end < len(rows) else None
        return self._reply(200, {"next": following, "previous": None, "results": rows[start:end]})

    def _instrument(self, symbol: str) -> dict[str, object]:
        instrument_id = self.instruments[symbol]
        return {
            "id": instrument_id,
            "url": f"{BASE}/instruments/{instrument_id}/",
            "symbol": symbol,
            "state": "active",
            "tradeable": True,
            "tradability": "tradable",
        }
