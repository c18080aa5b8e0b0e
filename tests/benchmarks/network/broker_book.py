"""The loopback broker's book, filled as a busy account is: many symbols, positions, and orders placed elsewhere."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.loopback_broker.acts import Act
from tests.support.loopback_broker.book import BASE, LoopbackBook, eight
from tests.support.loopback_broker.server import Heard
from tests.support.stand_in_book import wire_time
from trading_bot.clock import SystemClock

ACCOUNT = "5QR10001"
SYMBOLS = tuple(f"SY{first}{second}" for first in "ABCDEFGHIJKLMNO" for second in "ABCDEFGHIJKLMNOPQRST")
"""300 symbols that may be traded."""

_CLOSED = ("filled", "cancelled")


class ShiftedClock(SystemClock):
    """A clock that is ``ahead`` of this machine's."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


class BusyBook(LoopbackBook):
    """An account with money enough; its buys rest."""

    def __init__(self, *, ahead: timedelta, page_size: int = 100) -> None:
        super().__init__(account_number=ACCOUNT, page_size=page_size)
        self.cash = Decimal(10_000_000)
        self.ask = Decimal("100.02")
        self.instruments = {name: str(uuid.UUID(int=(5 << 76) + n)) for n, name in enumerate(SYMBOLS, start=1)}
        self.clock = self._clock = ShiftedClock(ahead)
        self._ref_ids: set[str] = set()
        self.unlisted: list[dict[str, object]] = []
        """Orders placed elsewhere that come to the list with the next submit, as newer ones than that."""

    def hold(self, count: int, *, shares: int = 10) -> None:
        """Hold so many positions, whose rows do not name their symbols."""
        self.more_positions = [
            {
                "instrument_id": instrument_id,
                "account_number": self.account_number,
                "quantity": eight(Decimal(shares)),
                "average_buy_price": "90.0000",
                "shares_held_for_sells": eight(Decimal(0)),
            }
            for instrument_id in list(self.instruments.values())[:count]
        ]

    def have_placed_elsewhere(self, count: int, *, days_ago: float = 0, is_open: bool = False) -> None:
        """Add orders of the broker's app, which we do not know, as the newest ones."""
        for row in self._elsewhere(count, days_ago=days_ago, is_open=is_open):
            self.rows[str(row["id"])] = row

    def place_after_next_submit(self, count: int) -> None:
        """Let orders be placed elsewhere just after the next submit."""
        self.unlisted = self._elsewhere(count, days_ago=0, is_open=False)

    def fill_open(self, count: int) -> None:
        """Fill the oldest open orders."""
        for row in self._open()[:count]:
            self._fill(row, Decimal(str(row["quantity"])))
            row.update(dict.fromkeys(("updated_at", "last_transaction_at"), wire_time(self._clock.now())))

    def _elsewhere(self, count: int, *, days_ago: float, is_open: bool) -> list[dict[str, object]]:
        at = wire_time(self._clock.now() - timedelta(days=days_ago))
        rows = []
        for number in range(count):
            name = SYMBOLS[-1 - number % 100]
            form = {
                "ref_id": str(uuid.uuid4()),
                "account": f"{BASE}/accounts/{self.account_number}/",
                "instrument": f"{BASE}/instruments/{self.instruments[name]}/",
                "side": "buy",
                "time_in_force": "gfd",
            }
            row = self._row(form, Decimal(1), Decimal(90)) | dict.fromkeys(("created_at", "updated_at"), at)
            rows.append(row if is_open else row | {"state": _CLOSED[number % 2], "cancel": None} | _fill_of(number, at))
        return rows

    def _row(self, form: dict[str, str], quantity: Decimal, price: Decimal) -> dict[str, object]:
        at = wire_time(self._clock.now())
        times = dict.fromkeys(("created_at", "updated_at", "last_transaction_at"), at)
        return super()._row(form, quantity, price) | times

    def _place(self, form: dict[str, str]) -> Act:
        if form["ref_id"] in self._ref_ids:
            return self._reply(409, {"detail": "Reference ID must be unique."})
        self._ref_ids.add(form["ref_id"])
        row = self._row(form, Decimal(form["quantity"]), Decimal(form["price"]))
        self.rows[str(row["id"])] = row
        self.rows |= {str(later["id"]): later for later in self.unlisted}
        self.unlisted = []
        return self._reply(201, row | {"state": "unconfirmed"})

    def _cancel(self, order_id: str) -> Act:
        act = super()._cancel(order_id)
        if order_id in self.rows:
            self.rows[order_id]["updated_at"] = wire_time(self._clock.now())
        return act

    def _quote(self, symbol: str) -> dict[str, object]:
        return super()._quote(symbol) | {"updated_at": wire_time(self._clock.now())}

    def _answer(self, heard: Heard, parts: list[str]) -> Act:
        if heard.method == "GET" and parts == ["accounts"]:
            return self._page([self._account()], heard)
        return super()._answer(heard, parts)

    def _listed(self, heard: Heard) -> list[object]:
        rows = self._open() if heard.query.get("is_closed") == "false" else list(self.rows.values())
        since, instrument = heard.query.get("updated_at[gte]", ""), heard.query.get("instrument")
        return [row for row in reversed(rows) if _is_asked_for(row, since, instrument)]


def _is_asked_for(row: Mapping[str, Any], since: str, instrument: str | None) -> bool:
    return row["updated_at"] >= since and instrument in (None, row["instrument"])


def _fill_of(number: int, at: str) -> dict[str, object]:
    if number % 2:
        return {}
    filled = {"id": str(uuid.uuid4()), "quantity": eight(Decimal(1)), "price": eight(Decimal(90)), "timestamp": at}
    return {"executions": [filled], "cumulative_quantity": eight(Decimal(1)), "average_price": eight(Decimal(90))}
